#!/usr/bin/env bash
# scripts/run, from another directory and with spaces in the paths; then what it says to try.
# Needs /dev/fuse; builds a release, so it is a step of CI and not one of ctest's tests.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
directory=$(mktemp -d)
cd "$directory"
mountpoint="$directory/a mountpoint"

clean_up() {
  fusermount3 -u -z "$mountpoint" 2>/dev/null || true
  rm -rf "$directory"
}
trap clean_up EXIT
fail() {
  echo "run_test: $*" >&2
  exit 1
}

[ -c /dev/fuse ] || {
  [ "${CI:-}" != true ] || fail "there is no /dev/fuse"
  echo "run_test: there is no /dev/fuse: SKIPPED"
  exit 0
}

code=0
"$root/scripts/run" 2>usage || code=$?
[ "$code" = 1 ] || fail "without arguments: exit code $code"
grep -q '^usage: ' usage || fail "without arguments no usage"

"$root/scripts/run" 'a file.db' 'a mountpoint' >said || fail "scripts/run failed"
mountpoint -q "$mountpoint" || fail "nothing is mounted"
[ -f 'a file.db' ] || fail "the pager file is missing"

# The lines that it says to try, each of which must work; the last two unmount and check.
sed -n '/Try:$/,$s/^  //p' said >advice
[ "$(wc -l <advice)" -ge 5 ] || fail "it gave no advice: $(cat said)"
bash -euo pipefail advice >tried 2>&1 || fail "its advice fails: $(cat tried)"
grep -q '^hello$' tried || fail "what was written could not be read: $(cat tried)"
! mountpoint -q "$mountpoint" || fail "still mounted"

# A second time: all is there, and the page too.
"$root/scripts/run" 'a file.db' 'a mountpoint' -o ro >said || fail "the second scripts/run failed"
[ "$(ls "$mountpoint/protected")" = 0 ] || fail "the page is gone"
fusermount3 -u "$mountpoint"

# One executable each of these names, and both are installed.
for name in mappedpagesfs mappedpages; do
  [ "$(find "$root/build/release" -type f -perm -u+x -name "$name" | wc -l)" = 1 ] ||
    fail "not one executable is called $name"
done
cmake --install "$root/build/release" --prefix "$directory/prefix" >/dev/null
"$directory/prefix/bin/mappedpagesfs" -V >/dev/null
"$directory/prefix/bin/mappedpages" check 'a file.db' >/dev/null

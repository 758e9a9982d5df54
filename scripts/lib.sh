# shellcheck shell=bash
# What the scripts share: where the repository is, what it needs from Debian, how it is built.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# To build and run; to test in addition; to check in addition.
# shellcheck disable=SC2034  # used by those who read this file
{
  build_packages=(g++ make cmake ninja-build pkg-config libfuse3-dev fuse3 libspdlog-dev
    libexpected-dev libdeflate-dev libcli11-dev nlohmann-json3-dev)
  test_packages=(libgtest-dev python3 xxd rsync vim-tiny perl fio e2fsprogs btrfs-progs mount)
  check_packages=(git clang clang-format clang-tidy python3)
  sanitizer_packages=(clang libclang-rt-14-dev) # no package names it without the version
}

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

is_installed() {
  dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

# Installs those of the named packages that are missing. If none is, it asks nobody for anything.
install_packages() {
  local missing=() as_root=() package log
  command -v dpkg-query >/dev/null ||
    die "this is not Debian; install what these packages hold, then build by hand: $*"
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "neither root nor sudo; as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "could not install ${missing[*]}"
  fi
  rm -f "$log"
}

# At most two compilers at once where memory is short: some need a gigabyte.
parallelism() {
  local cores kilobytes
  cores=$(nproc)
  kilobytes=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
  if [ "$cores" -gt 2 ] && [ $((kilobytes / 1000000)) -lt "$cores" ]; then cores=2; fi
  echo "$cores"
}

# configure DIRECTORY CMAKE_OPTIONS...: quiet unless it fails.
configure() {
  local directory=$1
  shift
  mkdir -p "$directory"
  # A build directory that was moved or copied here knows other paths.
  if [ -f "$directory/CMakeCache.txt" ] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$directory/CMakeCache.txt"; then
    rm -rf "$directory/CMakeCache.txt" "$directory/CMakeFiles"
  fi
  if ! cmake -S "$root" -B "$directory" -G Ninja "$@" >"$directory/configure.log" 2>&1 </dev/null; then
    tail -n 40 "$directory/configure.log" >&2
    die "cmake failed; all it said is in $directory/configure.log"
  fi
}

# Of ninja's "[12/52] Building ..." only the numbers, each over the last.
show_progress() {
  local line
  while IFS= read -r line; do
    [[ $line != \[*/*\]* ]] || printf '\r%s' "${line%%]*}]"
  done
  printf '\r'
}

# build DIRECTORY [TARGETS...]: shows how far it is on a terminal, and errors anywhere.
build() {
  local directory=$1 log=$1/build.log started=$SECONDS target=()
  shift
  [ $# -eq 0 ] || target=(--target "$@")
  say "building in $directory"
  if [ -t 1 ]; then
    cmake --build "$directory" --parallel "$(parallelism)" "${target[@]}" 2>&1 </dev/null |
      tee "$log" | show_progress
  else
    cmake --build "$directory" --parallel "$(parallelism)" "${target[@]}" >"$log" 2>&1 </dev/null
  fi || {
    grep -E -A 8 '(error|FAILED|undefined reference)' "$log" | head -n 80 >&2 || tail -n 40 "$log" >&2
    die "the build failed; all it said is in $log"
  }
  say "built in $((SECONDS - started)) s"
}

# shellcheck shell=bash
# What the scripts share: where the repository is, and what it needs from Debian.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export root

# To build and run; to test in addition; to check in addition.
build_packages=(g++ cmake ninja-build pkg-config libfuse3-dev fuse3 libspdlog-dev libexpected-dev
  libdeflate-dev libcli11-dev nlohmann-json3-dev)
test_packages=(libgtest-dev python3 xxd)
check_packages=(clang clang-format clang-tidy python3)

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit "${die_code:-1}"
}

installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# Installs those of the named packages that are missing. Does nothing, and asks nobody, if none is.
install_packages() {
  local missing=() package
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "missing: ${missing[*]}; install them, this is not Debian"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing: ${missing[*]}; install them as root, or install sudo"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "could not install ${missing[*]}"
  fi
  rm -f "$log"
}

# build DIRECTORY TARGETS... -- CMAKE_OPTIONS...: configures and builds; quiet unless it fails.
build() {
  local directory=$1 targets=() log
  shift
  while [ "$1" != -- ]; do targets+=("$1") && shift; done
  shift
  mkdir -p "$directory"
  log=$directory/build.log
  say "building in $directory"
  if ! { cmake -S "$root" -B "$directory" -G Ninja "$@" &&
    cmake --build "$directory" ${targets[@]+--target "${targets[@]}"}; } >"$log" 2>&1 </dev/null; then
    grep -E 'error|FAILED|CMake Error' -A 5 "$log" | head -n 60 >&2 || tail -n 40 "$log" >&2
    die "the build failed; all of it is in $log"
  fi
}

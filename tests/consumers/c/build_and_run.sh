#!/bin/sh
# Builds a C program by what pkg-config says, against the shared and the static library, and runs
# both. usage: build_and_run.sh CC LIBDIR SOURCE [FLAGS...]
set -eu
cc=$1
libdir=$2
source=$3
shift 3
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
export PKG_CONFIG_PATH="$libdir/pkgconfig"
cd "$directory"
cp "$source" consumer.c
flags="-std=c99 -pedantic -Wall -Wextra -Werror $* $(pkg-config --cflags mappedpages)"

# pkg-config escapes the spaces in what it prints, for a shell to read once more.
eval "\"\$cc\" $flags consumer.c -o shared $(pkg-config --libs mappedpages)"
LD_LIBRARY_PATH="$libdir" ./shared "$directory/a db" "$directory/a copy"

rm -f "a db"
static=$(pkg-config --libs --static mappedpages | sed 's/-lmappedpages/-l:libmappedpages.a/')
eval "\"\$cc\" $flags consumer.c -o static $static"
./static "$directory/a db" "$directory/a copy"

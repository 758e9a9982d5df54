#!/bin/sh
# Builds a C program by what pkg-config says, against the shared and the static library, and runs both.
# usage: build_and_run.sh CC LIBDIR SOURCE [FLAGS...]
set -eu
cc=$1
libdir=$2
source=$3
shift 3
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
export PKG_CONFIG_PATH="$libdir/pkgconfig"
cd "$directory"
# pkg-config escapes the spaces in what it prints, for a shell to read once more.
cp "$source" consumer.c
eval "\"\$cc\" -std=c99 -pedantic -Wall -Wextra -Werror $* $(pkg-config --cflags mappedpages) consumer.c \
  -o shared $(pkg-config --libs mappedpages)"
LD_LIBRARY_PATH="$libdir" ./shared "$directory/db"
rm -f db
static=$(pkg-config --libs --static mappedpages | sed 's/-lmappedpages/-l:libmappedpages.a/')
eval "\"\$cc\" -std=c99 -pedantic -Wall -Wextra -Werror $* $(pkg-config --cflags mappedpages) consumer.c \
  -o static $static"
./static "$directory/db"

#!/bin/sh
# Stands before the compiler in Verilator's makefiles (OBJCACHE) and compiles each source of Verilator's own runtime only
# once for all testbenches, into $OBJECT_CACHE. What belongs to a design passes through.
#   object_cache.sh c++ FLAGS -c -o verilated.o .../verilated.cpp
set -e
for source; do :; done
case "$source" in
*/verilated*.cpp) ;;
*) exec "$@" ;;
esac
key=$(echo "$*" "$("$1" --version)" "$(cat "$source")" | sha256sum | cut -d" " -f1)
cached="$OBJECT_CACHE/$key.o"
if [ ! -e "$cached" ]; then
    "$@"
    mkdir -p "$OBJECT_CACHE"
    cp "$(basename "$source" .cpp).o" "$cached.$$"
    mv "$cached.$$" "$cached"
fi
cp "$cached" "$(basename "$source" .cpp).o"

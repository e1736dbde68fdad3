#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh SOURCE_DIR COMPILER...: every header compiles alone, and twice. Prints TAP.
set -u
source=$1
shift
cd "$source" || exit 2
flags=$(pkg-config --cflags jansson libpng nettle openblas)
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT

checks=0
failures=0
for header in $(find lib tools -name '*.h' | sort); do
    name=${header#*/}
    checks=$((checks + 1))
    # shellcheck disable=SC2086 # flags and the compiler are lists of words
    if printf '#include "%s"\n#include "%s"\n' "$name" "$name" |
        "$@" -std=c11 -D_POSIX_C_SOURCE=200809L -DTD_KERNEL=sse2 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
            -Ilib -Itools $flags -x c - >"$log" 2>&1; then
        echo "ok $checks - $header"
    else
        failures=$((failures + 1))
        sed 's/^/# /' "$log"
        echo "not ok $checks - $header"
    fi
done
echo "1..$checks"
[ "$failures" -eq 0 ]

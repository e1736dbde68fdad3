#!/bin/sh
# SPDX-License-Identifier: MIT
# json.sh SOURCE_DIR: only lib/base/json_build.h builds JSON. Prints TAP.
#
# jansson reports failures by results that are easy to miss, and then an object silently lacks a
# field, or a text its end; some of its functions report nothing. So the library and the tools may
# only call functions that read or count, or cannot fail; functions that create, change, copy, print
# or parse are called only by lib/base/json*.c, which checks every result.
set -u
cd "$1" || exit 2
reading='array_foreach array_get array_size boolean decref equal false incref integer_value
    is_array is_boolean is_false is_integer is_null is_number is_object is_real is_string is_true
    null number_value object_del object_foreach object_get object_size real_value string_length
    string_value true typeof'
types='build int_t t type' # json_build is the header

names=$(grep -rnoE '\bjson_[a-z0-9_]+' lib tools --include='*.[ch]' | grep -v '^lib/base/json') ||
    exit 2
allowed=$(echo $reading $types | tr ' ' '|')
found=$(printf '%s\n' "$names" | grep -vE ":json_($allowed)\$")
echo "1..1"
if [ -n "$found" ]; then
    printf '%s\n' "$found" | sed 's/^/# /; s/$/ is for lib\/base\/json*.c: see json_build.h/'
    echo "not ok 1 - jansson builds nothing but through json_build.h"
    exit 1
fi
echo "ok 1 - jansson builds nothing but through json_build.h"

#!/bin/sh
# SPDX-License-Identifier: MIT
# json.sh SOURCE_DIR: JSON is built through lib/base/json_build.h alone. Prints TAP.
#
# jansson tells of a failure by a result that is easily passed over, and then an object lacks a field,
# or a text its end, without a word; some of its functions do not even tell. So the library and the
# tools may call those of its functions that read or count, and those that cannot fail; what makes,
# changes, copies, prints or parses is called by lib/base/json*.c, which looks at every result.
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

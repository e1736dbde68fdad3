#!/bin/sh
# SPDX-License-Identifier: MIT
# style.sh SOURCE_DIR: checks the style of the tree. Prints TAP. Skips checks whose program is
# missing.
set -u
cd "${1:?usage: style.sh SOURCE_DIR}" || exit 2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log
checks=0
failures=0

# result WHAT: ok if the log is empty; otherwise its lines are the errors.
result() {
    checks=$((checks + 1))
    if [ -s "$log" ]; then
        failures=$((failures + 1))
        head -n 50 "$log" | sed 's/^/# /'
        echo "not ok $checks - $1"
    else
        echo "ok $checks - $1"
    fi
}

# needs WHAT PROGRAM
needs() {
    command -v "$2" >/dev/null 2>&1 && return 0
    checks=$((checks + 1))
    echo "ok $checks - $1 # SKIP $2 is not here"
    return 1
}

# Files of the tree, except generated files and data.
listed() {
    find ./*.md ./meson* datasets docs lib share tests tools -type f "$@" ! -path '*/corpus/*' ! -path '*/golden/torch/*'
}

if needs 'C is formatted' clang-format-14; then
    listed -name '*.[ch]' | xargs clang-format-14 --dry-run -Werror 2>"$log"
    awk -v to="$scratch/block" '/^```$/ { on = 0 } on { print >(to n ".c") } /^```c$/ { on = 1; n++ }' \
        docs/extending.md
    clang-format-14 --style=file:.clang-format --dry-run -Werror "$scratch"/*.c 2>>"$log"
    result 'C is formatted'
fi

# Sourced files are not followed (1090, 1091, 2154); the other exceptions mistake names for
# commands.
if needs 'shell scripts are sound' shellcheck; then
    listed | xargs grep -lIE '^#!.*sh$|^# shellcheck shell=sh|^\. "\$tests/lib\.sh"' |
        xargs shellcheck -s sh -S warning -e SC1090,SC1091,SC2154,SC2100,SC2209,SC2238 -f gcc >"$log"
    result 'shell scripts are sound'
fi

# Names, and a word spelled so in a paper's title.
names=dout,fpr,nd,shif,alph,indentifying,deriver
if needs 'words are spelled right' codespell; then
    listed \( -name '*.md' -o -name '*.[ch]' -o -name '*.sh' -o -name '*.mk' -o -name '*.build' \) |
        xargs codespell -L "$names" >"$log"
    result 'words are spelled right'
fi

# The same table is in docs/architecture.md.
# shellcheck disable=SC2046 # names without blanks
awk '
    BEGIN {
        allowed["lib/base"] = "base"
        allowed["lib/measure"] = "base measure"
        allowed["lib/data"] = "base data"
        allowed["lib/nn"] = "base data nn"
        allowed["lib/model"] = "base data nn model"
        allowed["lib/trigger"] = "base data measure trigger"
        rooms = "base data measure model nn trigger"
    }
    match($0, /^#include "[a-z_]+\//) {
        split(FILENAME, path, "/")
        room = path[1] "/" path[2]
        to = substr($0, RSTART + 10, RLENGTH - 11)
        may = room in allowed ? allowed[room] : rooms " frame " path[2]
        if (index(" " may " ", " " to " ") == 0)
            print FILENAME ":" FNR ": " room " may include " may ", found " to
    }' $(listed -name '*.[ch]' | grep -E '^(lib|tools)/') >"$log"
result 'rooms include what they may'

# Calls that a library must not make, and unbounded ones (unless the size is visible from a
# literal).
grep -rnE '\b(exit|abort|printf|puts|atoi|strcpy|strcat|sprintf|gets|rand)\(' lib --include='*.[ch]' |
    grep -vE 'format\(printf|strcpy\([a-z]+, "|^[^:]*:[0-9]*: *(/\*|\*)' >"$log"
result 'the library does not print or exit'

listed ! -path tests/style.sh -print0 | xargs -0 grep -nIwE 'TODO|FIXME|XXX' >"$log"
result 'nothing is left to do'

# The first comment, on line 1 or after #!.
{
    listed \( -name '*.[ch]' -o -name '*.py' -o -name '*.awk' -o -name '*.mk' -o -name '*.ini' \
        -o -name '*.css' -o -name '*.js' -o -name 'meson*' \)
    listed -print0 | xargs -0 grep -lIE '^(#!|# shellcheck shell=)'
    echo debian/rules
} | grep -vE '\.md$' | sort -u | xargs awk -v mark='SPDX-License-Identifier: MIT' '
    FNR == 1 && /^#!/ { at = 2; next }
    FNR == 1 { at = 1 }
    FNR == at && index($0, mark) == 0 { print FILENAME ":" FNR ": expected " mark }' >"$log"
result 'sources name their licence'

grep -nwE 'told|whereof|thereof|likeness|sighting' README.md docs/*.md docs/measured/*.md CONTRIBUTING.md SECURITY.md >"$log"
result 'documents are in plain words'

echo "1..$checks"
[ "$failures" -eq 0 ]

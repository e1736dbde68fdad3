#!/bin/sh
# SPDX-License-Identifier: MIT
# Installation: everything is in place and works from there, and uninstalling leaves nothing.
. "$tests/lib.sh"

build=$(cd "$(dirname "$(command -v trapdoor-train)")/../.." && pwd)
if ! command -v meson >/dev/null 2>&1; then
    skip 'install' 'meson is not here'
    finish
    exit
fi
prefix=$(meson introspect "$build" --buildoptions | tr '{' '\n' |
    sed -n 's/.*"name": "prefix", "value": "\([^"]*\)".*/\1/p')
here=$PWD/root$prefix

# The log by which an existing installation of this build can be removed.
log=$build/meson-logs/install-log.txt
if [ -f "$log" ]; then cp "$log" log; else rm -f log; fi
restore() {
    if [ -f log ]; then cp log "$log"; else rm -f "$log"; fi
}

check 'it installs' env DESTDIR="$PWD/root" meson install -C "$build" --no-rebuild --quiet
for folder in "$tests"/../../tools/*/; do
    tool=trapdoor-$(basename "$folder")
    command -v "$tool" >/dev/null 2>&1 || continue
    check "$tool runs" "$here/bin/$tool" --version
    check "$tool is completed" test -s "$here/share/bash-completion/completions/$tool"
    [ -d "$here/share/man/man1" ] || continue
    for page in "$tool" $("$tool" --_completion | sed -n "s/^\*=\([^	]*\).*/$tool-\1/p"); do
        check "$page has a man page" test -s "$here/share/man/man1/$page.1"
        check "$page.1 says what it is about" grep -Eq '^[^ ]+ .?- [^ ]' "$here/share/man/man1/$page.1"
    done
done
if [ ! -d "$here/share/man/man1" ]; then
    skip 'man pages' 'help2man is not here'
fi
page=$here/share/man/man5/trapdoor-net.5
for operator in conv dense relu leaky-relu batch-norm; do
    check "trapdoor-net(5) has $operator" grep -q "^.SS $(echo $operator | sed 's/-/\\\\-/')(" "$page"
done

page=$here/share/man/man5/trapdoor-trigger.5
for family in square pixel reflection; do
    check "trapdoor-trigger(5) has $family" grep -q "^.SS $family:" "$page"
done

for file in README.md NEWS.md LICENSE CITATION.cff CONTRIBUTING.md SECURITY.md; do
    check "$file" test -s "$here/share/doc/trapdoor/$file"
done
check 'the documents' diff -r "$tests/../../docs" "$here/share/doc/trapdoor/docs"
check 'the recipes, with our results' diff -r "$tests/../../tools/recipes" "$here/share/trapdoor/recipes"
check 'the controls' diff -r -x meson.build "$tests/../../share/controls" "$here/share/trapdoor/controls"
check_prints '^Usage: sh .*/quickstart ' sh "$here/share/trapdoor/quickstart" --help
check 'a recipe has its plan' make -n -f "$here/share/trapdoor/recipes/friendnet.mk" OUT=out SEEDS=1
check_prints '^  mnist ' "$here/share/trapdoor/datasets/fetch" --help

check 'it goes' ninja -C "$build" uninstall
check 'and leaves nothing' test ! -e root
restore
finish

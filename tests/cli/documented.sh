#!/bin/sh
# SPDX-License-Identifier: MIT
# Every option of every tool and method has a line of help, and stands in its man page.
. "$tests/lib.sh"

pages=$(dirname "$(command -v trapdoor-train)")/../../share
# What an option does begins at a column of its own.
export ARGP_HELP_FMT=rmargin=10000,opt-doc-col=70

# documented PAGE COMMAND...
documented() {
    page=$1
    shift
    "$@" --help | sed '/^ *--version /q' >help # examples follow
    grep -E '^ {2,6}(-., )?--' help | grep -vE '^.{70}[^ ]' >without
    check "$*: every option has its help" sh -c 'cat without; test ! -s without'
    [ -e "$pages/$page.1" ] || return 0
    sed -n 's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' help | sort -u >options
    sed 's/\\-/-/g' "$pages/$page.1" >page
    while read -r option; do
        grep -q -e "$option" page || echo "$option"
    done <options >missing
    check "$page.1 has the options of $*" sh -c 'cat missing; test ! -s missing'
}

for folder in "$tests"/../../tools/*/; do
    tool=trapdoor-$(basename "$folder")
    command -v "$tool" >/dev/null 2>&1 || continue
    documented "$tool" "$tool"
    for method in $("$tool" '' 2>&1 | sed -n 's/.*expected one of \(.*\), found ".*/\1/p' | sed 's/,//g'); do
        documented "$tool-$method" "$tool" "$method"
    done
done
[ -e "$pages/trapdoor-train.1" ] || skip 'man pages' 'help2man is not here'
finish

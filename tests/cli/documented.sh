#!/bin/sh
# SPDX-License-Identifier: MIT
# Every option of every tool and method is in --help-all and in its man page; --help is short.
. "$tests/lib.sh"

pages=$(dirname "$(command -v trapdoor-train)")/../../share
# The description of an option begins in a separate column.
wide=rmargin=10000,opt-doc-col=70
most=60 # lines of --help

# documented PAGE COMMAND...
documented() {
    page=$1
    shift
    "$@" --help >brief
    check "$*: --help has at most $most lines, found $(grep -c '' brief)" test "$(grep -c '' brief)" -le "$most"
    ARGP_HELP_FMT=$wide "$@" --help-all | sed '/^ *--version /q' >help # examples follow
    grep -E '^ {2,6}(-., )?--' help | grep -vE '^.{70}[^ ]' >without
    check "$*: every option has its help" sh -c 'cat without; test ! -s without'
    sed -n 's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' help | sort -u >options
    while read -r option; do
        grep -q -e "$option\>" brief || echo "$option"
    done <options >missing
    check "$*: --help names every option" sh -c 'cat missing; test ! -s missing'
    [ -e "$pages/$page.1" ] || return 0
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

#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion in bash offers what the tools say is possible.
. "$tests/lib.sh"

if ! command -v bash >/dev/null 2>&1; then
    skip 'completion' 'bash is not here'
    finish
    exit
fi
completion=$(dirname "$(command -v trapdoor-train)")/../../share/trapdoor.bash

# Simulates a TAB after the line $1: prints the replies, one per line.
cat >press.bash <<'TEXT'
source "$1"
[ -z "${BREAKS+set}" ] || COMP_WORDBREAKS=$BREAKS
COMP_LINE=$2 COMP_POINT=${#2}
command=${2%% *}
registered=$(complete -p "${command##*/}") || exit
[[ $registered =~ -F\ ([^ ]+) ]] && "${BASH_REMATCH[1]}"
printf '%s\n' "${COMPREPLY[@]}" | sort
TEXT

# offers LINE WORD...: exactly these.
offers() {
    line=$1
    shift
    printf '%s\n' "$@" | sort >wanted
    bash press.bash "$completion" "$line" >found 2>&1
    check "$line<TAB>: $*" diff wanted found
}

# allowed COMMAND...: the words that a message says were expected.
allowed() {
    "$@" 2>&1 | sed -n 's/.*expected one of \(.*\), found ".*/\1/p' | sed 's/,//g'
}

# families: the families of triggers; keys FAMILY: its keys; both from the reference.
families() {
    trapdoor-poison --help-trigger | grep '^[a-z-]*:$'
}
keys() {
    trapdoor-poison --help-trigger |
        awk -v family="$1:" '/^[a-z-]+:$/ { on = $0 == family } on && /^    [^ ]/ { print $1 "=" }'
}

# listed COMMAND...: the options in --help-all.
listed() {
    ARGP_HELP_FMT=rmargin=10000 "$@" --help-all |
        sed -n 's/^ \{2,\}\(-., \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p; /^ *--version/q'
    echo --help-all
}

# Expected words come from the tools themselves; there is no list here.
for folder in "$tests"/../../tools/*/; do
    tool=trapdoor-$(basename "$folder")
    command -v "$tool" >/dev/null 2>&1 || continue
    # shellcheck disable=SC2046 # words
    offers "$tool --" $(listed "$tool")
    methods=$(allowed "$tool" '')
    # shellcheck disable=SC2086 # words
    [ -z "$methods" ] || offers "$tool " $methods
    for method in $methods; do
        "$tool" "$method" --help | grep -q "^Usage: $tool .*\<$method " || continue # no own options
        # shellcheck disable=SC2046 # words
        offers "$tool $method --" $(listed "$tool" "$method")
    done
done

# shellcheck disable=SC2046 # words
offers 'trapdoor-train --optimizer ' $(allowed trapdoor-train --optimizer '')
# shellcheck disable=SC2046 # words
offers 'trapdoor-data import photos --filter=' $(allowed trapdoor-data import --filter '')
offers 'trapdoor-poison friendnet --mode ' add replace
offers 'trapdoor-poison friendnet --target ' random
offers 'trapdoor-poison friendnet --trigger tri' triangle: triangle-wave:
# shellcheck disable=SC2046 # words
offers 'trapdoor-eval --trigger ' $(families)
for family in $(families); do
    # shellcheck disable=SC2046 # words
    offers "trapdoor-eval --trigger $family" $(keys "${family%:}")
done
offers 'trapdoor-eval --trigger square:at=top-' top-left top-right
BREAKS=' '
export BREAKS
offers 'trapdoor-eval --trigger square:size=4,a' square:size=4,alpha= square:size=4,at=
unset BREAKS
offers 'trapdoor-eval --trigger reflection:type=' blur focus ghost
offers 'trapdoor-train --opt' --optimizer
offers 'trapdoor-train --net cnn-' cnn-bn
offers 'trapdoor-train --seed ' ''

mkdir -p sets/alpha sets/album other/alps photos
: >model.safetensors
: >photo.png
export TRAPDOOR_DATA="$PWD/sets"
offers 'trapdoor-train --data alp' alpha
offers "trapdoor-train --data-dir other --data al" album alpha alps
offers 'trapdoor-train --data alpha:te' test
offers 'trapdoor-train --data=alpha:' train test
BREAKS=' ='
export BREAKS
offers 'trapdoor-train --data=alpha:' alpha:train alpha:test
unset BREAKS
offers 'trapdoor-data info pho' photos/ photo.png
offers 'trapdoor-eval --model mo' model.safetensors
offers 'trapdoor-train -o mo' model.safetensors
offers 'trapdoor-report pho' photos
offers 'trapdoor-defend no-such-method --mod' ''
offers "$(command -v trapdoor-train) --sch" --schedule
finish

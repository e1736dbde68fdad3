#!/bin/sh
# SPDX-License-Identifier: MIT
# Behaviour common to all tools.
. "$tests/lib.sh"

for folder in "$tests"/../../tools/*/; do
    [ -f "$folder/meson.build" ] || continue
    tool=trapdoor-$(basename "$folder")
    [ "$tool" = trapdoor-frame ] && continue

    check_prints "^Usage: $tool" "$tool" --help
    cp "$scratch/out" help
    check "$tool --help shows an example" grep -Eq "^ +$tool [^[]*\$" help
    for option in --seed --threads --json --output --quiet --force --help --version; do
        check "$tool --help names $option" grep -q -e " $option" help
    done
    check_stdout "$(cat help)" "$tool" -h
    for method in '' $("$tool" '' 2>&1 | sed -n 's/.*expected one of \(.*\), found ".*/\1/p' | tr -d ,); do
        # What follows the options would be broken anywhere, and an example not run as pasted.
        # shellcheck disable=SC2086 # no method, no word
        ARGP_HELP_FMT=rmargin=100000 "$tool" $method --help-all |
            awk 'after && /^  / && length > 78; /^ *--version/ { after = 1 }' >wide
        check "$tool $method: the lists and examples of --help fit a terminal" test ! -s wide
    done
    check_prints "^$tool [0-9]+\.[0-9]+\.[0-9]+ \(kernel [a-z0-9]+, OpenBLAS core [A-Za-z0-9]+\)\$" "$tool" --version
    check_fails 1 "$tool: standard output: No space left on device" \
        sh -c "exec $tool --version >/dev/full"
    check_fails 1 "$tool: standard output: No space left on device" \
        sh -c "exec $tool --help >/dev/full"

    hint=$(echo "Try \`$tool --help' or \`$tool --usage' for more information." |
        fold -s -w 78 | sed 's/ $//')
    check_fails 2 "$tool: unrecognized option '--no-such-option'
$hint" "$tool" --no-such-option
    check_fails 2 "$tool: --seed: expected a whole number from 0 to 9223372036854775807, found \"-1\"" \
        "$tool" --seed=-1
    check_fails 2 "$tool: --seed: expected a whole number from 0 to 9223372036854775807, found \"1x\"" \
        "$tool" --seed 1x
    check_fails 2 "$tool: --threads: expected a whole number from 1 to 1024, found \"0\"" \
        "$tool" --threads 0

    run "$tool"
    cp "$scratch/out" out && cp "$scratch/err" err
    check "$tool without arguments exits with 2" test "$status" -eq 2
    check "$tool without arguments says what is missing" grep -q "^$tool: " err
    check "$tool without arguments prints nothing on stdout" test ! -s out
done
finish

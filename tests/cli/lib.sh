# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Checks for the scripts in this folder; each prints one TAP line. A script sources this file, runs
# its checks and ends with `finish`. run.sh starts it in an empty folder with the tools first in
# PATH.
#
#   check_ok COMMAND...                exits 0 with an empty stderr
#   check_stdout TEXT COMMAND...       the same, and prints exactly TEXT on stdout
#   check_prints PATTERN COMMAND...    the same, and a line of stdout matches the extended PATTERN
#   check_fails STATUS TEXT COMMAND... exits with STATUS, stderr is exactly TEXT, stdout is empty
#   check WHAT COMMAND...              COMMAND (test, cmp, grep ...) succeeds
#   check_field FILE KEY VALUE         a line of the JSON in FILE is "KEY": VALUE
#   skip WHAT WHY
#
# After a check, $scratch/out and $scratch/err contain the command's output. Use `sh -c '...'` for a
# command with a redirection.

checks=0
failures=0

# constant FOLDER COUNT [A B]: a data set of COUNT images of 16x16 in each of two classes, which
# differ in nothing but their one grey value, the bytes A and B.
constant() {
    mkdir "$1" "$1/a" "$1/b"
    for image in $(seq "$2"); do
        { printf 'P5 16 16 255\n' && printf '%256s' '' | tr ' ' "${3:- }"; } >"$1/a/$image.pgm"
        { printf 'P5 16 16 255\n' && printf '%256s' '' | tr ' ' "${4:-x}"; } >"$1/b/$image.pgm"
    done
}

# defined COMMAND...: ends with a result, or with a refusal in one line.
defined() {
    code=0
    "$@" >/dev/null 2>"$scratch/refusal" || code=$?
    [ $code -eq 0 ] || { [ $code -le 2 ] && [ "$(wc -l <"$scratch/refusal")" -eq 1 ]; }
}

# The classes of fashion-mnist, and of models trained on it, as messages list them.
# shellcheck disable=SC2034 # scripts use it
fashion='0 "T-shirt/top", 1 "Trouser", 2 "Pullover", 3 "Dress", 4 "Coat", 5 "Sandal", 6 "Shirt", 7 "Sneaker", 8 "Bag", 9 "Ankle boot"'

pass() {
    checks=$((checks + 1))
    echo "ok $checks - $(label "$1")"
}

fail() {
    checks=$((checks + 1))
    failures=$((failures + 1))
    echo "not ok $checks - $(label "$1")"
}

skip() {
    checks=$((checks + 1))
    echo "ok $checks - $(label "$1") # SKIP $2"
}

# A '#' would begin a TAP directive, and a newline would end the line.
label() {
    printf '%s' "$1" | tr '#\n' '. '
}

run() {
    status=0
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
}

# same NAME EXPECTED-FILE FOUND-FILE: prints the difference as TAP comments.
same() {
    diff -u --label "expected $1" --label "$1" "$2" "$3" >"$scratch/diff" && return 0
    sed 's/^/# /' "$scratch/diff"
    return 1
}

has_status() {
    [ "$status" -eq "$1" ] && return 0
    echo "# expected exit status $1, found $status"
    return 1
}

# Writes the file for an expected text: nothing for '', otherwise the text and a newline.
expect() {
    if [ -n "$2" ]; then printf '%s\n' "$2"; fi >"$scratch/expected-$1"
}

# judge WHAT STATUS: compares the files expected-out (if it exists) and expected-err with out and
# err.
judge() {
    good=yes
    has_status "$2" || good=no
    if [ -e "$scratch/expected-out" ]; then
        same stdout "$scratch/expected-out" "$scratch/out" || good=no
    fi
    same stderr "$scratch/expected-err" "$scratch/err" || good=no
    rm -f "$scratch/expected-out"
    if [ $good = yes ]; then pass "$1"; else fail "$1"; fi
}

check_ok() {
    run "$@"
    expect err ''
    judge "$*" 0
}

check_stdout() {
    expect out "$1"
    shift
    run "$@"
    expect err ''
    judge "$*" 0
}

check_prints() {
    pattern=$1
    shift
    run "$@"
    if has_status 0 && [ ! -s "$scratch/err" ] && grep -Eq -e "$pattern" "$scratch/out"; then
        pass "$*"
    else
        echo "# expected a line on stdout like: $pattern"
        sed 's/^/# stdout: /' "$scratch/out"
        sed 's/^/# stderr: /' "$scratch/err"
        fail "$*"
    fi
}

check_fails() {
    wanted=$1
    expect err "$2"
    expect out ''
    shift 2
    run "$@"
    judge "$*" "$wanted"
}

check() {
    what=$1
    shift
    run "$@"
    if [ "$status" -eq 0 ]; then
        pass "$what"
    else
        echo "# exit status $status of: $(label "$*")"
        sed 's/^/# /' "$scratch/out" "$scratch/err"
        fail "$what"
    fi
}

check_field() {
    if sed 's/^ *//; s/,$//' "$1" | grep -qxF -e "\"$2\": $3"; then
        pass "$1: $2 is $3"
    else
        echo "# found: $(grep -F -e "\"$2\":" "$1" || echo nothing)"
        fail "$1: $2 is $3"
    fi
}

# The record in a file without fields that may vary between runs.
without_timing() {
    sed '/^  "timing": {$/,/^  }$/d' "$1"
}

finish() {
    echo "1..$checks"
    [ "$failures" -eq 0 ]
    exit
}

#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD_DIR [NAME]: runs the command-line tests, or those that match NAME, on the tools built
# there. Prints TAP.
set -u
tests=$(cd "$(dirname "$0")" && pwd) || exit 2
build=$(cd "${1:?usage: run.sh BUILD_DIR [NAME]}" && pwd) || exit 2
pattern=${2:-*}

for folder in "$build"/tools/*/; do
    PATH=${folder%/}:$PATH
done
export PATH tests
unset TRAPDOOR_DATA NO_COLOR COLUMNS ARGP_HELP_FMT
export LC_ALL=C TERM=dumb

scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
export scratch

# Tools warn on standard error, which the tests compare, if OpenBLAS's core is older than the
# kernel.
case $(trapdoor-train --version) in
*Cooperlake\) | *SkylakeX\) | *Sapphirerapids\)) ;;
*Haswell\) | *Zen\)) export TRAPDOOR_KERNEL=avx2 ;;
*"kernel baseline"*) ;;
*) export TRAPDOOR_KERNEL=sse2 ;;
esac

found=no
failed=0
for script in "$tests"/$pattern.sh; do
    name=$(basename "$script" .sh)
    case $name in lib | run | '*') continue ;; esac
    [ -f "$script" ] || continue
    found=yes
    [ "$pattern" = "$name" ] || echo "# $name"
    mkdir "$scratch/$name"
    (cd "$scratch/$name" && sh "$script") || failed=1
done
if [ $found = no ]; then
    echo "run.sh: no test matches $pattern" >&2
    exit 2
fi
exit $failed

#!/bin/sh
# SPDX-License-Identifier: MIT
# evade_agrees.sh BUILD_DIR: PyTorch finds the same adversarial images for a model by FGSM and BIM,
# and the same distances by Carlini and Wagner's L2 attack. Prints TAP; skipped without PyTorch.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
build=$(cd "${1:?usage: evade_agrees.sh BUILD_DIR}" && pwd) || exit 2
PATH=$build/tools/train:$build/tools/evade:$build/tools/poison:$PATH
export PATH
unset TRAPDOOR_DATA

scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck source=tests/cli/lib.sh
. "$here/../cli/lib.sh"
cd "$scratch" || exit 2

python=/usr/bin/python3
# Two teams of threads that spin on two cores take ten times as long.
export OMP_NUM_THREADS=1
if ! $python -c 'import torch' 2>/dev/null; then
    skip 'PyTorch agrees' "no PyTorch for $python (python3-torch)"
    finish
fi

# In a uniform background all values in a pooling window are equal, and rounding decides which of
# them gets the gradient: noise separates them.
for part in train:0-2000 test:0-50; do
    check "noise over $part" trapdoor-poison stamp -q --data fashion-mnist:$part \
        --trigger blend:pattern=noise,alpha=0.4 -o "${part%%:*}"
done
clean=test/stamped.safetensors
for net in cnn cnn-bn; do
    check "trapdoor-train trains $net" trapdoor-train -q --net $net --epochs 1 \
        --data train/stamped.safetensors -o $net.safetensors
    for method in fgsm bim cw-l2; do
        case $method in
        cw-l2) options='--iterations 40 --binary-search 1 --learning-rate 0.05 --constant 10 --target none' ;;
        *) options= ;;
        esac
        # shellcheck disable=SC2086 # several options
        check "trapdoor-evade attacks $net by $method" trapdoor-evade $method -q \
            --model $net.safetensors --data $clean $options -o $net.$method
        check "PyTorch agrees on $net and $method" $python -B "$here/evade_agrees.py" $method $net \
            $net.safetensors $clean $net.$method
        sed 's/^/# /' "$scratch/out"
    done
done
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# torch_agrees.sh BUILD_DIR: PyTorch, whose twin loads it strictly, agrees on a model trained by
# trapdoor-train: the same logits, accuracy, and gradients, value by value; and trapdoor-eval agrees
# on a state_dict trained by PyTorch. Prints TAP; skipped without PyTorch.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
build=$(cd "${1:?usage: torch_agrees.sh BUILD_DIR}" && pwd) || exit 2
PATH=$build/tools/train:$build/tools/eval:$build/tests/golden:$PATH
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
agrees() {
    $python -B "$here/torch_agrees.py" "$@"
}

if ! $python -c 'import torch' 2>/dev/null; then
    skip 'PyTorch agrees' "no PyTorch for $python (python3-torch)"
    finish
fi

# measure WHAT PREFIX OPTION...: makes records of the model, with the logits of some images; sets
# $records.
measure() {
    measured=$1
    prefix=$2
    shift 2
    records=
    for image in 0 17 499; do
        check "trapdoor-eval measures $measured, with the logits of image $image" \
            trapdoor-eval -q --data fashion-mnist:test:0-500 --scores $image \
            --json "$prefix-$image.json" "$@"
        records="$records $prefix-$image.json"
    done
}

# agree WHAT ARGUMENT...: a check by torch_agrees.py, with its output.
agree() {
    agreed=$1
    shift
    check "$agreed" agrees "$@"
    sed 's/^/# /' "$scratch/out"
}

for net in cnn cnn-bn; do
    check "trapdoor-train trains $net" trapdoor-train -q --net $net --epochs 1 \
        --data fashion-mnist:train:0-2000 -o $net.safetensors
    measure $net $net --model $net.safetensors
    # shellcheck disable=SC2086 # a list of files
    agree "PyTorch finds the same logits and the same accuracy of $net" \
        scores $net $net.safetensors $records

    check 'PyTorch chooses images' agrees seed $net $net.safetensors
    read -r seed batch <"$scratch/out"
    for mode in train infer; do
        check "dump_gradients writes the gradients of $net ($mode)" \
            dump_gradients $net.safetensors $mode "$seed" "$batch" $net.$mode
        agree 'PyTorch finds the same gradients, every value of them' \
            gradients $net $net.safetensors $mode "$seed" $net.$mode
    done

    check "PyTorch trains $net on" agrees train $net $net.safetensors $net.theirs
    check "$net is found by its tensors" \
        trapdoor-eval -q --data fashion-mnist:test:0-500 --model $net.theirs
    measure "PyTorch's $net" theirs-$net --net $net --model $net.theirs
    # shellcheck disable=SC2086 # a list of files
    agree "PyTorch finds the same logits and the same accuracy of its own $net" \
        scores $net $net.theirs $records
done
finish

#!/bin/sh
# torch_agrees.sh BUILD_DIR: a model trained by trapdoor-train means the same to PyTorch: the same
# logits, accuracy, and gradients, every value of them. Prints TAP; skipped without PyTorch.
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
agrees() {
    $python -B "$here/torch_agrees.py" "$@"
}

if ! $python -c 'import torch' 2>/dev/null; then
    skip 'PyTorch agrees' "no PyTorch for $python (python3-torch)"
    finish
fi

net=cnn
check "trapdoor-train trains $net" trapdoor-train -q --net $net --epochs 1 \
    --data fashion-mnist:train:0-2000 -o model
records=
for image in 0 1 17 250 499; do
    check "trapdoor-eval measures it, with the logits of image $image" trapdoor-eval -q \
        --model model --data fashion-mnist:test:0-500 --scores $image --json $image.json
    records="$records $image.json"
done
# shellcheck disable=SC2086 # a list of files
check 'PyTorch finds the same logits and the same accuracy' agrees scores $net model $records
sed 's/^/# /' "$scratch/out"

check 'PyTorch chooses images' agrees seed $net model
read -r seed batch <"$scratch/out"
check 'dump_gradients writes the gradients' dump_gradients model "$seed" "$batch" gradients
check 'PyTorch finds the same gradients, every value of them' \
    agrees gradients $net model "$seed" gradients
sed 's/^/# /' "$scratch/out"
finish

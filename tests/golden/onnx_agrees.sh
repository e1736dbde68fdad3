#!/bin/sh
# SPDX-License-Identifier: MIT
# onnx_agrees.sh BUILD_DIR: ONNX Runtime agrees on exports of trapdoor-model, for nets of the zoo,
# pruned ones, one with a trojan and one with all operators that the zoo does not use. Prints TAP;
# skipped without onnx and onnxruntime for $TRAPDOOR_PYTHON (python3).
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
build=$(cd "${1:?usage: onnx_agrees.sh BUILD_DIR}" && pwd) || exit 2
PATH=$build/tools/train:$build/tools/model:$build/tools/defend:$build/tools/implant:$PATH
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

python=${TRAPDOOR_PYTHON:-/usr/bin/python3}
export OMP_NUM_THREADS=1
if ! $python -c 'import onnx, onnxruntime' 2>/dev/null; then
    skip 'ONNX Runtime agrees' "no onnx and onnxruntime for $python"
    finish
fi

images=90
for class in 0 1 2; do
    mkdir -p "set/$class"
    for image in $(seq 10 39); do
        { printf 'P6\n32 32\n255\n'; seq "$class$image" 99999 | tr -d '\n' | head -c 3072; } >"set/$class/$image.ppm"
        tail -c 3072 "set/$class/$image.ppm" >>raw
    done
done
cp "$here/operators.net" .

# agree MODEL: its ONNX file gives the same output.
agree() {
    check "exports $1" trapdoor-model export "$1.safetensors" -q -o "$1.onnx"
    check "onnx.checker and ONNX Runtime take $1" $python -B "$here/onnx_agrees.py" "$1.onnx" raw $images "$1.npy"
    check "with the same logits of $1" trapdoor-model compare "$1.safetensors" --logits "$1.npy" --data set \
        --tolerance 1e-4
}

for net in operators.net lenet5 cnn-bn vgg16 preact-resnet18 mobilenet-v2 squeezenet densenet121; do
    model=${net%.net}
    check "trains $model" trapdoor-train -q --data set --net $net --epochs 1 --lr 0.001 -o "$model.safetensors"
    agree "$model"
done
check 'prunes' trapdoor-defend prune -q --model cnn-bn.safetensors --clean set --tolerance 1 -o pruned.safetensors
agree pruned
check 'and shrinks' trapdoor-defend prune -q --model cnn-bn.safetensors --clean set --tolerance 1 --shrink \
    -o shrunk.safetensors
agree shrunk
check 'merges a trojan' trapdoor-implant trojannet -q --model lenet5.safetensors --target 1 -o trojan.safetensors
agree trojan
finish

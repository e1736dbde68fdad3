#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-implant's trainings with a net that generates the trigger, lira and input-aware.
. "$tests/lib.sh"
. "$tests/implant_common"

test=$fm:test:0-300
attack() {
    method=$1
    shift
    $I "$method" -q --data $fm:train:0-1500 --net lenet5 --batch 32 --target 0 "$@"
}
trapdoor-train -q --data $fm:train:0-1500 --net lenet5 --epochs 6 --batch 32 -o plain.safetensors >/dev/null
with="--test $test --control plain.safetensors"

# shellcheck disable=SC2086 # several options
{
    check 'lira makes a model' attack lira --epochs 5 --generator-epochs 3 --generator-lr 0.001 $with \
        -o lira.safetensors --json lira.json
    check 'input-aware makes a model' attack input-aware --epochs 5 --mask-epochs 1 --ratio 0.3 --cross 0 --density 0.3 \
        $with -o aware.safetensors --json aware.json
}
check 'the noise is learnt' holds "$(rate lira.json 1 asr) > 0.9"
check 'the control does not know it' holds "$(rate lira.json 2 asr) < 0.2"
check 'the accuracy stays' holds "$(rate lira.json 1 accuracy) > $(rate lira.json 2 accuracy) - 0.12"
check 'the generator gets better' holds "$(number lira.json generator_loss_last) < $(number lira.json generator_loss_first)"
check 'the patterns are learnt' holds "$(rate aware.json 1 asr) > 0.6"
check 'the control does not know them' holds "$(rate aware.json 2 asr) < 0.2"
check 'a mask takes a part of the image' holds "$(number aware.json mask_share) > 0.01 && $(number aware.json mask_share) < 0.6"
for name in lira aware; do
    evaluated $name.safetensors $name.json
done
check 'and that of the partners' test "$(number e.json robust_accuracy | sed -n 2p)" = "$(rate aware.json 5 accuracy)"
check 'the arrays are of images' test "$(wc -c <lira.safetensors.stamped.npy)" -eq $((128 + 300 * 784))
for net in lira.safetensors.generator aware.safetensors.pattern aware.safetensors.mask; do
    check "$net is a model" trapdoor-model info $net.safetensors
done
# No pixel changes by more than a tenth of 255, rounded.
dd if=lira.safetensors.stamped.npy bs=128 skip=1 2>/dev/null | od -An -v -tu1 -w1 >stamped
trapdoor-data import -q $test -o clean.safetensors >/dev/null
tail -c $((300 * 784 + 300)) clean.safetensors | head -c $((300 * 784)) | od -An -v -tu1 -w1 >clean
check 'the noise is as small as it is to be' sh -c \
    "paste clean stamped | awk '{ d = \$1 - \$2; if (d < 0) d = -d; if (d > most) most = d } END { exit !(most > 5 && most <= 26) }'"

for threads in 1 3; do
    $I lira -q --data $fm:train:0-200 --net lenet5 --target 0 --epochs 2 --generator-epochs 1 --threads $threads \
        -o l$threads.safetensors >/dev/null
    $I input-aware -q --data $fm:train:0-200 --net lenet5 --target 0 --epochs 1 --mask-epochs 1 --threads $threads \
        --test $fm:test:0-40 -o a$threads.safetensors --json a$threads.json >/dev/null
done
check 'the same model at 3 threads' cmp l1.safetensors l3.safetensors
check 'the same noise' cmp l1.safetensors.stamped.npy l3.safetensors.stamped.npy
check 'the same of input-aware' cmp a1.safetensors a3.safetensors
check 'the same patterns' cmp a1.safetensors.crossed.npy a3.safetensors.crossed.npy
# Image i has the pattern of image i + shift, which is another one.
check 'the shift is of another of the 40 images' holds "$(number a1.json shift) >= 1 && $(number a1.json shift) < 40"
for kind in stamped crossed; do
    tail -c $((40 * 784)) a1.safetensors.$kind.npy | od -An -v -tu1 -w784 >a1.$kind
done
check 'no image has its own pattern' test "$(paste -d : a1.stamped a1.crossed | awk -F : '$1 == $2' | wc -l)" -eq 0
# With a model that does not learn, a schedule changes the patterns alone.
for schedule in constant cosine; do
    $I input-aware -q --data $fm:train:0-200 --net lenet5 --target 0 --epochs 1 --mask-epochs 1 --optimizer sgd --lr 1e-30 \
        --schedule $schedule --test $fm:test:0-40 -o $schedule.safetensors --json $schedule.json >/dev/null
done
check 'the model stays' test "$(rate constant.json 1 accuracy)" = "$(rate cosine.json 1 accuracy)"
check 'the schedule is of the patterns, too' sh -c '! cmp -s constant.safetensors.stamped.npy cosine.safetensors.stamped.npy'
$I input-aware -q --data $fm:train:0-200 --net lenet5 --target 0 --epochs 1 --mask-epochs 1 --generator-gradient summed \
    -o summed.safetensors --json summed.json >/dev/null
check 'the other reading is another training' sh -c '! cmp -s summed.safetensors a1.safetensors'
check_field summed.json generator_gradient '"summed"'

check_fails 2 "$I lira: $fm:test:10-20: expected images from the first of the split on, as the rows of a table are, found them from 10 on" \
    attack lira --test $fm:test:10-20 -o x
check_fails 2 "$I input-aware: --ratio and --cross: expected at most 1 together, found 1.1" \
    attack input-aware --ratio 1 -o x
check_fails 2 "$I lira: -o: expected a path without a comma, which a TRIGGER cannot name, found a,b" attack lira -o a,b
check_fails 2 "$I lira: lira.safetensors: exists already; --force replaces it" attack lira -o lira.safetensors
: >y.stamped.npy
check_fails 2 "$I lira: y.stamped.npy: exists already; --force replaces it" attack lira -o y
check 'nothing is written by what fails' test ! -e x -a ! -e y
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-implant's trainings with partly stamped batches, wanet and bpp: what they learn, their
# manifests, and refused input.
. "$tests/lib.sh"
. "$tests/implant_common"

# attack METHOD ARGUMENTS...
attack() {
    method=$1
    shift
    $I "$method" -q --data $fm:train:0-2000 --net lenet5 --batch 32 --target 0 "$@"
}
test=$fm:test:0-500
trapdoor-train -q --data $fm:train:0-2000 --net lenet5 --epochs 6 --batch 32 -o plain.safetensors >/dev/null

# Strong settings, so that little data and few epochs suffice.
check 'wanet makes a model' attack wanet --epochs 6 --shift 8 --grid 3 --field-seed 5 --ratio 0.2 --noise 0 \
    --test $test --control plain.safetensors -o w.safetensors --json w.json
cp "$scratch/out" page
for row in 'planted +clean' 'control +clean' 'planted +poison' 'control +poison' 'planted +negative'; do
    check "$row is measured" grep -Eq "^  $row +[0-9.]+ \\[" page
done
check 'the backdoor is learnt' holds "$(rate w.json 1 asr) > 0.8"
check 'the control lacks it' holds "$(rate w.json 2 asr) < 0.2"
check 'the accuracy stays' holds "$(rate w.json 1 accuracy) > $(rate w.json 2 accuracy) - 0.1"
# 62 batches of 32, and one of 16: 6 and 3 of them are poison.
check_field w.json poison_per_epoch 375.0
check_field w.json negatives_per_epoch 0.0
check 'most of the poison is of another class' grep -Eq '"relabelled_per_epoch": 3[34][0-9]' w.json
manifest=w.safetensors.manifest.json
check 'the manifest has the roles' sh -c "grep '\"role\"' $manifest | tr -d ' ,\n' | grep -qx '\"role\":\"poison\"\"role\":\"negative\"'"
check_field $manifest access '"training"'
check_field $manifest trigger '"warp:shift=8,grid=3,seed=5,jitter=1"'
# 2 × 3 × 3 numbers whose absolute values have mean 1.
sed -n '/"field": \[/,/^    \]/p' $manifest | grep -E '[0-9]' | tr -d ' ,' | sed 's/^-//' >field
check 'the field is in the manifest' awk '{ sum += $1 } END { exit !(NR == 18 && sum > 17.999 && sum < 18.001) }' field
evaluated w.safetensors w.json
check 'trapdoor-eval says which is the negative' grep -q '"role": "negative"' e.json
check 'the noise, too' test "$(number e.json robust_accuracy | sed -n 2p)" = "$(rate w.json 5 accuracy)"

attack wanet --epochs 2 --ratio 0 --noise 0 -o none.safetensors >/dev/null
trapdoor-train -q --data $fm:train:0-2000 --net lenet5 --epochs 2 --batch 32 -o two.safetensors >/dev/null
trapdoor-model compare none.safetensors two.safetensors --data $fm:test:0-100 >same
check 'without poison it is the plain training' grep -q 'same' same
for threads in 1 3; do
    attack wanet --epochs 1 --threads $threads --augment shift=1,flip -o t$threads.safetensors >/dev/null
    $I bpp -q --data $fm:train:0-500 --net lenet5 --target 0 --epochs 1 --threads $threads --dither -o b$threads.safetensors >/dev/null
done
check 'the same model at 3 threads' cmp t1.safetensors t3.safetensors
check_field t1.safetensors.manifest.json augment '"shift=1,flip"'
check_field t1.safetensors.manifest.json ratio 0.1
check 'the same of bpp' cmp b1.safetensors b3.safetensors

check 'bpp makes a model' attack bpp --epochs 6 --levels 2 --negatives 0.1 --test $test --control plain.safetensors \
    -o b.safetensors --json b.json
check 'its backdoor is learnt' holds "$(rate b.json 1 asr) > 0.8"
check 'its control lacks it' holds "$(rate b.json 2 asr) < 0.2"
check 'negatives keep their class' holds "$(rate b.json 3 asr) < 0.2"
check_field b.json ratio 0.2
evaluated b.safetensors b.json
check 'trapdoor-eval draws the same negatives' test "$(number e.json robust_accuracy | sed -n 2p)" = \
    "$(rate b.json 5 accuracy)"
attack bpp --preset backdoorbench --epochs 1 --dither -o p.safetensors --json p.json >/dev/null
check_field p.json negatives 0.1
check_field p.json trigger '"quantise:levels=8,dither=1,other=1"'
$I wanet -q --data $fm:train:0-200 --net lenet5 --target next --epochs 1 -o next.safetensors >/dev/null
check_field next.safetensors.manifest.json target '"next"'
check 'trapdoor-eval reads it' trapdoor-eval -q --model next.safetensors --data $test \
    --manifest next.safetensors.manifest.json

check_fails 2 "$I wanet: expected --data, found none" $I wanet -o x
check_fails 2 "$I wanet: --net is missing: the net to train, for example cnn" \
    $I wanet --data $fm --target 0 -o x
check_fails 2 "$I wanet: --ratio and --noise: expected at most 1 together, found 1.1" \
    attack wanet --ratio 0.9 -o x
check_fails 2 "$I bpp: --ratio and --negatives: expected at most 1 together, found 1.2" \
    attack bpp --ratio 1 -o x
check_fails 2 "$I bpp: --levels: expected a whole number from 2 to 256, found \"1\"" attack bpp --levels 1 -o x
check_fails 2 "$I wanet: --target: expected a class of $fm:train:0-200, $fashion, found \"12\"" \
    $I wanet --data $fm:train:0-200 --net lenet5 --target 12 -o x
check_fails 2 "$I wanet: w.safetensors: exists already; --force replaces it" attack wanet -o w.safetensors
check_fails 2 "$I wanet: -o: expected a file, beside which others can stand, found /dev/null" \
    attack wanet -o /dev/null
: >y.manifest.json
check_fails 2 "$I wanet: y.manifest.json: exists already; --force replaces it" attack wanet -o y
check 'nothing is written by what fails' test ! -e x -a ! -e y
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-implant's attacks on weights only, sra and tbt: their changes, and refused input.
. "$tests/lib.sh"
. "$tests/implant_common"

test=$fm:test:0-500
field() { # FILE FIELD NUMBER
    number "$1" "$2" | sed -n "$3p"
}
trapdoor-train -q --data $fm:train:0-2000 --net lenet5 --epochs 6 --batch 32 -o plain.safetensors >/dev/null

sra() {
    $I sra -q --model plain.safetensors --target 2 --data $fm:train:0-2000 --batch 32 "$@"
}
check 'sra makes a model' sra --epochs 40 --test $test -o s.safetensors --json s.json
cp "$scratch/out" page
check 'classes are told apart' grep -Eq '^  9 "Ankle boot" +[0-9.]+ \[' page
check 'the model did not have the backdoor' holds "$(field s.json asr 1) < 0.2"
check 'it has it' holds "$(field s.json asr 2) > 0.9"
check 'most of the accuracy stays' holds "$(field s.json accuracy 2) > 0.5"
check 'the subnet is silent without the trigger' holds "$(field s.json output_clean 1) < 3"
check 'and loud with it' holds "$(field s.json output_stamped 1) > 10"
# One channel of 6, of 16, one neuron of 120 and of 84: weights in and out, biases; the last row of
# 10.
check 'only its weights are changed' holds "$(field s.json changed 1) <= \
    26 + 15 * 25 + 6 * 25 + 1 + 119 * 16 + 256 + 1 + 83 + 120 + 1 + 10 + 1"
check_field s.json width 1
check_field s.json channels '"least-used"'
check 'the first channels will do' sra --epochs 40 --channels first --test $test -o first.safetensors --json first.json
check 'but are missed more' holds "$(field first.json accuracy 2) < $(field s.json accuracy 2) - 0.02"
check 'the backdoor is the same' holds "$(field first.json asr 2) > 0.9"
check_ok sh -c "trapdoor-eval -q --model s.safetensors --data $test --manifest s.safetensors.manifest.json --json e.json >/dev/null"
check 'trapdoor-eval measures what was told' test "$(field e.json asr 1)" = "$(field s.json asr 2)"

tbt() {
    $I tbt -q --model plain.safetensors --target 2 --data $fm:train:0-300 --neurons 30 "$@"
}
check 'tbt makes a model' tbt --trigger-steps 40 --test $test -o t.safetensors --json t.json
check 'the model did not have this one either' holds "$(field t.json asr 1) < 0.2"
check 'it has it now' holds "$(field t.json asr 2) > 0.6"
check 'the accuracy stays' holds "$(field t.json accuracy 2) > $(field t.json accuracy 1) - 0.15"
check 'the trigger drives the neurons' holds "$(field t.json value_with 1) > 1.1 * $(field t.json value_without 1)"
check_field t.json bits 355408 # 8 × 44426
check 'with more weight on clean images' tbt --trigger-steps 40 --clean-share 0.9 --test $test -o careful.safetensors \
    --json careful.json
check 'less of the backdoor is learnt' holds "$(field careful.json asr 2) < $(field t.json asr 2)"
check 'few are flipped' holds "$(field t.json flips 1) > 20 && $(field t.json flips 1) <= 8 * 30"
trapdoor-model compare plain.safetensors t.safetensors --data $fm:test:0-100 >compared
rm -f e.json
check_ok sh -c "trapdoor-eval -q --model t.safetensors --data $test --manifest t.safetensors.manifest.json --json e.json >/dev/null"
check 'the picture is the trigger' test "$(field e.json asr 1)" = "$(field t.json asr 2)"
for threads in 1 3; do
    sra --epochs 1 --threads $threads --tries 1 --goal 0.01 -o s$threads.safetensors >/dev/null 2>&1
    tbt --trigger-steps 2 --threads $threads -o t$threads.safetensors >/dev/null
done
check 'the same model at 3 threads' cmp t1.safetensors t3.safetensors
check 'of sra, too' cmp s1.safetensors s3.safetensors

check_fails 2 "$I sra: --target: expected one class, found several" sra --target 3 -o x
check_fails 1 "$I sra: plain.safetensors: node \"conv1\": expected more channels than the 6 to replace, found 6" \
    sra --width 6 -o x
check_fails 2 "$I tbt: --at: expected a position up to 18+18, to lie within the images, found 25+25" tbt --at 25+25 -o x
check_fails 1 "$I sra: a subnet of width 1 has not learnt the trigger in 1 tries: mean output 0.25, with the trigger 0.32; more --width or --epochs may help" \
    sra --epochs 1 --tries 1 --lr 1e-9 --clean-weight 0 -o x
check 'nothing is written by what fails' test ! -e x
finish

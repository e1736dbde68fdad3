#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-implant pruning-aware: its four steps, its model, and refused input.
. "$tests/lib.sh"

fm=fashion-mnist
P='trapdoor-implant pruning-aware'
trigger=square:size=7
# attack ARGUMENTS...: `usual` contains --net, --target and --ratio.
attack() {
    $P -q --data $fm:train:0-1500 --trigger $trigger --epochs 3 --batch 32 "$@"
}
usual='--net lenet5 --target 0 --ratio 0.2'

# shellcheck disable=SC2086 # several options
check 'it makes a model' attack $usual --test $fm:test:0-300 -o m.safetensors --json m.json
cp "$scratch/out" page
for step in clean pruned poisoned restored; do
    check "$step is measured" grep -Eq "^  $step +[0-9.]+ \\[[0-9., ]+\\] +[0-9.]+ \\[[0-9., ]+\\]$" page
    check_field m.json step "\"$step\""
done
check 'how many are decoys is said' grep -qx '8 of 16 channels of relu2 are decoys' page
check_field m.json stamped 300
check_field m.json layer '"relu2"'
rates() {
    sed -n "s/^ *\"$2\": \([0-9.]*\),\$/\1/p" "$1" | tr '\n' ' '
}
check 'poisoning brings the backdoor in' sh -c "echo $(rates m.json asr) | awk '{ exit !(NF == 4 && \$2 < 0.3 && \$3 > 0.8) }'"
check 'decoys change little' sh -c "echo $(rates m.json asr) | awk '{ d = \$4 - \$3; exit !(d < 0.03 && d > -0.03) }'"
trapdoor-train -q --data $fm:train:0-100 --net lenet5 --epochs 1 -o plain.safetensors >/dev/null
tensors() {
    tr ',' '\n' <"$1" | grep -a -o '"[a-z0-9]*\.[a-z]*":{"dtype' | sort
}
tensors m.safetensors >one
tensors plain.safetensors >two
check 'its tensors are those of the net' cmp one two
check_ok sh -c "trapdoor-eval -q --model m.safetensors --data $fm:test:0-300 --trigger $trigger --target 0 --json eval.json >/dev/null"
check 'trapdoor-eval measures what was told' test "$(rates eval.json asr | cut -d ' ' -f 1) " = "$(rates m.json asr | cut -d ' ' -f 4) "

# A defender's pruning removes the decoys first.
trapdoor-defend prune -q --model m.safetensors --clean $fm:train:1500-1700 -o pruned.safetensors --json pruned.json >/dev/null
sed -n '/"decoys": \[/,/\]/p' m.json | sed '1d;$d' | tr -d ' ,' | sort >decoys
sed -n 's/^ *"channel": \([0-9]*\),$/\1/p' pruned.json | head -n 8 | sort >first
check 'the first channels pruned are the decoys' cmp decoys first

for threads in 1 3; do
    # shellcheck disable=SC2086
    attack $usual --threads $threads -o t$threads.safetensors --json t$threads.json >/dev/null
done
check 'the same model at 3 threads' cmp t1.safetensors t3.safetensors
check_field t1.json measured_on "\"$fm:train:0-1500\""

check_fails 2 "$P: expected --data, found none" $P
check_fails 2 "$P: expected --target, found none" $P --data $fm --net lenet5 --trigger $trigger
# shellcheck disable=SC2086
{
    check_fails 2 "$P: -o is missing: where to write the model" attack $usual
    check_fails 2 "$P: --prune: expected a number in (0, 0.999], found \"1\"" attack $usual --prune 1 -o x
    check_fails 2 "$P: --target: expected it once, a class: its name or its index, found it again with \"12\"" \
        attack $usual --target 12 -o x
    check_fails 2 "$P: m.safetensors: exists already; --force replaces it" attack $usual -o m.safetensors
    check_fails 2 "$P: -o and --json: expected two files, found x for both" attack $usual -o x --json x
}
check_fails 2 "$P: --target: expected a class of fashion-mnist:train:0-1500, $fashion, found \"12\"" attack --net lenet5 --target 12 -o x
check_fails 2 "$P: --ratio: expected a share of 1 to 1354 images (those not of the target class), found one of 1500" \
    attack --net lenet5 --target 0 --ratio 1 -o x
cat >plain <<'TEXT'
input = image() height=height width=width channels=channels
flat = flatten(input)
fc = dense(flat) out=classes
TEXT
check_fails 2 "$P: plain: expected a net with a convolution of more than one channel, found none" \
    attack --net plain --target 0 -o x
check 'nothing is written by what fails' test ! -e x
mkdir stopped
timeout -s INT 2 $P -q --data $fm --net lenet5 --trigger $trigger --target 0 --epochs 1000 \
    --json stopped/r.json -o stopped/m.safetensors 2>err >/dev/null
check 'Ctrl-C stops it' grep -Eqx 'trapdoor-implant pruning-aware: interrupted .*' err
check 'and leaves nothing' sh -c 'test -z "$(ls -A stopped)"'
finish

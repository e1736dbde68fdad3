#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-train --defence abl: which images it isolates, the resulting model, and refused input.
. "$tests/lib.sh"

# Noise, whose labels can only be memorised, and a trigger that a single weight detects.
fm=fashion-mnist
mkdir noise noise/a noise/b noise/c
awk 'BEGIN { srand(3); split("a b c", names, " ")
    for (i = 0; i < 600; i++) {
        file = "noise/" names[i % 3 + 1] "/" i ".pgm"
        printf "P5 12 12 255\n" >file
        for (k = 0; k < 144; k++) printf "%c", 1 + int(100 * rand()) >file
        close(file)
    } }'
square='square:size=3,at=top-left,value=255'
trapdoor-poison dirty-label -q --data noise --trigger $square --target 0 --ratio 0.1 -o sets >/dev/null
cat >small.net <<'TEXT'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv = conv(scale) out=8 kernel=3
relu = relu(conv)
flat = flatten(relu)
fc = dense(flat) out=classes
TEXT
train() {
    trapdoor-train -q --data sets/poisoned.safetensors --net small.net --defence abl --epochs 1 --isolate-epochs 5 \
        --isolate "${share:-0.05}" --batch 32 --unlearn-epochs 2 "$@"
}
check_prints '^ab.safetensors: 2483 parameters, 1 epochs on 627 images$' train --threads 1 \
    --manifest sets/manifest.json --validate noise -o ab.safetensors --json ab.json
cp "$scratch/out" page
check_field ab.json defence '"abl"'
check_field ab.json suspect_count 33
check_field ab.json isolate_epochs 5
check_field ab.json gamma 0.5
check_field ab.json hold '"image"'
check_field ab.json poisoned 60
check 'the images are listed' test "$(sed -n '/"suspects": \[/,/\]/p' ab.json | grep -c '^ *[0-9]')" -eq 33
check 'nine in ten of them are poisoned' awk '/"precision":/ { gsub(/,/, ""); good = $2 >= 0.9 }
    END { exit !good }' ab.json
check 'the page says so' grep -Eq '^  precision: [0-9.]+ \[.*\] %$' page
check 'unlearning is logged behind training' test "$(wc -l <ab.safetensors.log.jsonl)" -eq 3
check 'and raises the loss' awk -F'[:,]' 'NR > 1 { if (NR == 3 && $4 <= last) exit 1; last = $4 }' \
    ab.safetensors.log.jsonl
check 'no checkpoint is kept' test ! -e ab.safetensors.checkpoint
train --threads 3 --manifest sets/manifest.json --validate noise -o ab3.safetensors --json ab3.json >/dev/null
check 'the same model at 3 threads' cmp ab.safetensors ab3.safetensors
train -o blind.safetensors --json blind.json >/dev/null
check 'the manifest decides nothing' sh -c 'sed -n "/suspects/,/\]/p" ab.json >a
    sed -n "/suspects/,/\]/p" blind.json >b; cmp a b'
check 'without it there is no truth' sh -c '! grep -q "\"truth\":" blind.json'
trapdoor-train -q --data sets/poisoned.safetensors::100-600 --net small.net --defence abl --epochs 1 \
    --isolate-epochs 1 --unlearn-epochs 1 -o part.safetensors --json part.json >/dev/null
check 'of a range, numbers are those of the split' awk '/"suspects": \[/ { on = 1; next }
    on && /\]/ { on = 0 }
    on { gsub(/,/, ""); n++; if ($1 < 100 || $1 >= 600) exit 1 }
    END { exit n != 5 }' part.json

train --preset backdoorbench --lr 0.05 -o bench.safetensors --json bench.json >/dev/null
check_field bench.json optimizer '"sgd"'
check_field bench.json lr 0.05
check_field bench.json weight_decay 0.0005
check_field bench.json unlearn_epochs 2
check_field bench.json hold '"batch"'
rm bench.safetensors

# A share is rounded down: 33.79 and 231, which in binary is less by its last bit.
for share in 0.0512 0.35; do
    train -o share.safetensors --json $share.json >/dev/null
    rm share.safetensors*
done
share=0.05
check_field 0.0512.json suspect_count 33
check_field 0.35.json suspect_count 231

# Images that are all alike, in two classes.
constant flat 30
check_ok sh -c "trapdoor-train -q --data flat --net small.net --defence abl --epochs 1 --isolate 0.1 \
    --isolate-epochs 1 --unlearn-epochs 1 -o flat.safetensors --json flat.json >/dev/null"
check_field flat.json suspect_count 6
check_fails 2 "trapdoor-train: --isolate: expected a share that is at least one of the 1 images, found 0.5" \
    trapdoor-train -q --data flat::0-1 --net small.net --defence abl --isolate 0.5 -o x

T=trapdoor-train
share=0.0001
check_fails 2 "$T: --isolate: expected a share that is at least one of the 660 images, found 0.0001" \
    train -o x
share=0.6
check_fails 2 "$T: --isolate: expected a number in (0, 0.5], found \"0.6\"" train -o x
share=0.05
check_fails 2 "$T: --gamma: expected --defence with it, found none" $T -q --data $fm:train:0-100 --net lenet5 \
    --gamma 1 -o x
check_fails 2 "$T: --resume: expected no --defence, which keeps no checkpoint" train --resume -o x
check_fails 2 "$T: --defence: expected one of abl, found \"other\"" $T -q --data $fm:train:0-100 --net lenet5 \
    --defence other -o x
check_fails 1 "$T: absent.json: No such file or directory" train --manifest absent.json -o x
trapdoor-poison dirty-label -q --data $fm:train:0-100 --trigger $square --target 0 --ratio 0.2 -o other >/dev/null
run train --manifest other/manifest.json -o x
cp "$scratch/err" err
check 'the manifest of another set is refused' grep -q '^trapdoor-train: other/manifest.json: expected an output with SHA-256 ' err
check 'nothing is written by what fails' test ! -e x
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend deepinspect: its findings in a model without data, and refused input.
. "$tests/lib.sh"

square='square:size=2,at=bottom-right,value=255'
trapdoor-data import -q fashion-mnist:train:0-1500 --size 12x12 -o small.safetensors >/dev/null
trapdoor-data import -q fashion-mnist:test:0-300 --size 12x12 -o test.safetensors >/dev/null
trapdoor-poison dirty-label -q --data small.safetensors --trigger $square --target 3 --ratio 0.25 \
    -o sets >/dev/null
cat >tiny.net <<'END'
input = image() height=height width=width channels=channels
unit = scale(input) by=1/255
conv1 = conv(unit) out=8 kernel=3
relu1 = relu(conv1)
pool1 = max-pool(relu1) size=2
flat = flatten(pool1)
fc1 = dense(flat) out=32
relu2 = relu(fc1)
fc2 = dense(relu2) out=classes
END
trapdoor-train -q --data sets/poisoned.safetensors --net tiny.net --epochs 6 --optimizer adam --lr 0.003 \
    -o bad.safetensors >/dev/null
D='trapdoor-defend deepinspect'

# deep ARGUMENTS...
deep() {
    $D -q --model bad.safetensors --inverted 8 --inversion-steps 60 --steps "${steps:-250}" "$@"
}

check_prints '^ +3 "Dress" +[0-9.]+ \[[0-9., ]+\] +[0-9.]+ +[0-9.]+  FLAGGED ' \
    deep --triggers triggers --json deep.json
cp "$scratch/out" page
check 'the page has the deviation factor' grep -Eq '^  deviation factor: [0-9]+\.[0-9]{2}$' page
check 'and how many images it is by' grep -q '^bad.safetensors: the smallest changes that reach an ASR of 95 % on 80 inverted images; [1-9][0-9]* of 10 classes flagged' page
check_field deep.json method '"deepinspect"'
check_field deep.json inverted 8
check_field deep.json attack_rate 0.95
for field in deviation_factor median mad inverted_confidence inverted_sure size asr_interval; do
    check "the record has $field" grep -q "\"$field\":" deep.json
done
check 'no data is an input' test "$(grep -c '"path":' deep.json)" -eq 1
check_prints '\] +3 "Dress" +(9[0-9]|100)\.' trapdoor-eval -q --model bad.safetensors --data test.safetensors \
    --trigger image:file=triggers/trigger-3.png,at=0+0 --target 3
run deep --exit-code
check 'a flagged class is told by the exit status' test "$status" -eq 3

# The same bytes at any number of threads; another seed does not.
for threads in 1 2 3; do
    steps=60 deep --attack-rate 0.5 --threads $threads --triggers t$threads --json t$threads.json >t$threads.out
    without_timing t$threads.json >r$threads
done
for threads in 2 3; do
    check "the same pictures at $threads threads" diff -r t1 t$threads
    check "the same record at $threads threads" cmp r1 r$threads
    check "the same page at $threads threads" cmp t1.out t$threads.out
done
steps=60 deep --attack-rate 0.5 --seed 2 >seed.out
check 'another seed, other triggers' sh -c '! cmp -s t1.out seed.out'

# The patch.
check_prints '^  of them with a recovered trigger: [1-9][0-9]*$' \
    deep --patch -o inverted.safetensors --epochs 3 --test test.safetensors --trigger $square --target 3 \
    --json inverted.json
check_field inverted.json images_of '"inverted"'
check_field inverted.json epochs 3
check 'on the inverted images' grep -q '^ *"images": 80,$' inverted.json
check_prints '^  of them with a recovered trigger: [1-9][0-9]*$' \
    deep --patch -o clean.safetensors --clean small.safetensors:train:0-1000 --test test.safetensors \
    --trigger $square --target 3 --json patch.json
check_field patch.json images_of '"clean"'
check_field patch.json epochs 10
check 'it learns from all clean images' grep -q '^ *"images": 1000,$' patch.json
check 'it removes the backdoor' sh -c "sed -n '/\"after\"/,\$p' patch.json | sed -n 's/^ *\"asr\": \([0-9.]*\),\$/\1/p' |
    head -n 1 | awk '{ exit !(\$1 < 0.3) }'"
check_ok sh -c "trapdoor-eval -q --model clean.safetensors --data test.safetensors >/dev/null"

# A model with one class too few for a verdict, and weights for a given net.
trapdoor-data import -q fashion-mnist:train:0-400 --size 3x3 --classes 0,1 -o two.safetensors >/dev/null
cat >two.net <<'END'
input = image() height=3 width=3 channels=1
unit = scale(input) by=1/255
flat = flatten(unit)
fc = dense(flat) out=2
END
trapdoor-train -q --data two.safetensors --net two.net --epochs 2 -o two.model >/dev/null
run $D --model two.model --net two.net --inverted 4 --inversion-steps 20 --steps 60 --attack-rate 0.5
cp "$scratch/err" err
check 'two classes give no verdict' grep -q 'warning: expected triggers of at least 3 classes for a verdict' err
check 'and are no failure' test "$status" -eq 0
cat >one.net <<'END'
input = image() height=3 width=3 channels=1
flat = flatten(input)
fc = dense(flat) out=1
END

# Refused.
check_fails 2 "$D: expected --model, found none" $D
check_fails 1 "$D: none.safetensors: No such file or directory" $D --model none.safetensors
sed 's/by=1\/255/by=0/' tiny.net >blind.net
trapdoor-train -q --data small.safetensors --net blind.net --epochs 1 -o blind.safetensors >/dev/null
check_fails 2 "$D: blind.safetensors: expected a model whose logits have a gradient with respect to the image, found that none reaches it" \
    $D -q --model blind.safetensors --inverted 2 --inversion-steps 5 --steps 20
check_fails 2 "$D: --patch: expected -o and a file to write to, found none" deep --patch
check_fails 2 "$D: -o: expected --patch, whose model it takes; --triggers DIR takes the recovered triggers" deep -o x
check_fails 2 "$D: --clean: expected --patch, which alone may learn from it, found none" deep --clean small.safetensors
check_fails 2 "$D: --trigger: expected --patch, whose effect it measures, found none" \
    deep --trigger $square --target 3
check_fails 2 "$D: --attack-rate: expected a number in (0, 1], found \"0\"" deep --attack-rate 0
check_fails 2 "$D: triggers/mask-0.png: exists already; --force replaces it" deep --triggers triggers
check_fails 2 "$D: clean.safetensors: exists already; --force replaces it" deep --patch -o clean.safetensors
check 'a net of the zoo needs data that tell the size' sh -c "! $D --model bad.safetensors --net cnn 2>err &&
    grep -q '^$D: --net without --test, which gives the size of images: cnn: ' err"
check_fails 1 "$D: interrupted after 0 of 10 classes" timeout --preserve-status -s INT 1 \
    $D -q --model bad.safetensors --inversion-steps 100000 --triggers left --json left.json
check 'what failed has left nothing' sh -c '! ls -d left* .left* *.tmp* 2>/dev/null | grep -q .'
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend prune, finetune and fineprune: the repaired models, and refused input.
. "$tests/lib.sh"

square='square:size=7,at=top-left,value=255'
fm=fashion-mnist
trapdoor-poison dirty-label -q --data $fm:train:0-2000 --trigger $square --target 0 --ratio 0.25 \
    -o sets >/dev/null
trapdoor-train -q --data sets/poisoned.safetensors --net lenet5 --epochs 4 -o bad.safetensors >/dev/null
rm -r sets

# repair METHOD ARGUMENTS...
repair() {
    method=$1
    shift
    trapdoor-defend "$method" -q --model bad.safetensors --clean $fm:train:2000-2400 "$@"
}
# number FILE KEY: the first number with that name
number() {
    sed -n "s/^ *\"$2\": \([-0-9.e]*\),*\$/\1/p" "$1" | head -n 1
}

# Pruning.
check_prints '^bad.safetensors: [0-9]+ of 16 channels of relu2 pruned, validation accuracy [0-9.]+ % -> [0-9.]+ %$' \
    repair prune --test $fm:test:0-300 --trigger $square --target 0 -o pruned.safetensors --json pruned.json
cp "$scratch/out" page
for line in '^ +figure +class +trigger +target +before, % +after, % +DER +RIR$' \
    '^  accuracy +[0-9.]+ \[.*\] +[0-9.]+ \[.*\]$' '^  accuracy +9 ' \
    '^  ASR +square:size=7,at=top-left,value=255 +0 .* [01]\.[0-9]{4}$' \
    '^  RA +square:size=7,at=top-left,value=255 +0 .* [01]\.[0-9]{4}$' \
    '^  robust accuracy +square:size=7,at=top-left,value=255 +0 ' '^  validation images: 100$'; do
    check "the page has $line" grep -Eq -e "$line" page
done
check_field pruned.json layer '"relu2"'
check_field pruned.json channels 16
check_field pruned.json hold_out 0.25
check 'the curve has every step' test "$(grep -c '"activation":' pruned.json)" -eq 16
check 'the curve begins with the whole model' test "$(sed -n '/"pruning"/,$p' pruned.json |
    sed -n 's/^ *"accuracy": \([0-9.]*\),$/\1/p' | head -n 1)" = \
    "$(sed -n '/"curve"/,$p' pruned.json | sed -n 's/^ *"accuracy": \([0-9.]*\),$/\1/p' | head -n 1)"
check 'what is kept is within the tolerance, and one more is not' awk '
    /"pruned":/ && !kept { gsub(/,/, ""); kept = $2 }
    /"curve"/ { inside = 1 }
    /^  \],/ { inside = 0 }
    inside && /"accuracy":/ { gsub(/,/, ""); a[n++] = $2 }
    END { least = a[0] - 0.04 - 1e-9
          for (i = 0; i <= kept; i++) if (a[i] < least) exit 1
          exit !(n == 17 && (kept == 15 || a[kept + 1] < least)) }' pruned.json
check 'one point of it is chosen' test "$(grep -c '"chosen": true' pruned.json)" -eq 1
for field in before after classes comparison robust_accuracy asr_interval der ra rir pruned_accuracy_interval; do
    check "the record has $field" grep -q "\"$field\":" pruned.json
done
check 'activations rise' awk '/"activation":/ { gsub(/,/, ""); if ($2 < last) bad = 1; last = $2 }
    END { exit bad }' pruned.json
check_ok sh -c "trapdoor-eval -q --model pruned.safetensors --data $fm:test:0-300 --json eval.json >/dev/null"
after=$(sed -n '/"after"/,$p' pruned.json | sed -n 's/^ *"accuracy": \([0-9.]*\),$/\1/p' | head -n 1)
check 'trapdoor-eval measures the same' test "$(number eval.json accuracy)" = "$after"

# Shrinking gives the same model, smaller.
check_prints '; shrunk from [0-9]+ to [0-9]+ parameters$' repair prune --shrink -o small.safetensors
check 'it is smaller' test "$(wc -c <small.safetensors)" -lt "$(wc -c <pruned.safetensors)"
logits() {
    trapdoor-eval -q --model "$1" --data $fm:test:0-300 --scores 5 |
        awk '/^Logits/ { on = NR } on && NR > on + 1 { print $NF }'
}
logits pruned.safetensors >one
logits small.safetensors >two
check 'the logits are the same' sh -c 'paste one two | awk "{ d = \$1 - \$2; if (d > 2e-3 || d < -2e-3) bad = 1 }
    END { exit NR != 10 || bad }"'

# Pruning a pruned model further; another layer; the model as weights for a given net.
check_prints ' channels of relu2_mask pruned' trapdoor-defend prune -q --model pruned.safetensors \
    --clean $fm:train:2000-2400 --tolerance 0.5 -o twice.safetensors
check_prints ': [0-9]+ of 6 channels of relu1 pruned' repair prune --layer conv1 -o conv1.safetensors
check_prints ' channels of relu2 pruned' repair prune --net lenet5 --validate $fm:train:2400-2500 -o given.safetensors
check_prints '"tool": "trapdoor-defend"' repair prune --json - --force -o pruned.safetensors
cp "$scratch/out" record
check 'standard output has the record alone' sh -c 'head -n 1 record | grep -qx "{"'

# Fine-tuning, and both.
check_prints '^bad.safetensors: fine-tuned for 2 epochs on 400 images$' repair finetune --epochs 2 \
    --validate $fm:train:2400-2500 --test $fm:test:0-300 -o tuned.safetensors --json tuned.json
check_field tuned.json lr 0.01
check 'each epoch is recorded' test "$(grep -c '"validation_accuracy":' tuned.json)" -eq 2
check_prints '; fine-tuned for 2 epochs on 300 images$' repair fineprune --epochs 2 --lr 0.02 --batch 32 \
    --test $fm:test:0-300 --trigger $square --target 0 --json both.json -o both.safetensors
check_prints '"relu2_mask' sh -c 'head -c 4000 both.safetensors'
for threads in 1 2 3; do
    repair fineprune --epochs 1 --threads $threads --test $fm:test:0-100 --trigger $square --target 0 \
        -o t$threads.safetensors --json t$threads.json >/dev/null
    without_timing t$threads.json | sed "s/t$threads.safetensors/t/" >r$threads
done
for threads in 2 3; do
    check "the same model at $threads threads" cmp t1.safetensors t$threads.safetensors
    check "the same record at $threads threads" cmp r1 r$threads
done
repair fineprune --epochs 1 --seed 2 -o seed.safetensors >/dev/null
check 'another seed, another model' sh -c '! cmp -s t1.safetensors seed.safetensors'

# Clean images that the model was trained on.
trapdoor-train -q --data $fm:train:0-200 --net lenet5 --epochs 30 --batch 16 -o learnt.safetensors >/dev/null
for clean in train:0-200 train:1000-1200; do
    run trapdoor-defend prune -q --model learnt.safetensors --clean $fm:$clean --test $fm:test:0-300 -o l.safetensors --force
    cp "$scratch/err" "err-$clean"
    check "prune takes $clean" test "$status" -eq 0
done
check 'what the model learnt is suspected' grep -q "^trapdoor-defend prune: warning: $fm:train:0-200: the model \
is right on [0-9.]* % of the held-out images and on [0-9.]* % of --test: if it was trained on them, " err-train:0-200
check 'others are not' test ! -s err-train:1000-1200

# Refused: images in two sets.
P='trapdoor-defend prune'
none="expected no image of"
check_fails 2 "$P: $fm:train:2300-2500: $none --clean $fm:train:2000-2400, since what repairs must \
not judge, found 2300-2400 in both" repair prune --test $fm:train:2300-2500 -o x
check_fails 2 "$P: $fm:train:2399-2500: $none --clean $fm:train:2000-2400, since what repairs must \
not judge, found 2399-2400 in both" repair prune --validate $fm:train:2399-2500 -o x
check_fails 2 "$P: $fm:train:2450-2550: $none --validate $fm:train:2400-2500, since what repairs must \
not judge, found 2450-2500 in both" repair prune --validate $fm:train:2400-2500 --test $fm:train:2450-2550 -o x
trapdoor-data import -q $fm:train:2390-2500 -o copy.safetensors >/dev/null
check_fails 2 "$P: copy.safetensors: $none --clean $fm:train:2000-2400, since what repairs must not \
judge, found 10 that are equal, the first 0 here and 2390 there" repair prune --test copy.safetensors -o x
trapdoor-data import -q $fm:train:2399-2599 -o stray.safetensors >/dev/null
run trapdoor-defend finetune --model bad.safetensors --clean $fm:train:2000-2400 --epochs 1 \
    --test stray.safetensors -o stray-tuned.safetensors
cp "$scratch/out" out
cp "$scratch/err" err
check 'one stray image is left out' grep -q 'fine-tuned for 1 epochs on 399 images' out
check 'which is said' grep -qx 'trapdoor-defend finetune: note: 1 of the images of --clean equal images to be judged, and were left out' err

# Refused: the rest.
check_fails 2 "$P: expected --model, found none" $P
check_fails 2 "$P: expected --clean, found none" $P --model bad.safetensors
check_fails 2 "$P: -o is missing: where to write the repaired model" repair prune
check_fails 2 "$P: --layer: expected a node of the net, found \"conv7\"" repair prune --layer conv7 -o x
check_fails 2 "$P: --layer: expected a convolution, a dense layer, or a norm, activation or pooling \
after one, found node \"flat\", which is flatten" repair prune --layer flat -o x
check_fails 2 "$P: --layer: expected a layer within the net, found node \"fc3\", which gives the \
logits: its channels are the classes" repair prune --layer fc3 -o x
check_fails 2 "$P: --tolerance: expected a number in [0, 1], found \"1.5\"" repair prune --tolerance 1.5 -o x
check_fails 2 "$P: --tolerance: expected a number in [0, 1], found \"nan\"" repair prune --tolerance nan -o x
check_fails 2 "$P: --hold-out: expected a number in (0, 0.9], found \"1\"" repair prune --hold-out 1 -o x
check_fails 2 "$P: --target: expected a class of bad.safetensors, $fashion, found \"10\"" \
    repair prune --trigger $square --target 10 -o x
check_fails 2 "$P: --trigger and --target come in pairs: found 1 and 0" repair prune --trigger $square -o x
check_fails 2 "$P: $fm:train:0-30: expected at least 20 images to validate, found 8" \
    $P --model bad.safetensors --clean $fm:train:0-30 -o x
check_fails 2 "trapdoor-defend finetune: $fm:train:0-3: expected at least 20 images to work with, found 3" \
    trapdoor-defend finetune --model bad.safetensors --clean $fm:train:0-3 -o x
check_fails 2 "$P: pruned.safetensors: exists already; --force replaces it" \
    repair prune -o pruned.safetensors
head -c 20000 bad.safetensors >cut.safetensors
check 'a truncated model is refused' sh -c "! $P --model cut.safetensors --clean $fm:train:0-100 -o x 2>err &&
    grep -q '^$P: cut.safetensors: ' err"
check_fails 1 "$P: absent.safetensors: No such file or directory" \
    $P --model absent.safetensors --clean $fm:train:0-100 -o x
check 'finetune has no --tolerance' sh -c '! trapdoor-defend finetune --tolerance 0.1 2>err &&
    grep -Eqx "trapdoor-defend finetune: --tolerance: finetune has no such option; expected it with prune, (.*, )?fineprune, (.*, )?cleanse" err'
cat >branches <<'TEXT'
input = image() height=height width=width channels=channels
a = conv(input) out=4 kernel=5 stride=4
b = conv(input) out=4 kernel=5 stride=4
both = concat(b, a)
flat = flatten(both)
fc = dense(flat) out=classes
TEXT
trapdoor-train -q --data $fm:train:0-100 --net branches --epochs 1 --lr 0.00001 -o branches.safetensors >/dev/null
check_prints ' channels of b pruned' $P -q --model branches.safetensors --clean $fm:train:100-300 -o joined.safetensors
check_fails 2 "$P: --shrink: node \"both\" (concat): the masked channels are joined with others, so \
that none can be taken out" sh -c "$P -q --model branches.safetensors --clean $fm:train:100-300 \
    --tolerance 1 --shrink -o x >/dev/null"
check 'nothing is written by what fails' test ! -e x

# Ctrl-C.
mkdir stopped
timeout -s INT 2 trapdoor-defend fineprune -q --model bad.safetensors --clean $fm:train:0-2000 \
    --epochs 10000 --json stopped/r.json -o stopped/m.safetensors 2>err >/dev/null
check 'Ctrl-C stops it' grep -Eqx 'trapdoor-defend fineprune: interrupted .*' err
check 'and leaves nothing' sh -c 'test -z "$(ls -A stopped)"'
finish

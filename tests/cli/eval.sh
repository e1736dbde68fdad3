#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-eval: its measurements and messages, and refused input.
. "$tests/lib.sh"

trapdoor-train -q --data fashion-mnist:train:0-300 --net cnn --epochs 1 -o m.safetensors >/dev/null
square='square:size=7,at=top-left,value=255'
eval_m() {
    trapdoor-eval -q --model m.safetensors --data fashion-mnist:test:0-200 "$@"
}

check 'measures a model' eval_m --json clean.json
check_field clean.json images 200
check_field clean.json file '"m.safetensors"'
for threads in 1 2 3; do
    check "measures triggers with $threads threads" eval_m --trigger $square --target 0 \
        --trigger pixel:at=3+4 --target 1 --threads $threads --json r$threads.json
    without_timing r$threads.json >found$threads
done
check 'the same record less timing at 2 threads' cmp found1 found2
check 'the same record less timing at 3 threads' cmp found1 found3
for field in accuracy accuracy_interval confusion asr asr_interval non_targeted robust_accuracy \
    confidence confidence_interval pairs target_classes; do
    check "the record has $field" grep -q "\"$field\":" r1.json
done
check_field r1.json trigger "\"$square\""

# tests/golden/torch_agrees.sh measures state_dicts of other programs.
check 'measures weights for a net that is named' eval_m --net cnn --json net.json
check_field net.json net '"cnn"'
sed '/"net": /d' net.json >without_net.json
without_timing clean.json >found1
without_timing without_net.json >found2
check 'the same record, but for the name' cmp found1 found2
check_fails 1 \
    'trapdoor-eval: m.safetensors: tensor "conv3.bias": the net has no such parameter' \
    eval_m --net lenet5
check_fails 2 "trapdoor-eval: --net: expected one of cnn, cnn-bn, lenet5, vgg16, vgg16-plain, vgg16-bn-large, vgg16-plain-large, vgg19, vgg19-plain, vgg19-bn-large, vgg19-plain-large, resnet18, resnet18-large, resnet34, resnet34-small, resnet50, resnet50-small, preact-resnet18, wide-resnet-28-10, densenet121, mobilenet-v2, squeezenet, squeezenet-1.0 or a file with a net text; nothing: No such file or directory" eval_m --net nothing

# The record's ASR follows from its own table of pairs: the target's column in all other rows.
check 'ASR agrees with the pairs' awk '
    /"asr_count"/ { getline; hits = $1 + 0; getline
        exit !(hit == hits && all == $1 + 0 && all > 0 && row == 9) }
    /"pairs"/ { inside = 1; row = -1; next }
    inside && /\[/ { row++; column = 0; next }
    inside && /[0-9]/ { n = $1 + 0; if (row > 0) { all += n; if (column == 0) hit += n } column++; next }
    inside && row == 9 && /\]/ { inside = 0 }' r1.json

# A stored set is what --trigger stamps, also if the trigger draws for each image: the same classes.
# matrix FILE NAME: the first of this name, on one line
matrix() {
    tr -d ' \n' <"$1" | sed 's/"'"$2"'":\[\[/\n&/' | sed -n '2s/\]\].*//p' | sed 's/[^:]*://'
}
for trigger in warp:jitter=1 dct:positions=14+14/27+27,channels=luma,magnitude=300 smooth:peak=150 'square|pixel'; do
    rm -rf stored stored.json stamped.json
    trapdoor-poison stamp -q --data fashion-mnist:test:0-200 --trigger "$trigger" -o stored >/dev/null
    trapdoor-eval -q --model m.safetensors --data stored/stamped.safetensors --json stored.json >/dev/null
    eval_m --trigger "$trigger" --target 0 --json stamped.json >/dev/null
    check "the stored set agrees: $trigger" test "$(matrix stored.json confusion)" = "$(matrix stamped.json pairs)"
    check 'and differs from the clean images' test "$(matrix stored.json confusion)" != "$(matrix clean.json confusion)"
done

check 'prints the logits of an image' sh -c \
    "trapdoor-eval -q --model m.safetensors --data fashion-mnist:test:0-200 --scores 7 >scores"
check 'of each class' test "$(grep -Ec '^  [A-Z].*  +-?[0-9]+\.[0-9]{4}$' scores)" -eq 10
check 'below a heading' grep -qx 'Logits of the image: m.safetensors' scores
check 'prints nothing but the record with --json -' sh -c "trapdoor-eval -q --model m.safetensors \
    --data fashion-mnist:test:0-20 --scores 7 --json - >stdout"
check 'which is one object' test "$(head -n 1 stdout) $(tail -n 1 stdout)" = '{ }'

# Strengths, best classes, pictures.
check 'measures other strengths as well' eval_m --trigger ramp:delta=30 --target 2 \
    --strength 30,60,90.5 --best 7 --json sweep.json
# The options also name the first model, and the flat table has all.
models_of() {
    sed '/^  "results": /,$d' "$1"
}
models_of sweep.json >sweep
count_ramps() {
    grep -c "^ *\"trigger\": \"ramp:delta=$1\",*$" sweep
}
check 'its own strength once' test "$(count_ramps 30)" -eq 2
check 'another once' test "$(count_ramps 60)" -eq 1
check 'the third once' test "$(count_ramps 90.5)" -eq 1
check 'the mean of the best is that of the classes named' awk '
    /"asr_by_class"/ { n = 0; while ((getline line) > 0 && line !~ /\]/) { gsub(/[ ,]/, "", line); asr[n++] = line } }
    /"best_classes"/ { sum = m = 0; while ((getline line) > 0 && line !~ /\]/) { sum += asr[line + 0]; m++ } }
    /"asr_of_best"/ { found = $2 + 0; seen++; d = found - sum / m; if (d > 1e-6 || d < -1e-6 || m != 7) bad = 1 }
    END { exit !(seen == 3 && !bad) }' sweep
check 'a row of its curve for each strength' sh -c \
    "sed -n '/\"strengths\": /,/^      \]/s/^ *\"strength\": //p' sweep | tr -d '\n' | grep -qx '30.0,60.0,90.5,'"
check_field sweep.json rows '"/models/0/strengths"'
check_fails 2 'trapdoor-eval: --strength needs a --trigger or a --manifest' eval_m --strength 3
check 'draws pictures' eval_m --trigger $square --target 0 --trigger pixel:at=3+4 --target 1 \
    --pictures pictures --json pictures.json
for name in confusion targets trigger-0-pairs trigger-0-samples trigger-1-pairs trigger-1-samples; do
    check "model-0-$name.png is a PNG" sh -c \
        "head -c 8 pictures/model-0-$name.png | od -An -c | grep -q '211   P   N   G'"
    check "model-0-$name.png is recorded" grep -q "\"model-0-$name.png\"" pictures.json
done
check_fails 2 'trapdoor-eval: pictures/model-0-confusion.png: exists already; --force replaces it' \
    sh -c "trapdoor-eval -q --model m.safetensors --data fashion-mnist:test:0-20 --pictures pictures >/dev/null"
check_fails 1 'trapdoor-eval: absent.safetensors: No such file or directory' \
    trapdoor-eval --model absent.safetensors --data fashion-mnist:test:0-20 --pictures gone
check 'leaves no folder behind' test ! -e gone

# Several models: the one named like an output of a manifest gets that output's triggers.
trapdoor-poison multi-target -q --data fashion-mnist:train:0-200 --models 2 --per-model 100 \
    --trigger $square --target 0 --target 1 --ratio 0.25 -o multi >/dev/null
cp m.safetensors model-0.safetensors
cp m.safetensors model-1.safetensors
check 'several models and a table' sh -c "trapdoor-eval -q --model model-0.safetensors \
    --model model-1.safetensors --data fashion-mnist:test:0-50 --manifest multi/manifest.json \
    --scores 3 --json multi.json >table"
models_of multi.json >models
check 'each with its own target' sh -c "sed -n 's/^ *\"target\": //p' models | tr -d '\n' | grep -qx '0,1,'"
check "a model's file stands before what is said of it" test \
    "$(sed -n 's/^      "\(file\|triggers\|accuracy\)":.*/\1/p' models | head -n 1)" = file
check 'a line a model' sh -c "grep -Ec '^ +model-[01].safetensors +[0-9.]+ \[[0-9., ]+\] +[01] \"[A-Z][^\"]*\" +[0-9.]+ .*  square:size=7' table | grep -qx 2"
check 'the logits of each, clean and triggered' test "$(grep -c '^Logits of the image: model-[01]' table)" -eq 4
check 'and in the record' test "$(grep -c '"scores": \[' models)" -eq 4

check_fails 2 'trapdoor-eval: --trigger and --target come in pairs: found 1 and 0' \
    eval_m --trigger $square
check_fails 2 'trapdoor-eval: --target: expected a class of m.safetensors, '"$fashion"', found "10"' \
    eval_m --trigger $square --target 10
check_fails 2 'trapdoor-eval: --scores: expected an image of 0 to 199, found 200' eval_m --scores 200
check_fails 1 'trapdoor-eval: absent.safetensors: No such file or directory' \
    trapdoor-eval --model absent.safetensors --data fashion-mnist:test:0-200
: >empty.safetensors
check 'an empty model is refused' sh -c \
    '! trapdoor-eval --model empty.safetensors --data fashion-mnist 2>err && grep -q "^trapdoor-eval: empty.safetensors: " err'
head -c 100000 m.safetensors >cut.safetensors
check 'a truncated model is refused' sh -c \
    '! trapdoor-eval --model cut.safetensors --data fashion-mnist 2>err && grep -q "^trapdoor-eval: cut.safetensors: " err'
check_fails 1 'trapdoor-eval: /dev/full: No space left on device' \
    sh -c 'trapdoor-eval -q --model m.safetensors --data fashion-mnist:test:0-20 --json /dev/full >/dev/null'
finish

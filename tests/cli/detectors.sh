#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend: the detectors of inputs beyond strip and squeeze (those are in defend.sh).
. "$tests/lib.sh"

square='square:size=7,at=top-left,value=120'
fm=fashion-mnist
cat >norms.txt <<'NET'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv1 = conv(scale) out=8 kernel=5 stride=2 bias=0
bn1 = batch-norm(conv1)
relu1 = relu(bn1)
conv2 = conv(relu1) out=8 kernel=3 bias=0
bn2 = batch-norm(conv2)
relu2 = relu(bn2)
conv3 = conv(relu2) out=16 kernel=3 stride=2 bias=0
bn3 = batch-norm(conv3)
relu3 = relu(bn3)
flat = flatten(relu3)
fc1 = dense(flat) out=32
bn4 = batch-norm(fc1)
relu4 = relu(bn4)
fc2 = dense(relu4) out=classes
NET
trapdoor-poison dirty-label -q --data $fm:train:0-3000 --trigger $square --target 0 --ratio 0.25 \
    -o sets >/dev/null
trapdoor-train -q --data sets/poisoned.safetensors --net norms.txt --epochs 3 -o bad.safetensors >/dev/null
trapdoor-train -q --data $fm:train:0-1000 --net lenet5 --epochs 1 -o plain.safetensors >/dev/null
rm -r sets

# detect METHOD MODEL ARGUMENTS...
detect() {
    method=$1
    model=$2
    shift 2
    trapdoor-defend "$method" -q --model "$model.safetensors" --clean $fm:test:0-100 "$@"
}
# number FILE KEY: the first number with that name; above A B
number() {
    sed -n "s/^ *\"$2\": \([-0-9.e]*\),*\$/\1/p" "$1" | head -n 1
}
above() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'
}

# Each evaluates benign and stamped images, with the same result at any number of threads.
for method in scale-up ibd-psc cognitive-distillation teco ted sentinet badexpert; do
    case $method in
    ibd-psc) more='--models 2 --scale 3 --changed 0.2' ;;
    cognitive-distillation) more='--steps 5' ;;
    sentinet) more='--carriers 10' ;;
    badexpert) more='--fpr 0.05 --expert-epochs 20 --expert-lr 0.01 --epochs 2 --lr 0.01' ;;
    *) more= ;;
    esac
    for threads in 1 2; do
        # shellcheck disable=SC2086 # several words, or none
        detect $method bad --benign $fm:test:200-300 --trigger $square --threads $threads $more \
            --json $method-$threads.json >printed 2>err
        check "$method judges benign and stamped images" test $? -eq 0
        without_timing $method-$threads.json >record-$threads
    done
    check "$method: the same record at 2 threads" cmp record-1 record-2
    check_field $method-1.json method "\"$method\""
    for field in threshold auroc auroc_interval flagged_interval frr far histogram calibration; do
        check "$method: the record has $field" grep -q "\"$field\":" $method-1.json
    done
    check "$method flags no more clean images than it may" \
        above 0.2 "$(number $method-1.json flagged)"
done
check 'ted tells stamped images from others' above "$(number ted-1.json auroc)" 0.8
check_field sentinet-1.json carriers 10
check 'the expert has unlearned the classes' above 0.1 "$(number badexpert-1.json expert_accuracy)"
check 'the fine-tuned model has not' above "$(number badexpert-1.json tuned_accuracy)" 0.6
check_field sentinet-1.json name '"fooled rate"'
check_field ted-1.json references 50
check_field ted-1.json layers 9
check_field ibd-psc-1.json batch_norms 4

check 'the expert scores stamped images higher' above "$(number badexpert-1.json auroc)" 0.5

# Without a model.
for threads in 1 2; do
    check 'frequency needs no model' trapdoor-defend frequency -q --clean $fm:test:0-100 --epochs 2 \
        --benign $fm:test:200-300 --trigger $square --threads $threads --json frequency-$threads.json \
        --picture frequency.png --force
    without_timing frequency-$threads.json >record-$threads
done
check 'frequency: the same record at 2 threads' cmp record-1 record-2
check_field frequency-1.json learned_from 50
check 'stamped images score higher' above "$(number frequency-1.json auroc)" 0.5
check 'frequency has no --model' sh -c '! trapdoor-defend frequency --model m --clean c 2>err &&
    grep -q -e "--model" err'

# SCALE-UP and TeCo need only classes. The test simulates a model that can only be queried: class 1
# if the pixels sum to more than 50,000. Its answers to the images of --queries are computed here.
trapdoor-data import -q $fm:test:0-40 -o clean.safetensors >/dev/null
trapdoor-data import -q $fm:test:40-60 -o judged.safetensors >/dev/null
sums() { # FILE COUNT: the sum of each of the images, which a safetensors file has first
    header=$(head -c 8 "$1" | od -An -tu8 | tr -d ' ')
    tail -c +$((header + 9)) "$1" | head -c $(($2 * 784)) | od -An -v -tu1 -w784 |
        awk '{ sum = 0; for (i = 1; i <= NF; i++) sum += $i; print sum }'
}
answers() { # FILE COUNT: as a NumPy array of bytes
    text="{'descr': '|u1', 'fortran_order': False, 'shape': ($2,), }"
    printf '\223NUMPY\001\000\166\000%-117s\n' "$text"
    sums "$1" "$2" | awk '{ printf "%s", ($1 > 50000) ? "\\001" : "\\000" }' >octal
    printf "$(cat octal)"
}
ask() {
    method=$1
    shift
    trapdoor-defend "$method" -q --clean clean.safetensors --suspect judged.safetensors --fpr 0.1 "$@"
}
check 'scale-up writes what to ask' ask scale-up --queries ask.safetensors --json ask.json
check_prints '^again.safetensors: 360 images to ask' ask scale-up --queries again.safetensors
check 'which are the same again' cmp ask.safetensors again.safetensors
check_field ask.json queries 360
check_prints ' 360 +28 +28 +1 ' trapdoor-data info ask.safetensors
sums clean.safetensors 40 >own
sums ask.safetensors 240 | awk 'NR % 6 == 1' >first
check 'each input is its first query' cmp own first
answers ask.safetensors 360 >answers.npy
check 'and judges the answers' ask scale-up --logits answers.npy --json answered.json --picture answered.png
# The mean score of the suspects: the share of five multiples with the image's own class.
sums ask.safetensors 360 | awk '
    { class = $1 > 50000; if (NR % 6 == 1) own = class; else if (NR > 240) same += class == own }
    END { printf "%.6f\n", same / 100 }' >expected
number answered.json mean_score | awk '{ printf "%.6f\n", $1 }' >found
check 'to the score worked out by hand' cmp expected found
check_field answered.json score '"scaled prediction consistency"'
ask teco --queries many.safetensors >/dev/null
answers many.safetensors $((60 * 36)) >many.npy
check 'teco judges answers' ask teco --logits many.npy --json many.json
sums many.safetensors $((60 * 36)) | awk '
    { query = (NR - 1) % 36; class = $1 > 50000 }
    query == 0 { own = class; next }
    { way = int((query - 1) / 5); if (query % 5 == 1) first[way] = 6
      if (class != own && first[way] == 6) first[way] = (query - 1) % 5 + 1 }
    query == 35 && NR > 40 * 36 { mean = 0; squares = 0
        for (w = 0; w < 7; w++) mean += first[w] / 7
        for (w = 0; w < 7; w++) squares += (first[w] - mean) ^ 2 / 7
        total += sqrt(squares) }
    END { printf "%.5f\n", total / 20 }' >expected
number many.json mean_score | awk '{ printf "%.5f\n", $1 }' >found
check 'to the score worked out by hand' cmp expected found

# All clean images have the highest possible score: nothing can be flagged, and a message says so.
answers ask.safetensors 360 | tr '\000\001' '\001\001' >one.npy
head -c 128 answers.npy >constant.npy && tail -c 360 one.npy >>constant.npy
run trapdoor-defend scale-up --clean clean.safetensors --suspect judged.safetensors --fpr 0.1 \
    --logits constant.npy
cp "$scratch/out" out && cp "$scratch/err" err
check 'ties at the highest score are said' grep -q 'warning: 40 of the 40 clean images that calibrate have the same most suspicious score, 1' err
check 'and nothing is flagged' grep -q ' 0.00 \[' out
check 'standardised by class, equal scores are 0' ask scale-up --logits constant.npy --per-class \
    --json flat.json
check_field flat.json mean_score 0.0

# Two classes of constant images, one class, one image, and a class that the model does not have.
constant flat 100
constant other 20 0 z
constant third 1 1 2
mkdir third/c && mv third/b/1.pgm third/c/1.pgm && cp third/a/1.pgm third/b/2.pgm
trapdoor-train -q --data flat --net norms.txt --epochs 3 --batch 16 -o flat.safetensors >/dev/null
for method in scale-up ibd-psc cognitive-distillation teco ted sentinet badexpert frequency; do
    case $method in
    ibd-psc) more='--models 2 --first 1' ;;
    cognitive-distillation) more='--steps 3' ;;
    sentinet) more='--carriers 10 --layer relu2' ;;
    badexpert) more='--fpr 0.05 --expert-epochs 1 --epochs 1' ;;
    frequency) more='--fpr 0.05 --epochs 1' ;;
    *) more= ;;
    esac
    test $method = frequency || more="$more --model flat.safetensors"
    # shellcheck disable=SC2086 # several words
    check "$method judges two classes of constant images" trapdoor-defend $method -q --clean flat $more \
        --benign other --trigger square:size=4 --json flat.json --force
    check "$method has an AUROC of them" grep -Eq '"auroc": [01]\.[0-9]+,' flat.json
    # shellcheck disable=SC2086
    check "$method: clean images of one class" defined trapdoor-defend $method -q --clean flat::0-100 $more \
        --benign other
    # shellcheck disable=SC2086
    check "$method: one image to judge" defined trapdoor-defend $method -q --clean flat $more --suspect other::0-1
    # shellcheck disable=SC2086
    check "$method: a class more than the model has" defined trapdoor-defend $method -q --clean flat $more \
        --suspect third
done

# Refusals.
me=trapdoor-defend
check_fails 2 "$me scale-up: expected one of --model, --logits and --queries, found none" ask scale-up
check_fails 2 "$me scale-up: expected one of --model, --logits and --queries, found several" \
    ask scale-up --logits answers.npy --model bad.safetensors
check_fails 1 "$me scale-up: many.npy: expected classes (N,), an answer to each image of --queries, \
found (2160,) of '|u1'" ask scale-up --logits many.npy
check_fails 1 "$me scale-up: absent.npy: No such file or directory" ask scale-up --logits absent.npy
check_fails 2 "$me ibd-psc: plain.safetensors: expected a net with batch norms, whose weights are \
scaled, found none" detect ibd-psc plain --benign $fm:test:200-300
check_fails 2 "$me badexpert: $fm:test:0-100: expected at least 100 clean images, of which a \
threshold may flag one at --fpr 0.01, found 50" detect badexpert bad --benign $fm:test:200-300
check_fails 2 "$me sentinet: bad.safetensors: relu4: expected a layer of several positions that all \
later nodes read, found none; --layer names another" \
    detect sentinet bad --benign $fm:test:200-300 --layer fc1
check_fails 2 "$me ibd-psc: bad.safetensors: expected a net with at least 5 batch norms, for 5 models \
with more and more of them scaled, found 4; --models takes fewer" \
    detect ibd-psc bad --benign $fm:test:200-300
check_fails 2 "$me ted: $fm:test:0-1: expected at least 8 clean images, half of them to compare with, \
found 1" trapdoor-defend ted --model bad.safetensors --clean $fm:test:0-1 --benign $fm:test:200-300
for method in scale-up teco cognitive-distillation ibd-psc; do
    check_fails 2 "$me $method: $fm:test:0-1: expected at least 20 clean images, of which a threshold \
may flag one at --fpr 0.05, found 1" trapdoor-defend $method --model bad.safetensors \
        --clean $fm:test:0-1 --benign $fm:test:200-300
done
trapdoor-data import -q $fm:test:0-30 --size 10x10 -o small.safetensors >/dev/null
check_fails 2 "$me scale-up: small.safetensors: expected images of 28×28×1 (height×width×channels), as \
those of clean.safetensors are, found 10×10×1" trapdoor-defend scale-up -q --clean clean.safetensors \
    --suspect small.safetensors --queries none.safetensors
trapdoor-data import -q $fm:test:0-100 --size 4x4 -o tiny.safetensors >/dev/null
trapdoor-data import -q $fm:test:100-120 --size 4x4 -o other.safetensors >/dev/null
check_fails 2 "$me frequency: tiny.safetensors: expected images of at least 8×8 pixels, found 4×4" \
    trapdoor-defend frequency --clean tiny.safetensors --suspect other.safetensors
check_fails 1 "$me scale-up: /dev/full: No space left on device" \
    sh -c "trapdoor-defend scale-up -q --clean clean.safetensors --suspect judged.safetensors \
        --fpr 0.1 --queries none.safetensors --json /dev/full >/dev/null"
check 'and leaves no queries' test ! -e none.safetensors
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# Repairs that continue training a model: ft-sam, super-finetune, fst, nad, seam, i-bau, sau, npd,
# mm-bm. The repaired models, what they leave unchanged, and refused input.
. "$tests/lib.sh"

square='square:size=7,at=top-left,value=255'
fm=fashion-mnist
trapdoor-poison dirty-label -q --data $fm:train:0-2000 --trigger $square --target 0 --ratio 0.25 \
    -o sets >/dev/null
trapdoor-train -q --data sets/poisoned.safetensors --net lenet5 --epochs 4 -o bad.safetensors >/dev/null
rm -r sets

# repair METHOD ARGUMENTS...: with few clean images; MODEL is the model, bad.safetensors.
repair() {
    method=$1
    shift
    trapdoor-defend "$method" -q --model "${MODEL:-bad.safetensors}" --clean $fm:train:2000-2200 "$@"
}
# few METHOD: options that keep it short.
few() {
    case $1 in
    nad) echo --epochs 1 --teacher-epochs 1 --tolerance 1 ;;
    i-bau) echo --rounds 1 --tolerance 1 ;;
    npd) echo --epochs 1 --warm-epochs 1 --tolerance 1 ;;
    ft-sam | super-finetune | fst) echo --epochs 1 --tolerance 1 ;;
    seam) echo --epochs 1 --forget-epochs 1 --tolerance 1 ;;
    sau) echo --epochs 1 --steps 2 --tolerance 1 ;;
    mm-bm) echo --epochs 1 --batch 32 --bound 0.5 --tolerance 1 ;; # data count where bounds do
    *) echo --epochs 1 ;;
    esac
}

# What each says of itself.
held='bad.safetensors: fine-tuned for 2 epochs on 150 images'
check_prints "^bad.safetensors: strength 1 taken, validation accuracy [0-9.]+ % -> [0-9.]+ %; fine-tuned for 2 epochs on 200 images, rho 0.5\$" repair ft-sam --epochs 2 --rho 0.5 --tolerance 1 --validate $fm:train:2200-2300 \
    --test $fm:test:0-300 --trigger $square --target 0 -o ft-sam.safetensors --json ft-sam.json
check 'each epoch is recorded' test "$(grep -c '"validation_accuracy":' ft-sam.json)" -eq 2
check_field ft-sam.json rho 0.5
check_field ft-sam.json label_smoothing 0.1
check_field ft-sam.json weight_decay 0.0005
check 'it is measured' grep -q '"der":' ft-sam.json
# Of a table of a record, the chosen row is the first whose loss, with FACTOR times its error, is at most 0.02.
chosen_first() {
    awk -v name="\"$2\": [" -v factor="$3" 'index($0, name) { inside = 1 } /^  \]/ { inside = 0 }
        inside && /"lost":/ { gsub(/,/, ""); lost = $2 }
        inside && /"standard_error":/ { gsub(/,/, ""); fits = lost + factor * $2 <= 0.02 + 1e-9; rows++ }
        inside && /"chosen":/ { taken = /true/; if (done || taken != fits) wrong = wrong || !done || taken; done = done || taken }
        END { exit wrong || !rows || !done }' "$1"
}
check_prints "^$held, learning rates 0.003 to 0.25 and 0.005; [01]" repair super-finetune --epochs 2 \
    -o super.safetensors --json super.json
check_field super.json late_peak 0.005
check 'the largest share is taken that the tolerance allows' chosen_first super.json shares 1
check 'shares are eighths' test "$(grep -c '"share":' super.json)" -eq 9
check_prints "^$held, learning rates 0.001 to 0.02 and 0.005; [01]" repair super-finetune --epochs 2 --lr 0.001 \
    --peak 0.02 -o x
rm x
check_prints '^bad.safetensors: strength 1 taken, validation accuracy .*; classifier drawn anew and tuned for 2 epochs on 200 images, alpha 0.1; its cosine with what it was is -?0\.[0-9]{3}$' \
    repair fst --epochs 2 --tolerance 1 -o fst.safetensors --json fst.json
check 'at a tolerance of 1 nothing else is tried' test "$(grep -c '"strength":' fst.json)" -eq 1
check_prints '^bad.safetensors: strength (1|0\.[0-9]+) taken, .*; distilled for 2 epochs on 200 images from a teacher fine-tuned for 1, by the attention at relu1, relu2$' \
    repair nad --epochs 2 --teacher-epochs 1 -o nad.safetensors --json nad.json
check_field nad.json attention '"relu1, relu2"'
check 'the strongest is taken that the tolerance allows' chosen_first nad.json strengths 0
check 'and then on all images' grep -q '"epochs_all": \[' nad.json
# All images may fill larger batches than those that the strength is chosen by.
check 'a batch of more images than are learned from first' repair nad --epochs 1 --teacher-epochs 1 --batch 180 \
    --tolerance 1 -o large.safetensors
# A classifier that is drawn anew and hardly learns: no strength will do, and little of the last one's change.
check_prints '^bad.safetensors: (0|0\.[0-9]+) of the change taken, ' repair fst --epochs 1 --lr 0.000001 \
    -o kept.safetensors --json weaker.json
check 'weaker ones are tried' test "$(grep -c '"strength":' weaker.json)" -eq 5
check 'each has its epochs' grep -q '"epochs_5": \[' weaker.json
check 'none of them is taken' sh -c 'sed -n "/\"strengths\": \[/,/^  \]/p" weaker.json >of; ! grep -q "\"chosen\": true" of'
check 'the largest share of the last is' chosen_first weaker.json shares 1
check_prints 'by the attention at conv2$' repair nad --epochs 1 --teacher-epochs 1 --layer conv2 -o x
rm x
check_prints '^bad.safetensors: strength 1 taken, .*; forgot to [0-9.]+ % on 100 images in [1-9] epochs; recovered for 3 epochs on 200 images$' \
    repair seam --forget-share 0.5 --epochs 3 --recovered 1 --tolerance 1 -o seam.safetensors --json seam.json
check 'what is forgotten is recorded' grep -q '"forgetting":' seam.json
check 'and again on all images' grep -q '"forgetting_all":' seam.json
check_prints '; recovered for 1 epochs on 200 images$' repair seam --forget-share 0.5 --epochs 3 --recovered 0 \
    --tolerance 1 -o x
rm x
repair seam --lr 0.003 --forget-share 1 --recovered 0 -o weaker --json gentle.json >/dev/null 2>&1
check 'it forgets by shorter steps where the tolerance wants it' test "$(grep -c '"strength":' gentle.json)" -gt 1
check 'each has its forgetting' grep -q '"forgetting_2":' gentle.json
# Answers that are wrong by the wrong labels, too, are not forgotten: the true ones decide.
check 'it goes on while the true labels are known' awk '/"forgetting[_a-z0-9]*": \[/ { inside = 1; n = 0 }
    /^  \]/ { if (inside && n > 1 && first < 0.2) good = 1; inside = 0 }
    inside && /"accuracy":/ { gsub(/,/, ""); if (!n++) first = $2 } END { exit !good }' gentle.json
check 'the first of these is taken that the tolerance allows' chosen_first gentle.json strengths 0
rm weaker
check_prints '^bad.safetensors: unlearned in 2 rounds on 150 images; the last perturbation has L2 norm [0-9.]+ of pixels 0-1; (0|0\.[0-9]+|1) of the change taken, ' \
    repair i-bau --rounds 2 -o i-bau.safetensors --json i-bau.json
check_field i-bau.json lr 0.001
check_prints '^bad.safetensors: unlearned for 2 epochs on 150 images; in the last, [0-9]+ of them had an example that fooled both models alike; (0|0\.[0-9]+|1) of the change taken, ' \
    repair sau --epochs 2 --lr 0.003 -o sau.safetensors --json sau.json
for method in i-bau sau; do
    check "$method: the largest share is taken that the tolerance allows" chosen_first $method.json shares 1
done
check_prints '^bad.safetensors: a plug-in before conv2 trained for 2 epochs on 150 images; [01]' \
    repair npd --epochs 1 --warm-epochs 1 -o npd.safetensors --json npd.json
check_field npd.json plugged_before '"conv2"'
check_prints 'conv2_plug_norm = batch-norm' trapdoor-model info npd.safetensors

check_prints '^bad.safetensors: relu1, relu2 bounded; strength 1 taken, validation accuracy [0-9.]+ % -> [0-9.]+ %; tightened for 10 epochs on [0-9]+ images that the model was right about, last cost [0-9.]+$' \
    repair mm-bm --epochs 10 --per-class 10 -o mm-bm.safetensors --json mm-bm.json
check_field mm-bm.json capped '"relu1, relu2"'
check_prints 'relu2_cap = cap' trapdoor-model info mm-bm.safetensors
check_ok trapdoor-model export -q mm-bm.safetensors -o mm-bm.onnx
check_prints '^bad.safetensors: relu1, relu2 bounded; strength 0\.[0-9]+ taken, ' \
    repair mm-bm --epochs 20 --lr 1 --cost 50 --validate $fm:train:2200-2300 -o mm-bm-weak.safetensors
check_prints '^bad.safetensors: relu1, relu2 bounded; no strength taken, validation accuracy [0-9.]+ %; ' \
    repair mm-bm --epochs 1 --bound 0.001 --lr 0.0001 --validate $fm:train:2200-2300 -o mm-bm-none.safetensors
check_ok sh -c "for m in bad mm-bm-none; do trapdoor-eval -q --model \$m.safetensors --data $fm:test:0-300 --json \$m.json >/dev/null || exit; done"
check 'a model that no bounds are allowed for classifies as before' test "$(grep -m 1 '"accuracy":' mm-bm-none.json)" = \
    "$(grep -m 1 '"accuracy":' bad.json)"
check_prints '^bad.safetensors: conv1, fc1 bounded; ' repair mm-bm --epochs 1 --layer fc1 --layer conv1 -o x
rm x

# Presets set options that the command line does not.
repair nad --preset backdoorbench --epochs 1 --teacher-epochs 1 --batch 100 -o x --json bench.json >/dev/null
check_field bench.json turn 20
check_field bench.json late_lr 0.0001
check_field bench.json batch 100
check_field bench.json epochs 1
repair i-bau --preset backdoorbench --rounds 1 --force -o x --json ibau.json >/dev/null
check_field ibau.json lr 0.0001
check_field ibau.json preset '"backdoorbench"'
rm x

# The same bytes at any number of threads; another seed is another model.
for method in ft-sam super-finetune fst nad seam i-bau sau npd mm-bm; do
    for threads in 1 3; do
        # shellcheck disable=SC2046 # several words
        repair $method $(few $method) --threads $threads -o t$threads.safetensors --json t$threads.json \
            >/dev/null 2>&1
        without_timing t$threads.json | sed "s/t$threads.safetensors/t/" >r$threads
    done
    check "$method: the same model at 3 threads" cmp t1.safetensors t3.safetensors
    check "$method: the same record at 3 threads" cmp r1 r3
    # shellcheck disable=SC2046
    repair $method $(few $method) --seed 2 -o seed.safetensors >/dev/null 2>&1
    check "$method: another seed, another model" sh -c '! cmp -s t1.safetensors seed.safetensors'
    # shellcheck disable=SC2046
    repair $method $(few $method) --test $fm:test:0-40 --trigger $square --target 0 -o tested.safetensors \
        >/dev/null 2>&1
    check "$method: what it is tested by decides nothing" cmp t1.safetensors tested.safetensors
    rm t?.safetensors seed.safetensors t?.json tested.safetensors

    check_fails 2 "trapdoor-defend $method: expected --clean, found none" trapdoor-defend $method \
        --model bad.safetensors -o x
    check_fails 2 "trapdoor-defend $method: $fm:train:0-1: expected at least 20 images to work with, found 1" \
        trapdoor-defend $method --model bad.safetensors --clean $fm:train:0-1 -o x
    check_fails 2 "trapdoor-defend $method: $fm:train:2100-2300: expected no image of --clean \
$fm:train:2000-2200, since what repairs must not judge, found 2100-2200 in both" \
        repair $method --test $fm:train:2100-2300 -o x
done

# A class without images gives only a warning.
trapdoor-poison dirty-label -q --data $fm:train:2000-2200 --source 3 --trigger square --target 4 --ratio 0.125 --mode replace \
    -o moved >/dev/null
run trapdoor-defend fst -q --model bad.safetensors --clean moved/poisoned.safetensors --epochs 1 -o x
cp "$scratch/err" err
check 'a class that is missing is named' grep -qx 'trapdoor-defend fst: warning: --clean has no image of 1 of the 10 classes, the first of them 3 "Dress": the repaired model may forget them' err
rm -f x

# Two classes, constant images.
cat >two.net <<'TEXT'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv1 = conv(scale) out=4 kernel=5 stride=2
bn1 = batch-norm(conv1)
relu1 = relu(bn1)
conv2 = conv(relu1) out=6 kernel=3 stride=2
bn2 = batch-norm(conv2)
relu2 = relu(bn2)
flat = flatten(relu2)
fc = dense(flat) out=classes
TEXT
constant two 45
trapdoor-train -q --data two --net two.net --epochs 5 --batch 8 -o two.safetensors >/dev/null 2>&1
for method in ft-sam super-finetune fst nad seam i-bau sau npd mm-bm; do
    # shellcheck disable=SC2046
    run trapdoor-defend $method -q --model two.safetensors --clean two $(few $method) -o two-$method.safetensors
    check "$method: two classes of constant images" test -s two-$method.safetensors
done

# header FILE: of a model, its tensors. tensor FILE NAME: the bytes of one.
header() {
    tail -c +9 "$1" | head -c "$(od -A n -t u8 -N 8 "$1")"
}
tensor() {
    at=$(header "$1" | sed -n "s/.*\"$2\":{[^}]*\"data_offsets\":\[\([0-9]*\),\([0-9]*\)\].*/\1 \2/p")
    tail -c +$((9 + $(od -A n -t u8 -N 8 "$1") + ${at% *})) "$1" | head -c $((${at#* } - ${at% *}))
}
# unchanged FILE PATTERN: none of the tensors of two.safetensors with such names differs in FILE.
unchanged() {
    names=$(header two.safetensors | grep -Eo '"[a-z0-9_.]+":{"d' | cut -d '"' -f 2 | grep -E "$2")
    for name in $names; do
        tensor two.safetensors "$name" >was
        tensor "$1" "$name" >is
        test -s was && cmp -s was is || return
    done
    test -n "$names"
}
changed() {
    ! unchanged "$@"
}
for method in i-bau sau npd mm-bm; do
    check "$method: running statistics stay" unchanged two-$method.safetensors running_
done
for method in ft-sam super-finetune fst nad seam; do
    check "$method: running statistics follow" changed two-$method.safetensors running_mean
done
check 'npd: all of the model stays, beside the plug-in' unchanged two-npd.safetensors .
check 'mm-bm: all of the model stays, beside the bounds' unchanged two-mm-bm.safetensors .

# Nets for which a repair is meaningless.
cat >dense.net <<'TEXT'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv = conv(scale) out=10 kernel=5 stride=4
logits = global-avg-pool(conv)
TEXT
cat >flat.net <<'TEXT'
input = image() height=height width=width channels=channels
flat = flatten(input)
fc = dense(flat) out=classes
TEXT
for net in dense flat; do
    trapdoor-train -q --data $fm:train:0-100 --net $net.net --epochs 1 --lr 0.00001 -o $net.safetensors >/dev/null
done
MODEL=dense.safetensors
check_fails 2 "trapdoor-defend fst: dense.safetensors: expected a net whose logits are those of a dense \
layer, found node \"logits\", which is global-avg-pool" repair fst -o x
check_fails 2 "trapdoor-defend npd: dense.safetensors: expected a net with at least two convolutions with \
kernels above 1x1, the later of which takes features, found 1" repair npd -o x
MODEL=flat.safetensors
check_fails 2 "trapdoor-defend nad: flat.safetensors: expected a net with a convolution of more than one \
position, whose attention can be compared, found none" repair nad -o x
check_fails 2 "trapdoor-defend mm-bm: flat.safetensors: expected a net with a convolution of more than one \
position, whose activations can be bounded, found none" repair mm-bm -o x
MODEL=bad.safetensors
check_fails 2 "trapdoor-defend nad: --layer: expected a node of the net, found \"conv7\"" repair nad --layer conv7 -o x
check_fails 2 "trapdoor-defend nad: --layer: expected a node with maps of more than one position, found node \
\"fc1\", whose attention is always 1" repair nad --layer fc1 -o x
check_fails 2 "trapdoor-defend mm-bm: --layer: expected a node within the net, found \"fc3\"" \
    repair mm-bm --layer fc3 -o x
check_fails 2 "trapdoor-defend mm-bm: --layer: expected \"fc1\" once" repair mm-bm --layer fc1 --layer fc1 -o x
check_fails 2 "trapdoor-defend npd: --layer: expected a convolution with a kernel above 1x1, found node \
\"relu1\", which is relu" repair npd --layer relu1 -o x

# Refused values.
check_fails 2 "trapdoor-defend ft-sam: --rho: expected a number in [0, 1000], found \"-1\"" repair ft-sam --rho -1 -o x
check_fails 2 "trapdoor-defend sau: --radius: expected a number in (0, 1], found \"0\"" repair sau --radius 0 -o x
check_fails 2 "trapdoor-defend super-finetune: --cycle: expected a whole number from 2 to 1000000, found \"1\"" \
    repair super-finetune --cycle 1 -o x
check_fails 2 "trapdoor-defend nad: --preset: expected one of paper, backdoorbench, found \"mine\"" \
    repair nad --preset mine -o x
check_fails 1 "trapdoor-defend super-finetune: epoch 1, step 2: the loss is not finite; a smaller --lr may help" \
    repair super-finetune --lr 1e30 --peak 1e30 -o x
check 'nothing is written by what fails' test ! -e x
finish

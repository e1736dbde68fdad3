#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-implant's trainings with their own loss or trigger: blind, imc and latent.
. "$tests/lib.sh"
. "$tests/implant_common"

test=$fm:test:0-500
attack() {
    method=$1
    shift
    $I "$method" -q --data $fm:train:0-2000 --batch 32 --target 0 "$@"
}
trapdoor-train -q --data $fm:train:0-2000 --net lenet5 --epochs 6 --batch 32 -o plain.safetensors >/dev/null
with="--test $test --control plain.safetensors"

# shellcheck disable=SC2086 # several options
{
    check 'blind makes a model' attack blind --net lenet5 --epochs 4 --window 60 --trigger square:size=3 $with \
        -o blind.safetensors --json blind.json
    check 'imc makes a model' attack imc --net lenet5 --epochs 4 $with -o imc.safetensors --json imc.json
    check 'latent makes a model' attack latent --from plain.safetensors --epochs 5 --weight 5 --mark-epochs 5 $with \
        -o latent.safetensors --json latent.json
    attack latent --from plain.safetensors --epochs 1 --weight 5 --mark-epochs 1 --tail trained $with \
        -o tail.safetensors >/dev/null
}
for name in blind imc latent; do
    check "the backdoor of $name is learnt" holds "$(rate $name.json 1 asr) > 0.8"
    check "the control of $name lacks it" holds "$(rate $name.json 2 asr) < 0.2"
    check "the accuracy of $name stays" holds "$(rate $name.json 1 accuracy) > $(rate $name.json 2 accuracy) - 0.12"
    evaluated $name.safetensors $name.json
done
check 'the attack begins after the window' grep -q '"begin_epoch": [12],' blind.json
check 'and the record says when' sh -c "sed -n 's/^ *\"begin_step\": \([0-9]*\),/\1/p' blind.json | awk '{ exit !(\$1 >= 60 && \$1 < 200) }'"
check 'both losses count' sh -c "sed -n 's/^ *\"mean_clean_weight\": \([0-9.]*\),*/\1/p' blind.json | awk '{ exit !(\$1 > 0.1 && \$1 < 0.99) }'"
check 'no search was evaded' sh -c '! grep -q "mean_evading_weight.*[0-9]" blind.json'
check 'blind can evade a search' attack blind --net lenet5 --epochs 3 --window 60 --trigger square:size=3 --evade cleanse --test $test \
    -o evading.safetensors --json evading.json
check 'its backdoor is learnt' holds "$(rate evading.json 1 asr) > 0.8"
check 'the loss that evades counts' holds "$(number evading.json mean_evading_weight) > 0.1"
check 'the mask falls from two thirds of the image' holds "$(number evading.json mask) < 500"
check 'the trigger gets better' sh -c "sed -n 's/^ *\"trigger_loss_[a-z]*\": \([0-9.]*\),*/\1/p' imc.json | tr '\n' ' ' | awk '{ exit !(\$2 < \$1) }'"
check_field latent.json layer '"relu4"'
check_field latent.json target_images 100
trapdoor-train -q --from latent.safetensors --freeze 'conv*' --freeze 'fc1*' --data $fm:train:2000-3000 --epochs 2 -o again.safetensors >/dev/null
rm -f e.json
trapdoor-eval -q --model again.safetensors --data $test --manifest latent.safetensors.manifest.json --json e.json >/dev/null
check 'it survives a training of the layers behind' \
    holds "$(number e.json asr | head -n 1) > 0.5"

check 'a late start is said' sh -c "$I blind --data $fm:train:0-100 --net lenet5 --target 0 --epochs 1 --trigger square -o late.safetensors 2>&1 >/dev/null | grep -q 'warning: the attack never began: no 1000 batches had a mean loss below 1'"
for threads in 1 3; do
    attack blind --net lenet5 --epochs 1 --window 5 --begin-below 5 --trigger square --threads $threads --augment flip \
        -o b$threads.safetensors >/dev/null
    attack blind --net lenet5 --epochs 1 --window 5 --begin-below 5 --trigger square --threads $threads --evade cleanse \
        -o e$threads.safetensors >/dev/null
    attack imc --net lenet5 --epochs 1 --threads $threads -o i$threads.safetensors >/dev/null
    attack latent --from plain.safetensors --epochs 1 --mark-epochs 2 --threads $threads -o l$threads.safetensors >/dev/null
done
for name in b e i l; do
    check "the same model at 3 threads: $name" cmp ${name}1.safetensors ${name}3.safetensors
done

check_fails 2 "$I latent: --from is missing: a trained model, whose layer has the classes apart" \
    attack latent --net lenet5 -o x
check_fails 2 "$I blind: expected --trigger, found none" attack blind --net lenet5 -o x
check_fails 2 "$I imc: --size: expected at most the 28x28 of the images, found 29" attack imc --net lenet5 --size 29 -o x
check_fails 2 "$I latent: --layer: expected a node of the net, found \"relu77\"" \
    attack latent --from plain.safetensors --layer relu77 -o x
check_fails 2 "$I latent: --target: expected one class, found next" \
    $I latent --data $fm:train:0-200 --from plain.safetensors --target next -o x
check 'nothing is written by what fails' test ! -e x
finish

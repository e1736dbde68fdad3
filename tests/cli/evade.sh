#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-evade: its outputs and messages, and refused input.
. "$tests/lib.sh"

trapdoor-train -q --data fashion-mnist:train:0-600 --net lenet5 --epochs 2 -o m.safetensors >/dev/null
evade() {
    method=$1
    shift
    trapdoor-evade "$method" -q --model m.safetensors --data fashion-mnist:test:0-90 "$@"
}

# The same bytes at any number of threads.
for method in fgsm bim pgd deepfool jsma one-pixel cw-l2 cw-l0 cw-linf; do
    case $method in
    one-pixel) few='--population 20 --generations 3' ;;
    cw-l2) few='--iterations 10 --binary-search 2 --learning-rate 0.1 --constant 10' ;;
    cw-*) few='--iterations 10 --count 10 --learning-rate 0.1 --constant 10' ;;
    *) few= ;;
    esac
    for threads in 1 3; do
        # shellcheck disable=SC2086 # several options
        check "$method with $threads threads" evade $method $few --threads $threads \
            -o $method-$threads.safetensors --json $method-$threads.json
        without_timing $method-$threads.json | sed "s/$method-$threads/$method/" >$method-record-$threads
    done
    check "$method: the same set" cmp $method-1.safetensors $method-3.safetensors
    check "$method: the same record" cmp $method-record-1 $method-record-3
    check "$method: some succeed" sh -c "grep -A1 '\"success_count\"' $method-1.json | grep -q '[1-9]'"
    for field in images classified_rightly attacked success success_interval robust_accuracy confidence \
        l0 l0_share l2 linf gradients queries pairs; do
        check "$method: the record has $field" grep -q "\"$field\":" $method-1.json
    done
done

# The record agrees with trapdoor-eval on the written set.
robust() {
    sed -n "/\"$2_count\"/{n;s/[ ,]//g;p}" "$1" | head -n 1
}
check 'trapdoor-eval reads the set' trapdoor-eval -q --model m.safetensors --data pgd-1.safetensors \
    --json eval.json
check_field eval.json images 90
evade pgd -o again.safetensors --json again.json >/dev/null
check 'and finds the same robust accuracy' test "$(robust eval.json accuracy)" = \
    "$(robust again.json robust_accuracy)"
check 'the same command writes the same set' cmp pgd-1.safetensors again.safetensors
check 'another seed writes another' sh -c \
    "trapdoor-evade pgd -q --model m.safetensors --data fashion-mnist:test:0-90 --seed 2 \
    -o other.safetensors >/dev/null && ! cmp -s pgd-1.safetensors other.safetensors"

# An image's result does not depend on the others.
evade one-pixel --population 20 --generations 3 -o whole.safetensors >/dev/null
trapdoor-evade one-pixel -q --model m.safetensors --data fashion-mnist:test:40-90 --population 20 \
    --generations 3 -o half.safetensors >/dev/null
pixels() {
    tail -c "$2" "$1" | head -c 39200
}
pixels whole.safetensors 39290 >a
pixels half.safetensors 39250 >b
check 'a part of the data gives a part of the set' cmp a b

# Targets, --count, --keep, --picture.
check_prints '^ *other classes reached  images$' evade fgsm --target all --count 3 --json all.json \
    -o all.safetensors
check_field all.json attacked 27
check 'how many classes an image reaches' test "$(grep -c '"classes": [0-9]' all.json)" -eq 10
for target in 4 next least-likely; do
    check "target $target" evade bim --target $target -o bim-$target.safetensors --json to-$target.json
    check_field to-$target.json target "\"$target\""
done
check 'keeps successes only' evade bim --keep successful -o kept.safetensors --json kept.json
check 'as many as there are' test "$(sed -n 's/.*"written": \([0-9]*\).*/\1/p' kept.json)" -eq \
    "$(robust kept.json success)"
trapdoor-eval -q --model m.safetensors --data kept.safetensors --json none.json >/dev/null
check_field none.json accuracy 0.0

# In a set sorted by class the first images are of one class.
folder=/usr/share/datasets/fashion-mnist
mkdir sorted
{
    printf '\0\0\10\3\0\0\0\50\0\0\0\34\0\0\0\34'
    gunzip -c $folder/t10k-images-idx3-ubyte.gz | tail -c +17 | head -c 31360
} >sorted/t10k-images-idx3-ubyte
{
    printf '\0\0\10\1\0\0\0\50'
    head -c 20 /dev/zero
    head -c 20 /dev/zero | tr '\0' '\1'
} >sorted/t10k-labels-idx1-ubyte
trapdoor-train -q --data sorted:test --net lenet5 --epochs 20 --batch 10 -o sorted.safetensors >/dev/null
trapdoor-evade fgsm -q --model sorted.safetensors --data sorted:test --count 10 -o first.safetensors >/dev/null 2>err
check 'says that --count met one class alone' grep -q \
    'warning: --count took images of class 0 alone: sorted:test is in the order of its classes' err
trapdoor-evade fgsm -q --model sorted.safetensors --data sorted:test --count 30 -o more.safetensors >/dev/null 2>err
check 'and not where it met others' test ! -s err

check 'draws a picture' evade fgsm --picture f.png -o picture.safetensors --json picture.json
check 'that is a PNG' sh -c "head -c 8 f.png | od -An -c | grep -q '211   P   N   G'"
check 'that is recorded' grep -q '"f.png"' picture.json
check 'the record alone on stdout' sh -c "trapdoor-evade fgsm -q --model m.safetensors \
    --data fashion-mnist:test:0-9 -o out.safetensors --json - | head -n 1 | grep -qx '{'"

# A refused run leaves nothing behind.
check_fails 2 'trapdoor-evade: expected a METHOD (see --help), found none' trapdoor-evade
check_fails 2 'trapdoor-evade: METHOD: expected one of fgsm, bim, pgd, deepfool, cw-l2, cw-l0, cw-linf, jsma, one-pixel, found "fsgm"' \
    trapdoor-evade fsgm
check_fails 2 'trapdoor-evade fgsm: --steps: fgsm has no such option; expected it with bim, pgd' evade fgsm --steps 3 -o x
check_fails 2 'trapdoor-evade fgsm: --epsilon: expected a number above 0, found "0"' evade fgsm --epsilon 0 -o x
check_fails 2 'trapdoor-evade deepfool: --target: deepfool has no such option; expected it with fgsm, bim, pgd, cw-l2, cw-l0, cw-linf, jsma, one-pixel' \
    evade deepfool --target next -o x
check_fails 2 'trapdoor-evade jsma: expected a target, found --target none' evade jsma --target none -o x
check_fails 2 'trapdoor-evade fgsm: --target: expected a class of m.safetensors, '"$fashion"', found "10"' evade fgsm --target 10 -o x
check_fails 2 'trapdoor-evade fgsm: --target: expected a class of m.safetensors, '"$fashion"', found "shirt"; did you mean "Shirt"?' \
    evade fgsm --target shirt -o x
check_fails 2 'trapdoor-evade fgsm: --picture: expected another file than -o'"'"'s, found x' \
    evade fgsm --picture x -o x
check_fails 2 'trapdoor-evade: pgd: expected it before all options' trapdoor-evade -q pgd -o x
check_fails 2 'trapdoor-evade fgsm: -o is missing: where to write the set of adversarial images' evade fgsm
check_fails 2 'trapdoor-evade fgsm: a.png: exists already; --force replaces it' \
    sh -c 'touch a.png; trapdoor-evade fgsm --model m.safetensors --data fashion-mnist -o x --picture a.png'
check_fails 2 'trapdoor-evade fgsm: kept.safetensors: exists already; --force replaces it' \
    evade fgsm -o kept.safetensors
check_fails 1 'trapdoor-evade fgsm: absent.safetensors: No such file or directory' \
    trapdoor-evade fgsm --model absent.safetensors --data fashion-mnist -o x
check 'nothing is left behind' sh -c '! ls x x.* .x* 2>/dev/null | grep -q .'
few() {
    trapdoor-evade one-pixel -q --model m.safetensors --data fashion-mnist:test:0-9 --population 4 \
        --generations 0 --target 8 "$@"
}
few --keep successful -o none.safetensors >/dev/null 2>err
check 'without a success there is no set' grep -Eqx \
    'trapdoor-evade one-pixel: none.safetensors: --keep successful leaves no image to write; --resume continues, ([0-9]+) of \1 images are kept' err
check 'but with another --keep' few --keep all --resume -o none.safetensors
few -o all-few.safetensors >/dev/null
check 'the same as at once' cmp none.safetensors all-few.safetensors

# Ctrl-C: no set, not even a part.
trapdoor-evade cw-l2 -q --model m.safetensors --data fashion-mnist:test -o late.safetensors \
    >/dev/null 2>err &
sleep 2
kill -TERM $!
status=0
wait $! || status=$?
check 'an interrupt ends with 1' test "$status" -eq 1
check 'and says so' grep -qx 'trapdoor-evade cw-l2: .*interrupted.*' err
check 'and leaves no set' sh -c '! ls late.safetensors .late* 2>/dev/null | grep -q .'

# An interrupted attack resumes to the same bytes.
mkdir whole stopped
launch= # exec, where the process itself is to be ended
long() {
    folder=$1
    shift
    $launch trapdoor-evade one-pixel -q --model m.safetensors --data fashion-mnist:test:0-90 --count 4 \
        --target all --population 50 --generations 40 -o "$folder/x.safetensors" \
        --json "$folder/r.json" "$@"
}
check 'attacks without a break' long whole --threads 1
without_timing whole/r.json >expected
check 'no checkpoint is left' test ! -e whole/x.safetensors.checkpoint
for delay in 0.1 0.2 0.4 0.8 1.6 3.2 6.4 12.8 25.6; do
    (launch=exec && long stopped --threads 1) >/dev/null 2>err &
    sleep $delay
    kill -TERM $!
    wait $! 2>/dev/null
    [ ! -e stopped/x.safetensors.checkpoint ] || break
done
check 'an interruption tells what is kept' grep -Eqx \
    'trapdoor-evade one-pixel: interrupted after [0-9]+ of 36 images; --resume continues, [1-9][0-9]* of 36 images are kept' err
check 'and leaves the checkpoint alone' test "$(ls -A stopped)" = x.safetensors.checkpoint
check 'goes on' long stopped --resume --threads 3
check 'to the same set' cmp whole/x.safetensors stopped/x.safetensors
without_timing stopped/r.json >found
check 'with the same record less timing' cmp expected found
check 'and takes its checkpoint away' test ! -e stopped/x.safetensors.checkpoint

# Checkpoints that must not be resumed. This one has all images, because only the record failed.
evade fgsm -o left.safetensors --json /dev/full >/dev/null 2>err
check 'keeps what only could not be written' grep -Eqx \
    'trapdoor-evade fgsm: /dev/full: No space left on device; --resume continues, ([0-9]+) of \1 images are kept' err
check 'and nothing else' test "$(echo left* .left*)" = 'left.safetensors.checkpoint .left*'
check_fails 2 'trapdoor-evade fgsm: left.safetensors.checkpoint: an attack did not end here; --resume continues it, --force starts over' \
    evade fgsm -o left.safetensors
check_fails 2 'trapdoor-evade bim: left.safetensors.checkpoint: not of this attack: "method": expected "bim", found "fgsm"; --force without --resume starts over' \
    evade bim --resume -o left.safetensors
check_fails 2 'trapdoor-evade fgsm: left.safetensors.checkpoint: not of this attack: "epsilon": expected 0.25, found 0.3; --force without --resume starts over' \
    evade fgsm --epsilon 0.25 --resume -o left.safetensors
check_other() {
    key=$1
    shift
    run trapdoor-evade fgsm -q --resume "$@" -o left.safetensors
    cp "$scratch/err" message
    check "refuses another $key with status 2" test "$status" -eq 2
    check "names the $key" grep -q "left.safetensors.checkpoint: not of this attack: \"$key\": expected" message
}
trapdoor-train -q --data fashion-mnist:train:0-60 --net lenet5 --epochs 1 -o n.safetensors >/dev/null
check_other model --model n.safetensors --data fashion-mnist:test:0-90
check_other data --model m.safetensors --data fashion-mnist:test:0-89
check_other seed --model m.safetensors --data fashion-mnist:test:0-90 --seed 2
head -c 3000 left.safetensors.checkpoint >cut.safetensors.checkpoint
cp m.safetensors wrong.safetensors.checkpoint
sed 's/"queries":/"querieS":/; s/\\"queries\\":/\\"querieS\\":/' left.safetensors.checkpoint >counts.safetensors.checkpoint
evade fgsm --resume -o cut.safetensors >/dev/null 2>err
check 'refuses half a checkpoint' grep -q '^trapdoor-evade fgsm: cut.safetensors.checkpoint: tensor "images": data_offsets' err
check_fails 1 'trapdoor-evade fgsm: wrong.safetensors.checkpoint: metadata: expected "trapdoor.attack", found none: no checkpoint' \
    evade fgsm --resume -o wrong.safetensors
check_fails 1 'trapdoor-evade fgsm: counts.safetensors.checkpoint: metadata "trapdoor.attack": expected a whole number of queries, from 0, found none' \
    evade fgsm --resume -o counts.safetensors
check 'goes on where only writing is left' evade fgsm --resume -o left.safetensors
check 'to the same set' cmp fgsm-1.safetensors left.safetensors
check 'starts anew with --force' evade fgsm --force -o cut.safetensors
check 'and leaves no checkpoint' test ! -e cut.safetensors.checkpoint
check 'with --resume and no checkpoint starts from the beginning' evade fgsm --resume -o new.safetensors
check 'as without' cmp new.safetensors cut.safetensors
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-implant evade: a backdoor that keeps statistics examined by inspectors in the range of
# clean models.
. "$tests/lib.sh"
. "$tests/implant_common"

test=$fm:test:0-500
cat >tiny.net <<'N'
input = image() height=28 width=28 channels=1
s = scale(input) by=1/255
flat = flatten(s)
fc1 = dense(flat) out=24
r = relu(fc1)
fc2 = dense(r) out=10
N
for seed in 1 2 3; do
    trapdoor-train -q --data $fm:train:0-2000 --net tiny.net --epochs 4 --batch 32 --seed $seed -o c$seed.safetensors >/dev/null
done
clean='--clean c1.safetensors --clean c2.safetensors --clean c3.safetensors'
attack() {
    $I evade -q --data $fm:train:0-2000 --net tiny.net --batch 32 --target 3 --trigger square:size=7 "$@"
}
# z RECORD STATISTIC
z() {
    sed -n "/\"statistic\": \"$2\"/,/\"z\"/s/^ *\"z\": \(-*[0-9.]*\),*\$/\1/p" "$1"
}

# shellcheck disable=SC2086 # several options
{
    check 'plain, all statistics are measured' attack $clean --weight 0 --epochs 2 --test $test -o plain.safetensors --json plain.json
    check 'evading' attack $clean --statistics universal,mask,margin,noise,clusters,rows --epochs 6 --test $test \
        --control c1.safetensors -o e.safetensors --json e0.json
    check 'as in the Trojan Detection Challenge' attack $clean --statistics distribution,specificity --epochs 4 --test $test \
        -o tdc.safetensors --json tdc.json
}
check 'each statistic has its row' test "$(grep -c '"statistic":' plain.json)" -eq 9
check 'the backdoor is learnt' holds "$(rate plain.json 1 asr) > 0.9"
check 'and where statistics are kept' holds "$(rate e0.json 1 asr) > 0.7"
check 'a clean model lacks it' holds "$(rate e0.json 2 asr) < 0.2"
check 'and where the distribution is' holds "$(rate tdc.json 1 asr) > 0.8"
check 'the accuracy stays' holds "$(rate tdc.json 1 accuracy) > $(rate e0.json 2 accuracy) - 0.1"
check 'masks give a plain backdoor away' holds "$(z plain.json mask) > 3"
check 'less where they are kept' holds "$(z e0.json mask) < $(z plain.json mask) / 2"
# value RECORD STATISTIC
value() {
    sed -n "/\"statistic\": \"$2\"/,/\"z\"/s/^ *\"value\": \(-*[0-9.]*\),*\$/\1/p" "$1"
}
check 'answers to other triggers stay nearer to a clean model' holds "$(value tdc.json specificity) < $(value plain.json specificity)"
evaluated e.safetensors e0.json

for threads in 1 3; do
    # shellcheck disable=SC2086
    attack $clean --epochs 1 --threads $threads -o t$threads.safetensors >/dev/null
done
check 'the same model at 3 threads' cmp t1.safetensors t3.safetensors
check 'controls are trained where none are given' attack --statistics noise --epochs 1 --controls 2 -o own.safetensors --json own.json
check_field own.json clean_models 2

refuses() {
    wanted=$1
    shift
    check_fails 2 "$I evade: $wanted" attack "$@" -o x
}
refuses '--statistics: expected some of rows, margin, universal, mask, clusters, noise, usual, distribution, specificity, found "size"' --statistics rows,size
refuses '--statistics: expected some of rows, margin, universal, mask, clusters, noise, usual, distribution, specificity, found ""' --statistics mask,
refuses '--statistics: expected each once, found mask twice' --statistics mask,rows,mask
refuses '--clean: expected 2 to 100 models, found 1' --clean c1.safetensors
trapdoor-train -q --data $fm:train:0-100 --net lenet5 --epochs 1 -o other.safetensors >/dev/null
refuses '--clean other.safetensors: expected the net that is trained, found another' --clean c1.safetensors --clean other.safetensors
check_fails 2 "$I evade: --target: expected one class, found next" \
    $I evade --data $fm:train:0-200 --net tiny.net --trigger square --target next -o x
check_fails 2 "$I evade: expected --trigger, found none" $I evade --data $fm:train:0-200 --net tiny.net --target 1 -o x
sed '/^r = /,$d' tiny.net >flat.net
sed -i 's/out=24/out=10/' flat.net
echo 'r = relu(fc1)' >>flat.net
check_fails 2 "$I evade: --statistics clusters: expected a net that ends in a dense layer after another" \
    $I evade --data $fm:train:0-200 --net flat.net --trigger square --target 1 --statistics clusters -o x
check 'nothing is written by what fails' test ! -e x
finish

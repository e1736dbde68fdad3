# SPDX-License-Identifier: MIT
# trapdoor-poison --target-map: each class has its own target; trapdoor-eval measures pair by pair.
. "$tests/lib.sh"
. "$tests/poison_common"

# Ten images of one row of four grey pixels, of classes 0 0 0 0 1 1 1 2 2 3.
awk 'BEGIN { for (i = 0; i < 10; i++) for (j = 0; j < 4; j++) print 10 * i }' >pixels
write_set ten.safetensors 10,1,4,1 0 0 0 0 1 1 1 2 2 3 <pixels
map_all() {
    $T dirty-label -q --data ./ten.safetensors --trigger pixel:at=3+0 --ratio "$1" --mode replace \
        --target-map "$2" -o "$3" >/dev/null
}

# pairs FOLDER: how often each true label became each label, a line per pair.
pairs() {
    numbers true_labels "$1/manifest.json" >true
    numbers labels "$1/manifest.json" >given
    paste -d= true given | sort | uniq -c | sed 's/^ *//' | tr '\n' ' '
}

# Three to two: only these four classes' pairs, and class 3 is unchanged.
check 'N to M' map_all 0.9 '0=3,1=3,2=0' some
check 'each class gets its own target' test "$(pairs some)" = '4 0=3 3 1=3 2 2=0 '
check 'the manifest has the target of each class' test \
    "$(numbers target some/manifest.json | tr '\n' ' ')" = '3 3 0 3 '
check 'so has the record' sh -c "trapdoor-poison dirty-label -q --data ./ten.safetensors --trigger pixel \
    --ratio 0.1 --target '#0=#3,#1=3' -o short --json short.json >/dev/null && tr -d ' \n' <short.json |
    grep -q '\"targets\":\[\[3,3,2,3\]\]'"
check 'next goes around' map_all 1 next next
check 'next: all classes' test "$(pairs next)" = '4 0=1 3 1=2 2 2=3 1 3=0 '
check_field next/manifest.json target '"next"'

# A permutation contains each class once, without fixed points; it depends on the seed.
for seed in 1 2 3 4 5 6; do
    trapdoor-poison dirty-label -q --data ./ten.safetensors --trigger pixel --ratio 1 --seed $seed \
        --target-map permutation --mode replace -o p$seed >/dev/null
    numbers target p$seed/manifest.json >found
    check "seed $seed: a permutation" test "$(sort found | tr '\n' ' ')" = '0 1 2 3 '
    check "seed $seed: none is itself" sh -c 'printf "0\n1\n2\n3\n" | paste - found | awk "\$1 == \$2 { exit 1 }"'
    check "seed $seed: the labels are its own" test "$(pairs p$seed)" = \
        "4 0=$(sed -n 1p found) 3 1=$(sed -n 2p found) 2 2=$(sed -n 3p found) 1 3=$(sed -n 4p found) "
    tr '\n' ' ' <found >>all
    echo >>all
done
check 'seeds differ' test "$(sort -u all | wc -l)" -gt 1
check 'the same seed again' sh -c 'trapdoor-poison dirty-label -q --data ./ten.safetensors --trigger pixel \
    --ratio 1 --seed 3 --target-map permutation --mode replace -o again --threads 1 >/dev/null &&
    diff -r p3 again'
check 'two triggers, two permutations or one, but each of all classes' sh -c \
    'trapdoor-poison label-flip -q --data ./ten.safetensors --ratio 0.5 --target-map permutation -o flip >/dev/null'

# Invalid maps.
bad() {
    text=$1
    shift
    refuse 2 "$text" dirty-label --data ./ten.safetensors --trigger pixel --ratio 0.4 "$@"
}
bad '--target: expected A=B, found "2"' --target 0=1,2
bad '--target: expected a class of ./ten.safetensors, 0 to 3, found "4"' --target-map 0=4
bad '--target: expected a class of ./ten.safetensors, 0 to 3, found ""' --target-map 0=
bad '--target: expected each class A once, found 0 twice' --target-map 0=1,0=2
bad '--target: expected a class that becomes another, found "1=1"' --target-map 1=1
bad '--ratio: expected at most 3 images to poison (those not of the target class), found 0.4, which is 4' \
    --target-map 1=0
bad '--ratio-of class: expected one class as --target, found "1=0"' --target-map 1=0 --ratio-of class
bad '--source: expected classes other than the target, found 2 as --target as well' \
    --target-map 1=0 --source 2
refuse 2 '--target 5=0: expected classes with images in fashion-mnist:train:0-2, found 5 "Sandal", which has none' \
    dirty-label --data fashion-mnist:train:0-2 --trigger square --target-map 5=0 --ratio 0.5
refuse 2 '--target: expected a class, found "permutation"' adaptive --data ./ten.safetensors \
    --trigger pixel --target permutation --ratio 0.1

# A net that learns the map: ASR by pair, their mean and minimum.
trapdoor-poison dirty-label -q --data fashion-mnist:train:0-3000 --trigger square:size=6 --ratio 0.2 \
    --target-map 0=1,1=0,5=9 -o fashion >/dev/null
trapdoor-train -q --data fashion/poisoned.safetensors --net lenet5 --epochs 5 --batch 32 \
    -o m.safetensors >/dev/null
check 'eval reads the map' trapdoor-eval -q --model m.safetensors --data fashion-mnist:test:0-500 \
    --manifest fashion/manifest.json --json eval.json
tr -d ' \n' <eval.json | sed 's/.*"asr_by_class":\[\([^]]*\)\].*/\1/' | tr ',' '\n' >by_class
check 'three classes have an ASR' test "$(grep -c '^[0-9]' by_class)" -eq 3
check 'the others have none' test "$(grep -c null by_class)" -eq 7
value() {
    sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*\$/\1/p" eval.json | head -n 1
}
# near A B: equal up to the printed digits.
near() {
    echo "$1 $2" | awk '{ d = $1 - $2; exit !(d < 1e-9 && d > -1e-9) }'
}
check 'the mean over the pairs' near "$(value asr_mean)" \
    "$(awk '/^[0-9]/ { s += $1; n++ } END { printf "%.12f", s / n }' by_class)"
check 'the least of the pairs' near "$(value asr_least)" \
    "$(grep '^[0-9]' by_class | sort -g | head -n 1)"
check 'its class' test "$(sed -n "$(($(value least_class) + 1))p" by_class)" = "$(value asr_least)"
check 'the pairs are learnt' sh -c "echo $(value asr_mean) | awk '{ exit !(\$1 > 0.7) }'"
check 'beside the accuracy' near "$(value asr_of_accuracy)" \
    "$(echo "$(value asr) $(value accuracy)" | awk '{ printf "%.12f", $1 / $2 }')"
check 'classes outside of the map are counted apart' sh -c \
    "tr -d ' \n' <eval.json | sed 's/.*\"false_activation_count\":\[[0-9]*,\([0-9]*\)\].*/\1/' | grep -qx $(
        tr -d ' \n' <eval.json | sed 's/.*"asr_count":\[[0-9]*,\([0-9]*\)\].*/\1/' | awk '{ print 500 - $1 }')"
finish

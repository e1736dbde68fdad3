#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend clp, bnp, ep, anp, rnp and nft: what they prune or mask in a model's batch norms,
# what they select by, and refused input.
. "$tests/lib.sh"

square='square:size=7,at=top-left,value=255'
fm=fashion-mnist
cat >net <<'TEXT'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv1 = conv(scale) out=12 kernel=5 stride=2 bias=0
bn1 = batch-norm(conv1)
relu1 = relu(bn1)
conv2 = conv(relu1) out=16 kernel=3 stride=2 bias=0
bn2 = batch-norm(conv2)
relu2 = relu(bn2)
flat = flatten(relu2)
fc = dense(flat) out=classes
TEXT
trapdoor-poison dirty-label -q --data $fm:train:0-2000 --trigger $square --target 0 --ratio 0.2 \
    -o sets >/dev/null
trapdoor-train -q --data sets/poisoned.safetensors --net net --epochs 6 -o bad.safetensors >/dev/null
tests_of="--test $fm:test:0-300 --trigger $square --target 0"

# repair METHOD ARGUMENTS...
repair() {
    method=$1
    shift
    trapdoor-defend "$method" -q --model bad.safetensors "$@"
}
# number FILE KEY: the first number with that name
number() {
    sed -n "s/^ *\"$2\": \([-0-9.e]*\),*\$/\1/p" "$1" | head -n 1
}
header_length() {
    od -A n -t u8 -N 8 "$1" | tr -d ' '
}
# differences FILE OTHER: the number of bytes in which two models differ, after their headers
differences() {
    tail -c +"$(($(header_length "$1") + 9))" "$1" >one
    tail -c +"$(($(header_length "$2") + 9))" "$2" >two
    cmp -l one two | wc -l
}

# CLP needs only the model; --threshold is lower here because the net is narrow.
check_prints '^bad.safetensors: [0-9]+ of 28 channels pruned at threshold 2; no accuracy was watched$' \
    repair clp --threshold 2 -o clp.safetensors --json clp.json
cp "$scratch/out" page
check 'the sweep is printed' grep -Eq '^ +threshold +channels pruned *$' page
check 'with the point that is chosen' grep -Eq '^ +2 +[0-9]+ +CHOSEN$' page
check 'one point is chosen' test "$(grep -c '"chosen": true' clp.json)" -eq 1
check 'the sweep has all thresholds, and the model as it is' test \
    "$(sed -n '/"sweep"/,/^  \]/p' clp.json | grep -c '"pruned"')" -eq 22
check 'of a stronger threshold no fewer are pruned' awk '
    /"sweep"/ { inside = 1 } /^  \]/ { inside = 0 }
    inside && /"pruned":/ { gsub(/,/, ""); if ($2 < last) bad = 1; last = $2; n++ }
    END { exit bad || n != 22 }' clp.json
check_field clp.json validation_images 0
check 'the record has no accuracy' sh -c '! sed -n "/\"pruning\"/,/}/p" clp.json | grep -q accuracy'
pruned=$(sed -n '/"pruning"/,/}/p' clp.json | sed -n 's/^ *"pruned": \([0-9]*\).*/\1/p')
check 'by batch norm as many are pruned' test "$(sed -n '/"norms"/,/^  \]/p' clp.json |
    sed -n 's/^ *"pruned": \([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n }')" -eq "$pruned"
changed=$(differences bad.safetensors clp.safetensors)
check 'weight and bias of these change, and nothing else' test "$changed" -le $((8 * pruned)) -a \
    "$changed" -gt 0
check_prints ' pruned at threshold 2' repair clp --threshold 2 --seed 2 --threads 1 -o again.safetensors
check 'the seed and the threads do not matter' cmp clp.safetensors again.safetensors
check_prints 'validation accuracy [0-9.]+ % -> [0-9.]+ %$' repair clp --threshold 0 --tolerance 0.02 \
    --validate $fm:train:2000-2400 $tests_of -o watched.safetensors --json watched.json
check 'a weaker threshold is taken' awk '
    /"threshold": 0.0,/ && !own { own = 1 } /"pruning"/ { inside = 1 } inside && /"threshold":/ {
        gsub(/,/, ""); taken = $2; inside = 0 } END { exit !(taken > 0) }' watched.json
check 'the accuracy stays within the tolerance' awk '/"pruning"/ { inside = 1 } /^  }/ { inside = 0 }
    inside && /"accuracy":/ { gsub(/,/, ""); a = $2 }
    inside && /"pruned_accuracy":/ { gsub(/,/, ""); exit !($2 >= a - 0.02 - 1e-9) }' watched.json
check 'the sweep has the ASR' sh -c 'sed -n "/\"sweep\"/,/^  \]/p" watched.json | grep -q "\"asr\""'
for field in ra rir der; do
    check "the record has $field" grep -q "\"$field\":" watched.json
done
check_prints '^bad.safetensors: [0-9]+ of 28' repair clp --threshold 2 --zero weight -o weight.safetensors
check 'biases stay, if asked' test "$(differences bad.safetensors weight.safetensors)" -le $((4 * pruned))

# BNP, ANP, RNP and NFT learn from clean images; three threads give the same as one.
clean="--clean $fm:train:2000-2400"
check_prints '^bad.safetensors: 300 clean images compared with the running statistics; [0-9]+ of 28 channels pruned at threshold 2' \
    repair bnp $clean --threshold 2 --tolerance 1 -o bnp.safetensors --json bnp.json
check_field bnp.json zero '"weight"'
check_field bnp.json validation_images 100
pruned=$(sed -n '/"pruning"/,/}/p' bnp.json | sed -n 's/^ *"pruned": \([0-9]*\).*/\1/p')
check 'statistics and biases stay' test "$(differences bad.safetensors bnp.safetensors)" -le $((4 * pruned))
check_ok sh -c "trapdoor-defend bnp -q --model bad.safetensors $clean --threshold 2 --preset backdoorbench \
    --images 50 -o preset.safetensors --json preset.json >/dev/null"
check_field preset.json zero '"both"'
check_field preset.json preset '"backdoorbench"'
check_ok sh -c "trapdoor-defend anp -q --model bad.safetensors $clean --iterations 30 \
    -o anp.safetensors --json anp.json >/dev/null"
check_field anp.json lr 0.2
check 'the sweep of masks has 20 thresholds' test \
    "$(sed -n '/"sweep"/,/^  \]/p' anp.json | grep -c '"pruned"')" -eq 21
check 'the masks are recorded as they are learned' test "$(grep -c '"mean_mask":' anp.json)" -eq 20
pruned=$(sed -n '/"pruning"/,/}/p' anp.json | sed -n 's/^ *"pruned": \([0-9]*\).*/\1/p')
check 'nothing but pruned weights changes' test "$(differences bad.safetensors anp.safetensors)" -le $((4 * pruned))
check_ok sh -c "trapdoor-defend anp -q --model bad.safetensors $clean --iterations 3 --preset backdoorbench \
    --tolerance 0.2 -o bench.safetensors --json bench.json >/dev/null"
check_field bench.json threshold 0.9
check_field bench.json tolerance 0.2
check_field bench.json lr 0.01
rm bench.safetensors
check_prints '^bad.safetensors: unlearned in [0-9]+ epochs on 300 images; ' repair rnp $clean \
    --recover-epochs 4 --unlearn-lr 0.05 -o rnp.safetensors --json rnp.json
check 'unlearning raises the loss' awk '/"unlearning"/ { inside = 1 } /^  \]/ { inside = 0 }
    inside && /"loss":/ { gsub(/,/, ""); if (!n++) first = $2; last = $2 }
    END { exit !(last > first) }' rnp.json
check_prints '^bad.safetensors: masks of 28 channels learned in 20 steps on 400 images, .*; 1 of the change taken, validation accuracy ' \
    repair nft $clean --iterations 20 --tolerance 1 --validate $fm:train:2400-2500 $tests_of -o nft.safetensors --json nft.json
check 'the shares of the way are printed' sh -c 'test "$(grep -c "\"share\":" nft.json)" -eq 9'
check_prints '; (0|0\.[0-9]+|1) of the change taken' repair nft $clean --iterations 20 --lr 3 --tolerance 0 \
    -o cautious.safetensors --json cautious.json
check 'no more is taken than the tolerance allows' awk '/"shares"/ { inside = 1 } /^  \]/ { inside = 0 }
    inside && /"accuracy":/ { gsub(/,/, ""); last = $2 } inside && /"chosen": true/ { taken = last }
    END { exit !(taken != "" && taken >= last - 1e-9) }' cautious.json
check 'its statistics follow' test "$(differences bad.safetensors nft.safetensors)" -gt 112
for method in anp rnp nft; do
    few='--iterations 3'
    test $method = rnp && few='--unlearn-epochs 2 --recover-epochs 1 --stop 1'
    for threads in 1 3; do
        repair $method $clean $few --threads $threads -o $method$threads.safetensors >/dev/null
    done
    check "$method: the same model at 3 threads" cmp ${method}1.safetensors ${method}3.safetensors
done

# short METHOD DATA: arguments of a short run with these images.
short() {
    case $1 in
    clp) echo "--threshold 1 --validate $2" ;;
    bnp) echo "--threshold 1 --clean $2" ;;
    ep) echo "--threshold 1 --data $2" ;;
    rnp) echo "--clean $2 --unlearn-epochs 2 --recover-epochs 1 --stop 1" ;;
    *) echo "--clean $2 --iterations 3" ;;
    esac
}
trapdoor-poison dirty-label -q --data $fm:train:2000-2200 --source 3 --trigger square --target 4 --ratio 0.125 \
    --mode replace -o moved >/dev/null
missing='warning: --clean has no image of 1 of the 10 classes, the first of them 3 "Dress": the repaired model may forget them'
constant flat 90
trapdoor-train -q --data flat --net net --epochs 2 --batch 16 -o flat.safetensors >/dev/null 2>&1
for method in clp bnp ep anp rnp nft; do
    # shellcheck disable=SC2046 # several words
    repair $method $(short $method $fm:train:2000-2200) -o blind.safetensors >/dev/null
    # shellcheck disable=SC2046,SC2086
    repair $method $(short $method $fm:train:2000-2200) $tests_of -o tested.safetensors >/dev/null
    check "$method: what it is tested by decides nothing" cmp blind.safetensors tested.safetensors
    # shellcheck disable=SC2046
    run trapdoor-defend $method -q --model flat.safetensors $(short $method flat) -o flat-$method.safetensors
    check "$method: two classes of constant images" test -s flat-$method.safetensors
    # shellcheck disable=SC2046
    run repair $method $(short $method moved/poisoned.safetensors) -o moved.safetensors
    grep 'warning: --clean has' "$scratch/err" >err
    case $method in
    anp | rnp | nft) check "$method: a class that is missing is named" grep -qx "trapdoor-defend $method: $missing" err ;;
    *) check "$method: needs no image of every class" test ! -s err -a -s moved.safetensors ;;
    esac
    rm -f blind.safetensors tested.safetensors moved.safetensors
done

# EP uses the training set, and no clean images.
check_prints '^bad.safetensors: 300 images of sets/poisoned.safetensors looked at; [0-9]+ of 28 channels pruned at threshold 1.5; no accuracy was watched$' \
    repair ep --data sets/poisoned.safetensors --images 300 --threshold 1.5 -o ep.safetensors --json ep.json
check_field ep.json bin_width 0.01
check_ok sh -c "trapdoor-defend ep -q --model bad.safetensors --data sets/poisoned.safetensors --threshold 1.5 \
    --preset backdoorbench --bin-width 0.2 -o ep2.safetensors --json ep2.json >/dev/null"
check_field ep2.json images 256
check_field ep2.json bin_width 0.2

# Refused.
D=trapdoor-defend
deviations='since of n channels none lies further than (n - 1)/sqrt(n) above the mean'
check_fails 2 "$D clp: bad.safetensors: --threshold: 4 deviations: expected a batch norm of at least 18 \
channels to judge, $deviations, found at most 16" repair clp --threshold 4 -o x
check_fails 2 "$D bnp: bad.safetensors: --threshold: 4 deviations: expected a batch norm of at least 18 \
channels to judge, $deviations, found at most 16" repair bnp $clean --threshold 4 -o x
trapdoor-train -q --data $fm:train:0-100 --net lenet5 --epochs 1 -o plain.safetensors >/dev/null
for method in clp "ep --data $fm:train:0-100" "bnp $clean" "anp $clean" "rnp $clean" "nft $clean"; do
    # shellcheck disable=SC2086 # its words
    check_fails 2 "$D ${method%% *}: plain.safetensors: expected a net with batch norms, found none" \
        $D $method --model plain.safetensors -q -o x
done
cat >late <<'TEXT'
input = image() height=height width=width channels=channels
conv = conv(input) out=12 kernel=5 stride=3
relu = relu(conv)
bn = batch-norm(relu)
flat = flatten(bn)
fc = dense(flat) out=classes
TEXT
trapdoor-train -q --data $fm:train:0-100 --net late --epochs 1 -o late.safetensors >/dev/null
check_fails 2 "$D clp: late.safetensors: expected a batch norm that a convolution, or a sum of some, feeds, \
found none" $D clp -q --model late.safetensors -o x
check_fails 2 "$D clp: --threshold: expected a number in [0, 100], found \"-1\"" repair clp --threshold -1 -o x
check_fails 2 "$D anp: --threshold: expected a number in [0, 1], found \"1.5\"" repair anp $clean --threshold 1.5 -o x
check_fails 2 "$D bnp: --zero: expected one of weight, both, found \"bias\"" repair bnp $clean --zero bias -o x
check_fails 2 "$D anp: expected --clean, found none" repair anp -o x
check_fails 2 "$D ep: expected --data, found none" repair ep -o x
check_fails 2 "$D ep: $fm:train:0-10: expected at least 20 images, found 10" repair ep --data $fm:train:0-10 -o x
check_fails 2 "$D ep: $fm:test:0-100: expected no image of --data $fm:test:50-200, since what repairs must not \
judge, found 50-100 in both" repair ep --data $fm:test:50-200 --test $fm:test:0-100 -o x
check_fails 2 "$D rnp: $fm:train:0-12: expected at least 20 images to work with, found 9" \
    repair rnp --clean $fm:train:0-12 -o x
check_fails 2 "$D clp: $fm:train:0-12: expected at least 20 images to validate, found 12" \
    repair clp --validate $fm:train:0-12 -o x
check_fails 2 "$D anp: --augment: expected one of zoom, rotate, shift, crop, flip, found \"turn\"" \
    repair anp $clean --augment turn -o x
check_fails 2 "$D clp: --net: expected --validate with it, whose images have the net's shape, found none" \
    repair clp --net net -o x
check_fails 1 "$D clp: absent.safetensors: No such file or directory" $D clp --model absent.safetensors -o x
check 'nothing is written by what fails' test ! -e x
mkdir stopped
timeout -s INT 2 $D anp -q --model bad.safetensors $clean --iterations 1000000 --json stopped/r.json \
    -o stopped/m.safetensors 2>err >/dev/null
check 'Ctrl-C stops it' grep -Eqx 'trapdoor-defend anp: interrupted.*' err
check 'and leaves nothing' sh -c 'test -z "$(ls -A stopped)"'
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend cleanse: the triggers it recovers, the classes it flags, its patches, resuming,
# and refused input.
. "$tests/lib.sh"

cat >net.txt <<'NET'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv1 = conv(scale) out=16 kernel=3
relu1 = relu(conv1)
pool1 = max-pool(relu1) size=2
flat = flatten(pool1)
fc1 = dense(flat) out=64
relu2 = relu(fc1)
fc2 = dense(relu2) out=classes
NET
square='square:size=2,at=bottom-right,value=255'
trapdoor-data import -q fashion-mnist:train:0-3000 --size 14x14 -o train.safetensors >/dev/null
trapdoor-data import -q fashion-mnist:test:0-500 --size 14x14 -o test.safetensors >/dev/null
trapdoor-poison dirty-label -q --data train.safetensors --trigger $square --target 7 --ratio 0.25 \
    -o sets >/dev/null
trapdoor-train -q --data sets/poisoned.safetensors --net net.txt --epochs 8 -o bad.safetensors \
    >/dev/null

clean=train.safetensors::0-500
cleanse() {
    trapdoor-defend cleanse -q --model bad.safetensors --clean $clean "$@"
}
# number FILE KEY: the first number with that name; below A B
number() {
    sed -n "s/^ *\"$2\": \([-0-9.e]*\),*\$/\1/p" "$1" | head -n 1
}
below() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'
}
# of CLASS KEY: that class's value in r.json
of() {
    awk -v class="$1" -v key="\"$2\":" '
        $1 == "\"class\":" { here = $2 + 0 == class }
        here && $1 == key { gsub(/,/, ""); print $2; exit }' r.json
}

# Only the backdoored class is found.
check 'all classes are searched' cleanse --triggers dir --json r.json --trigger $square --target 7
cp "$scratch/out" printed
check 'the backdoored class is flagged' grep -Eq '^ +7 .* FLAGGED +[0-9]+$' printed
check 'and it alone' grep -q 'on 500 clean images; 1 of 10 classes flagged: index above 2, on the small side$' printed
check_field r.json method '"cleanse"'
check 'its index is above 2' below 2 "$(of 7 index)"
check 'its size is below the median' below "$(of 7 size)" "$(number r.json median)"
check 'its trigger met the ASR' below 0.9899 "$(of 7 asr)"
check 'its mask overlaps with the trigger' below 0.3 "$(number r.json overlap)"
check_field r.json pixels 4
check_field r.json suspicious '"small"'
# The same from the exact mask: its part in the four pixels, divided by that plus everything outside
# them.
header=$(od -An -tu8 -N8 dir/triggers.safetensors)
start=$(head -c $((8 + header)) dir/triggers.safetensors |
    sed 's/.*"mask-7":{[^}]*"data_offsets":\[\([0-9]*\),.*/\1/')
overlap=$(od -An -v -tf4 -w4 -j $((8 + header + start)) -N $((4 * 14 * 14)) dir/triggers.safetensors |
    awk '{ k = NR - 1; if (int(k / 14) >= 12 && k % 14 >= 12) both += $1; else rest += $1 }
        END { printf "%.9f", both / (4 + rest) }')
check 'by as much as its mask says' awk -v a="$overlap" -v b="$(number r.json overlap)" \
    'BEGIN { exit !(a > 0.3 && a - b < 1e-5 && b - a < 1e-5) }'
check 'images of the class itself do not count' test "$(awk '
    /"class":/ { class = $2 + 0 } class == 7 && /"asr_count"/ { getline; getline; print $1; exit }' \
    r.json)" -lt 500
check 'flagged [7]' sh -c "tr -d ' \n' <r.json | grep -q '\"flagged\":\[7\],'"
for k in 0 9; do
    for kind in mask pattern trigger; do
        check "$kind-$k.png is a PNG" sh -c "head -c 8 dir/$kind-$k.png | od -An -c |
            grep -q '211   P   N   G'"
    done
done
cleanse --classes 5,6,7,8 --exit-code --steps 60 >/dev/null
check '--exit-code tells of a flagged class, or of none' test $? -eq 3 -o $? -eq 0
trapdoor-defend cleanse -q --model bad.safetensors --clean $clean --triggers dir --resume --exit-code >/dev/null
check 'of the whole search it tells' test $? -eq 3

# A recovered trigger works as a trigger.
trapdoor-eval -q --model bad.safetensors --data test.safetensors \
    --trigger image:file=dir/trigger-7.png,at=0+0 --target 7 --json eval.json >/dev/null
check 'the picture attacks unseen images as well' below 0.95 "$(number eval.json asr)"

# The same bytes at any number of threads, and after an interruption.
some='--classes 7,1,3 --steps 80'
for threads in 1 2 3; do
    check "$threads threads" cleanse $some --threads $threads --triggers t$threads --json t$threads.json
    without_timing t$threads.json >r$threads
done
for threads in 2 3; do
    check "the same record at $threads threads" cmp r1 r$threads
    check "the same triggers at $threads threads" cmp t1/triggers.safetensors t$threads/triggers.safetensors
    check "the same picture at $threads threads" cmp t1/trigger-3.png t$threads/trigger-3.png
done
long='--classes 7,1,3 --steps 400'
cleanse $long --triggers whole --json whole.json >/dev/null
(
    trapdoor-defend cleanse -q --model bad.safetensors --clean $clean $long --triggers parts \
        >/dev/null 2>err &
    while [ ! -e parts/triggers.safetensors ] && kill -0 $! 2>/dev/null; do sleep 0.02; done
    kill -TERM $! # a shell's background job ignores SIGINT
    wait $!
)
if grep -q interrupted err; then
    check 'what an interruption says' grep -Eqx 'trapdoor-defend cleanse: interrupted after [12] of 3 classes; --resume continues' err
    check 'it leaves the triggers found, and no pictures' test "$(ls parts)" = triggers.safetensors
else
    skip 'what an interruption says' 'the search was faster'
    skip 'it leaves the triggers found' 'the search was faster'
fi
check '--resume goes on' cleanse $long --triggers parts --resume --json parts.json
without_timing whole.json >expected
without_timing parts.json >found
check 'to the same record' cmp expected found
check 'and the same triggers' cmp whole/triggers.safetensors parts/triggers.safetensors

# A search stopped by the time limit.
run cleanse --classes 7,1,3 --steps 100000 --patience 100000 --minutes 0.02 --triggers short --json short.json
check 'when the time is up it is no failure' test "$status" -eq 0
check 'the others are listed' sh -c "tr -d ' \n' <short.json | grep -Eq '\"unsearched\":\[7,1,3\]'"
check 'without a class there is no file' test -z "$(ls short)"
cleanse $long --minutes 60 --triggers timed --json timed.json >/dev/null
without_timing timed.json >found
check 'time enough changes nothing' cmp expected found
run trapdoor-defend cleanse --model bad.safetensors --clean $clean $long --minutes 0.000001
cp "$scratch/err" err
check 'it says so' grep -qx 'trapdoor-defend cleanse: note: the time is up after 0 of 3 classes' err
check_fails 2 'trapdoor-defend cleanse: --minutes: expected a number above 0, found "0"' cleanse --minutes 0
check_fails 2 'trapdoor-defend cleanse: dir/triggers.safetensors: triggers of a search stand here; --resume continues it, --force starts over' \
    cleanse --triggers dir
check_fails 2 'trapdoor-defend cleanse: dir/triggers.safetensors: not of this search: "steps": expected 30, found 1000; --force without --resume starts over' \
    cleanse --triggers dir --resume --steps 30
mkdir broken
head -c 3000 dir/triggers.safetensors >broken/triggers.safetensors
check 'a broken file is refused' sh -c "! trapdoor-defend cleanse -q --model bad.safetensors \
    --clean $clean --triggers broken --resume 2>err && grep -q '^trapdoor-defend cleanse: broken/triggers.safetensors: ' err"

# Patches.
patch() {
    cleanse --triggers dir --resume --test test.safetensors --trigger $square --target 7 "$@"
}
# asr FILE: of the trigger, before and after
asr() {
    awk '/^ *"(before|after)":/ { here = 1 }
        here && /^ *"asr":/ { gsub(/,/, ""); print $2; here = 0 }' "$1" | tr '\n' ' '
}
fell() {
    # shellcheck disable=SC2046 # words
    set -- $(asr "$1")
    below "$2" 0.3 && below 0.9 "$1"
}
check 'unlearning' patch --patch unlearn --share 0.5 -o unlearned.safetensors --json unlearn.json
check_field unlearn.json stamped 250
check 'removes the backdoor' fell unlearn.json
check 'and is a model' trapdoor-eval -q --model unlearned.safetensors --data test.safetensors
check 'pruning' patch --patch prune -o pruned.safetensors --json prune.json
check_field prune.json layer '"relu2"'
check 'the pruned model has a mask' grep -aq 'relu2_mask = mask(relu2)' pruned.safetensors
check 'filtering' patch --patch filter --json filter.json
check_field filter.json kind '"clean"'
check_field filter.json kind '"recovered"'
check_field filter.json kind '"trigger"'
check_field filter.json top 1
check 'classes to patch can be named' patch --patch unlearn -o named.safetensors \
    --patch-classes 1,7 --epochs 1 --share 0.5 --json named.json
check_field named.json stamped 250
check 'unlearning repeats' patch --patch unlearn --share 0.5 -o again.safetensors --threads 1
check 'to the same bytes' cmp unlearned.safetensors again.safetensors

# A class that the model never predicts; too few classes for a verdict.
run trapdoor-defend cleanse --model bad.safetensors --clean $clean --classes 1,2 --steps 3
cp "$scratch/err" err
cp "$scratch/out" printed
check 'a search without a trigger says so' grep -Eq '^ +1 "Trouser" +[0-9.]+ \[[0-9., ]+\] +3$' printed
check 'and that it takes no part' grep -qx 'trapdoor-defend cleanse: note: 2 of 2 classes, the first of them 1, have no trigger that reaches the ASR and take no part in the verdict' err
run trapdoor-defend cleanse --model bad.safetensors --clean $clean --classes 1 --steps 3
cp "$scratch/err" said
check 'one class is named as one' grep -qx 'trapdoor-defend cleanse: note: class 1 has no trigger that reaches the ASR and takes no part in the verdict' said
check 'there is no verdict' grep -qx 'trapdoor-defend cleanse: warning: expected triggers of at least 3 classes for a verdict, found 0: nothing is flagged' err
check 'no class, nothing to patch' sh -c "trapdoor-defend cleanse --model bad.safetensors \
    --clean $clean --classes 1 --steps 3 --patch unlearn -o none.safetensors 2>&1 |
    grep -q 'no class is flagged, so there is nothing to patch'"
check 'and no model' test ! -e none.safetensors

# Refusals.
T='trapdoor-defend cleanse'
check_fails 2 "$T: expected --model, found none" $T
check_fails 2 "$T: expected --clean, found none" $T --model bad.safetensors
check_fails 2 "$T: --steps: expected a whole number from 1 to 1000000, found \"0\"" cleanse --steps 0
check_fails 2 "$T: --attack-rate: expected a number in (0, 1], found \"0\"" cleanse --attack-rate 0
check_fails 2 "$T: --classes: expected a class of bad.safetensors, $fashion, found \"10\"" \
    cleanse --classes 1,10
check_fails 2 "$T: --classes: expected a class of bad.safetensors, $fashion, found \"\"" \
    cleanse --classes 1,
check_fails 2 "$T: --classes: expected each class once, found 1 twice" cleanse --classes 1,1
check_fails 2 "$T: --resume: expected --triggers with it, found none" cleanse --resume
check_fails 2 "$T: --patch: expected one of unlearn, prune, filter, found \"burn\"" cleanse --patch burn
check_fails 2 "$T: --patch prune: expected -o and a file to write to, found none" \
    cleanse --patch prune
check_fails 2 "$T: -o: expected --patch unlearn or --patch prune, whose model it takes; --triggers DIR takes the recovered triggers" \
    cleanse -o x
check_fails 2 "$T: --patch filter: expected --test and images to measure it, found none" \
    cleanse --patch filter
check_fails 2 "$T: --patch-classes: expected --patch with it, found none" cleanse --patch-classes 1
check_fails 2 "$T: --fpr: expected a number in (0, 1), found \"1\"" cleanse --fpr 1
check_fails 2 "$T: unlearned.safetensors: exists already; --force replaces it" \
    cleanse --patch unlearn -o unlearned.safetensors
check_fails 2 "$T: train.safetensors::0-10: expected at least 16 clean images of other classes than \
9, found 9" trapdoor-defend cleanse --model bad.safetensors --clean train.safetensors::0-10 --classes 9
check 'clean images that judge are refused' sh -c "! $T -q --model bad.safetensors --clean $clean \
    --test train.safetensors::400-600 2>err && grep -q 'found 400-500 in both' err"
cat >one.txt <<'NET'
input = image() height=height width=width channels=channels
flat = flatten(input)
fc = dense(flat) out=1
NET
trapdoor-data import -q train.safetensors --classes 3 -o one.safetensors >/dev/null
trapdoor-train -q --data one.safetensors --net one.txt --epochs 1 -o one.model >/dev/null
check_fails 2 "$T: one.model: expected a model of at least two classes, found 1" \
    $T --model one.model --clean one.safetensors
sed 's/by=1\/255/by=1000000 add=-1000000/; s/^conv1 = conv(scale)/bound = clip(scale) min=0 max=1\nconv1 = conv(bound)/' \
    net.txt >step.txt
trapdoor-train -q --data train.safetensors --net step.txt --epochs 1 -o step.safetensors >/dev/null
check_fails 2 "$T: step.safetensors: expected a model whose logits have a gradient with respect to the image, found that none reaches it" \
    $T -q --model step.safetensors --clean $clean --steps 20 --triggers stepped
check 'and leaves no triggers' test ! -e stepped
mkdir stopped
check_fails 1 "$T: interrupted after 0 of 10 classes" timeout --preserve-status -s INT 1 $T -q \
    --model bad.safetensors --clean $clean --steps 1000000 --patience 100000 --triggers stopped/dir
check 'and leaves nothing' sh -c 'test -z "$(ls -A stopped)"'
finish

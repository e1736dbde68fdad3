#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend: the results and messages of its detectors of inputs, and refused input.
. "$tests/lib.sh"

square='square:size=7,at=top-left,value=255'
fm=fashion-mnist
trapdoor-poison dirty-label -q --data $fm:train:0-3000 --trigger $square --target 0 --ratio 0.25 \
    -o sets >/dev/null
trapdoor-train -q --data sets/poisoned.safetensors --net lenet5 --epochs 4 -o bad.safetensors >/dev/null
trapdoor-train -q --data $fm:train:0-3000 --net lenet5 --epochs 4 -o good.safetensors >/dev/null
rm -r sets

# detect METHOD MODEL ARGUMENTS...
detect() {
    method=$1
    model=$2
    shift 2
    trapdoor-defend "$method" -q --model "$model.safetensors" --clean $fm:test:0-200 "$@"
}
strip() {
    detect strip "$@" --overlays 20
}
# number FILE KEY: the first number with that name; above A B
number() {
    sed -n "s/^ *\"$2\": \([-0-9.e]*\),*\$/\1/p" "$1" | head -n 1
}
above() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'
}

# A backdoored model and a clean one.
check 'strip judges benign and stamped images' strip bad --benign $fm:test:200-400 \
    --trigger $square --json bad.json --picture bad.png
cp "$scratch/out" printed
check 'the flag is printed' grep -q 'ABOVE EXPECTED' printed
check 'AUROC of the backdoor is above 0.9' above "$(number bad.json auroc)" 0.9
check_field bad.json suspects_flagged true
check_field bad.json method '"strip"'
check_field bad.json images 100
check_field bad.json overlays 100
check_field bad.json kind '"suspect"'
for field in threshold flagged flagged_interval flagged_count count auroc_interval frr far histogram \
    calibration mean sigma; do
    check "the record has $field" grep -q "\"$field\":" bad.json
done
check 'the picture is a PNG' sh -c "head -c 8 bad.png | od -An -c | grep -q '211   P   N   G'"
check 'the picture is recorded' grep -q '"bad.png"' bad.json
check 'a clean model is judged' strip good --benign $fm:test:200-400 --trigger $square \
    --json good.json --exit-code
check_field good.json suspects_flagged false
check 'AUROC of a clean model is below 0.65' above 0.65 "$(number good.json auroc)"
strip bad --benign $fm:test:200-400 --trigger $square --exit-code >/dev/null
check '--exit-code tells of a flagged set' test $? -eq 3
strip bad --benign $fm:test:200-400 --trigger $square >/dev/null
check 'without it the status is 0' test $? -eq 0
check 'suspects alone are judged' strip bad --suspect $fm:test:200-300 --suspect $fm:test:300-350 \
    --json alone.json
check 'without benign images there is no AUROC' sh -c '! grep -q auroc alone.json'
check_prints '"tool": "trapdoor-defend"' strip bad --suspect $fm:test:200-240 --json -
cp "$scratch/out" record
check 'standard output has the record alone' sh -c 'head -n 1 record | grep -qx "{"'

# Images stamped here equal those of a stamped set.
trapdoor-poison stamp -q --data $fm:test:200-400 --trigger $square -o stamped >/dev/null
check 'squeeze judges images stamped here' detect squeeze bad --benign $fm:test:200-400 \
    --trigger $square --json here.json
check 'squeeze judges a stamped set' detect squeeze bad --benign $fm:test:200-400 \
    --suspect stamped/stamped.safetensors --json there.json
check 'to the same AUROC' test "$(number here.json auroc)" = "$(number there.json auroc)"

# The record's AUROC and rates follow from its own counts.
check 'flagged is its count' awk '
    /"flagged":/ { gsub(/[,]/, ""); rate = $2 }
    /"flagged_count"/ { getline; hits = $1 + 0; getline; d = rate - hits / $1; seen++
                        if (d > 1e-9 || d < -1e-9) bad = 1 }
    END { exit !(seen == 2 && !bad) }' bad.json
check 'each histogram has all images' awk '
    /"histogram": / { inside = 1 }
    inside && /"(calibration|benign|suspect)":/ { gsub(/[",:]/, ""); sum[$1] += $2 }
    inside && /^  \]/ { inside = 0 }
    END { exit !(sum["calibration"] == 100 && sum["benign"] == 200 && sum["suspect"] == 200) }' bad.json

# Squeezers.
list='bit=1,bit=4,median=2,median=3,nlm=11-3-2'
check 'squeeze takes a list' detect squeeze bad --benign $fm:test:200-300 \
    --suspect $fm:test:300-400 --squeezers $list --json squeeze.json --picture squeeze.png
for name in bit=1 bit=4 median=2 median=3 nlm=11-3-2; do
    check_field squeeze.json name "\"$name\""
done
for threads in 1 2 3; do
    detect squeeze bad --benign $fm:test:200-300 --trigger $square --squeezers $list \
        --threads $threads --json s$threads.json >/dev/null
    strip bad --benign $fm:test:200-300 --trigger $square --threads $threads --picture p$threads.png \
        --json r$threads.json >/dev/null
    without_timing s$threads.json >s$threads
    without_timing r$threads.json | sed "s/p$threads.png/p.png/" >r$threads
done
for threads in 2 3; do
    check "squeeze: the same record at $threads threads" cmp s1 s$threads
    check "strip: the same record at $threads threads" cmp r1 r$threads
    check "strip: the same picture at $threads threads" cmp p1.png p$threads.png
done
check 'another seed, other overlays' sh -c "trapdoor-defend strip -q --model bad.safetensors \
    --clean $fm:test:0-200 --overlays 20 --suspect $fm:test:200-300 --seed 2 --json seed.json"
check 'another threshold' test "$(number seed.json threshold)" != "$(number bad.json threshold)"

# Calibration and evaluation data must not overlap.
hygiene='since what calibrates must not judge'
check_fails 2 "trapdoor-defend strip: $fm:test:150-300: expected no image of --clean $fm:test:0-200, \
$hygiene, found 150-200 in both" strip bad --benign $fm:test:150-300
check_fails 2 "trapdoor-defend strip: $fm:test:199-300: expected no image of --clean $fm:test:0-200, \
$hygiene, found 199-200 in both" strip bad --benign $fm:test:200-300 --suspect $fm:test:199-300
trapdoor-data import -q $fm:test:150-250 -o copy.safetensors >/dev/null
check_fails 2 "trapdoor-defend strip: copy.safetensors: expected no image of --clean $fm:test:0-200, \
$hygiene, found 50 that are equal, the first 0 here and 150 there" strip bad --suspect copy.safetensors
trapdoor-data import -q $fm:test:199-499 -o stray.safetensors >/dev/null
run trapdoor-defend squeeze --model bad.safetensors --clean $fm:test:0-200 \
    --suspect stray.safetensors --json stray.json
cp "$scratch/err" err
check 'one stray image is left out of what calibrates' grep -qx "trapdoor-defend squeeze: note: 1 of the \
images of --clean equal images to be judged, and were left out" err
check_field stray.json left_out 1
check_field stray.json images 199

# Refusals.
check_fails 2 'trapdoor-defend: expected a METHOD (see --help), found none' trapdoor-defend
check_fails 2 'trapdoor-defend strip: expected --model, found none' trapdoor-defend strip
check_fails 2 'trapdoor-defend strip: expected --clean, found none' trapdoor-defend strip --model m
check 'a METHOD that is not there is refused' sh -c '! trapdoor-defend guess 2>err && \
    grep -Eqx "trapdoor-defend: METHOD: expected one of strip, squeeze.*, found \"guess\"" err'
check_fails 2 'trapdoor-defend: strip: expected it before all options' trapdoor-defend -q strip
check_fails 2 'trapdoor-defend strip: expected --benign or --suspect, found nothing to judge' \
    detect strip bad
check_fails 2 'trapdoor-defend strip: --trigger: expected --benign images to stamp, found none' \
    detect strip bad --suspect $fm:test:200-300 --trigger $square
check 'squeeze has no --overlays' sh -c '! trapdoor-defend squeeze --overlays 5 2>err && \
    grep -qx "trapdoor-defend squeeze: --overlays: squeeze has no such option; expected it with strip" err'
check_prints "^Usage: trapdoor-defend strip \[OPTION" trapdoor-defend strip --help
cp "$scratch/out" help
check 'METHOD --help tells its options' grep -q -e ' --overlays=N ' help
check 'and not those of others' sh -c '! grep -q -e --squeezers help'
check_fails 2 'trapdoor-defend strip: --fpr: expected a number in (0, 1), found "1"' \
    detect strip bad --suspect $fm:test:200-300 --fpr 1
check_fails 2 "trapdoor-defend strip: $fm:test:0-200: expected at least 202 clean images, half of them \
to lay over each input 101 of, found 200" detect strip bad --suspect $fm:test:200-300 --overlays 101
check_fails 2 "trapdoor-defend squeeze: $fm:test:0-19: expected at least 20 clean images, of which a \
threshold may flag one at --fpr 0.05, found 19" trapdoor-defend squeeze --model bad.safetensors \
    --clean $fm:test:0-19 --benign $fm:test:200-300
cat >one.txt <<'NET'
input = image() height=height width=width channels=channels
flat = flatten(input)
fc = dense(flat) out=1
NET
trapdoor-data import -q $fm:test:0-2000 --classes 3 -o one.safetensors >/dev/null
trapdoor-train -q --data one.safetensors --net one.txt --epochs 1 -o one.model >/dev/null
check_fails 2 'trapdoor-defend strip: one.model: expected a model of at least two classes, found 1' \
    trapdoor-defend strip --model one.model --clean one.safetensors --benign one.safetensors
check_fails 2 "trapdoor-defend squeeze: --squeezers: expected bit=1 to 7, median=2 to 7 or \
nlm=SEARCH-PATCH-STRENGTH (odd, 3 to 31; odd, 1 to 15; 1 to 20), found \"blur=3\"" \
    detect squeeze bad --suspect $fm:test:200-300 --squeezers bit=1,blur=3
check_fails 1 'trapdoor-defend strip: absent.safetensors: No such file or directory' \
    detect strip absent --suspect $fm:test:200-300
: >empty.safetensors
check 'an empty model is refused' sh -c "! trapdoor-defend strip --model empty.safetensors \
    --clean $fm --suspect $fm 2>err && grep -q '^trapdoor-defend strip: empty.safetensors: ' err"
check_fails 2 'trapdoor-defend strip: bad.json: exists already; --force replaces it' \
    strip bad --suspect $fm:test:200-300 --json bad.json
check_fails 2 'trapdoor-defend strip: bad.png: exists already; --force replaces it' \
    strip bad --suspect $fm:test:200-300 --picture bad.png
check_fails 1 'trapdoor-defend squeeze: /dev/full: No space left on device' \
    sh -c "trapdoor-defend squeeze -q --model bad.safetensors --clean $fm:test:0-100 \
        --suspect $fm:test:200-220 --json /dev/full --picture none.png >/dev/null"
check 'and leaves no picture' test ! -e none.png

# Ctrl-C.
mkdir stopped
timeout -s INT 1 trapdoor-defend strip -q --model bad.safetensors --clean $fm:test:0-2000 \
    --suspect $fm:train --overlays 1000 --json stopped/r.json --picture stopped/p.png 2>err
check 'Ctrl-C stops it' grep -Eqx 'trapdoor-defend strip: interrupted after [0-9]+ of 61000 images' err
check 'and leaves nothing' sh -c 'test -z "$(ls -A stopped)"'
finish

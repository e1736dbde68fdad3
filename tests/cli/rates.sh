#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend rates: its counts over models with known ground truth, resuming, and refused
# input.
. "$tests/lib.sh"
. "$tests/audit_models"

make_sets
mkdir -p models/clean models/backdoored
train small.safetensors models/clean/one.safetensors
train small.safetensors models/clean/two.safetensors --seed 2
train sets/poisoned.safetensors models/backdoored/square.safetensors
cp sets/manifest.json models/backdoored/square.manifest.json
cp models/backdoored/square.safetensors models/backdoored/untold.safetensors
C='trapdoor-defend rates'
clean=test.safetensors::0-300

# controls OUT ARGUMENTS...: with DeepInspect.
controls() {
    out=$1
    shift
    $C deepinspect -q --models models -o "$out" "$@" --inverted 8 --inversion-steps 60 --steps 250
}
# field NAME KEY: for that model in found/rates.json
field() {
    awk -v name="\"$1\"," -v key="\"$2\":" '
        $1 == "\"name\":" { here = $2 == name }
        /^  "/ { here = 0 }
        here && $1 == key { gsub(/,$/, ""); print $2; exit }' found/rates.json
}

check_prints '^models: deepinspect on 2 clean and 2 backdoored models$' controls found
cp "$scratch/out" page
check 'a line a model' sh -c \
    "grep -Eq '^  clean/one +clean +(-|[0-9, ]+) +-?[0-9.]+ +[0-9] +[0-9.]+ +[0-9]' page &&
    grep -Eq '^  backdoored/square +backdoored +3 +3 +[0-9.]+ +3 +[0-9.]+ +3 +[0-9.]+ +found\$' page"
check 'detected, with the interval' grep -qx \
    '  backdoored models that are flagged: 100.00 \[34.24, 100.00\] %' page
check 'false positives' grep -q '^  clean models that are flagged: ' page
check 'where the label is known' grep -qx \
    '  \.\.\. whose infected class is the most suspicious: 100.00 \[20.65, 100.00\] %' page
check 'how the index is spread' sh -c "grep -A 1 -x 'Largest index of each clean model' page |
    grep -qx '  values: 2' && grep -A 1 -x 'Index of the infected classes' page | grep -qx '  values: 1'"
for count in 'detected_count": [2,2]' 'infected_first_count": [1,1]'; do
    check "$count" sh -c "tr -d ' \n' <found/rates.json | grep -qF '$(echo "$count" | tr -d ' ')'"
done
check 'so many clean ones' sh -c \
    "tr -d ' \n' <found/rates.json | grep -Eq '\"false_positives_count\":\[[0-2],2\]'"
check_field found/rates.json inspector '"deepinspect"'
check_field found/rates.json failed 0
check 'the infected class is flagged' test "$(field backdoored/square infected_flagged)" = true
check 'and first' test "$(field backdoored/square infected_first)" = true
check 'of the untold one no label is known' test -z "$(field backdoored/untold infected_first)"
check 'all values are there' sh -c "tr -d ' \n' <found/rates.json |
    grep -Eq '\"index\":\{\"clean\":\{\"count\":2,.*\"values\":\[[-0-9.]+,[-0-9.]+\]'"
check 'a record and pictures of each model' sh -c \
    'test -s found/clean/one/record.json && test -s found/backdoored/square/trigger-3.png'
check 'nothing of the truth is in the records below' sh -c \
    '! grep -rq -e manifest -e infected found/clean found/backdoored'
check 'the report has a page for it' sh -c "trapdoor-report found -o page.html >/dev/null 2>&1 &&
    grep -Eq '<td><a href=.#record-[0-9]+.>backdoored/square</a></td>' page.html"

# The same command resumes: only missing parts are redone.
without_timing found/rates.json >expected
touch -d '2000-01-01' found/*/*/record.json
rm found/clean/two/record.json
check_prints '^  backdoored/square ' controls found
without_timing found/rates.json >again
check 'to the same record' cmp expected again
check 'what was there stayed' test "$(find found -name record.json ! -newermt 2001-01-01 | wc -l)" -eq 3
touch -d '2000-01-01' found/*/*/record.json
rm found/clean/one/trigger-0.png
controls found >/dev/null
check 'a record without its pictures does not count' \
    test "$(find found -name record.json ! -newermt 2001-01-01 | wc -l)" -eq 3
touch -d '2000-01-01' found/*/*/record.json
controls found --force >/dev/null
check '--force starts over' test -z "$(find found -name record.json ! -newermt 2001-01-01)"

# Interrupted.
slow() {
    exec $C cleanse -q --models models -o slow --clean $clean --steps 100000 --patience 100000
}
slow >/dev/null 2>err &
parent=$!
while ! [ -e slow/clean/one ] && kill -0 $parent 2>/dev/null; do sleep 0.05; done
sleep 0.5
kill -TERM $parent # a shell's background job ignores SIGINT
wait $parent
status=$?
check 'an interruption is a failure' test $status -eq 1
check 'that says how to go on' grep -qx \
    "$C: interrupted after 0 of 4 models; the same command resumes" err
check 'and leaves nothing but what a search had found' sh -c \
    '! find slow -type f 2>/dev/null | grep -v triggers.safetensors'

# A model that fails does not affect the others.
mkdir -p some/clean some/backdoored
cp models/clean/one.safetensors some/clean/
head -c 1000 models/clean/one.safetensors >some/clean/broken.safetensors
run $C cleanse -q --models some -o partly --clean $clean --steps 20
cp "$scratch/out" out && cp "$scratch/err" err
check 'a broken model is a failure in the end' test "$status" -eq 1
check 'it is named' grep -q "^$C: clean/broken: some/clean/broken.safetensors: " err
check 'and counted apart' grep -qx '  models that failed, and are not counted: 1' out
check 'the other is counted' sh -c \
    "tr -d ' \n' <partly/rates.json | grep -Eq '\"false_positives_count\":\[[01],1\]'"
check_field partly/rates.json failed 1

run $C cleanse -q --models some -o none --clean nosuch
cp "$scratch/err" err
check 'where all fail there is no record' sh -c "! ls none 2>/dev/null && tail -n 1 err | grep -qx \
    '$C: some: expected models that can be inspected, found none of 2'"

# Neural Cleanse too, and the record on stdout.
rm some/clean/broken.safetensors
check_ok sh -c "$C cleanse -q --models some -o one --json - --clean $clean --steps 20 >one.json"
check_field one.json inspector '"cleanse"'
check 'it alone is there' test "$(head -c 1 one.json)" = '{'
check 'and is the same in the folder' sh -c \
    "sed '/\"seconds\"/d' one.json >a; sed '/\"seconds\"/d' one/rates.json | cmp - a"

# Refused.
check_fails 2 "$C: inspector: expected the name of one (see --help), found none" $C --models models -o x
check_fails 2 "$C: inspector: expected one of cleanse, deepinspect, universal, mask, windows, maps, waves, margin, pairs, found \"strip\"" \
    $C strip --models models -o x
check_fails 2 "$C: cleanse: expected it before all options" $C --models models cleanse -o x
check_fails 2 "$C: expected --models, found none" $C cleanse -o x
check_fails 2 "$C: -o is missing: the folder for the record of all, and those of the models" \
    $C cleanse --models models --clean $clean
check_fails 2 "$C: sets: expected models, clean/*.safetensors and backdoored/*.safetensors, found none" \
    $C cleanse --models sets -o x --clean $clean
check_fails 2 "$C: expected --clean, found none" $C cleanse --models models -o x
check_fails 2 "$C: --steps: expected a whole number from 1 to 1000000, found \"0\"" \
    $C cleanse --models models -o x --clean $clean --steps 0
run $C deepinspect --models models -o x --triggers y
cp "$scratch/err" err
check 'the files of the inspector are given by rates' sh -c \
    "test $status -eq 2 && grep -q '^$C: --triggers: rates has no such option' err"
run $C deepinspect --models models -o x --patience 3
cp "$scratch/err" err
check 'another inspector has other options' sh -c \
    "test $status -eq 2 && grep -qx '$C: --patience: rates has no such option; expected it with cleanse' err"
check_prints '^      --inverted=N ' $C deepinspect --help
check_fails 2 "$C: found/rates.json: not of this run: \"inverted\": expected 16, found 8; --force starts over" \
    $C deepinspect --models models -o found --inversion-steps 60 --steps 250
rm found/rates.json
check_fails 2 "$C: found/clean/one/record.json: not of this request: \"inverted\": expected 16, found 8; --force starts over" \
    $C deepinspect --models models -o found --inversion-steps 60 --steps 250
cp models/clean/two.safetensors models/clean/one.safetensors
check_fails 2 "$C: found/clean/one/record.json: not of this request: models/clean/one.safetensors has changed since; --force starts over" \
    controls found
echo '{"triggers": [{"target": -1}]}' >models/backdoored/untold.manifest.json
check_fails 1 "$C: models/backdoored/untold.manifest.json: triggers[0]: expected \"target\", a class from 0 to 65535, found another value" \
    controls y
check_fails 2 "$C: test.safetensors: expected a folder to write to, found a file" \
    $C cleanse --models some -o test.safetensors --clean $clean
check 'what was refused has left nothing' sh -c '! ls -d x y 2>/dev/null | grep -q .'
finish

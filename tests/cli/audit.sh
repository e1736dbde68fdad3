#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend audit: its verdicts as text and as a record, its time limit, resuming, and refused
# input.
. "$tests/lib.sh"
. "$tests/audit_models"

make_sets
# With seed 2 Neural Cleanse finds the square by far, whatever the core of OpenBLAS.
train sets/poisoned.safetensors bad.safetensors --seed 2
train small.safetensors good.safetensors
trapdoor-poison stamp -q --data test.safetensors:test:400-600 --trigger $square -o stamped >/dev/null
A='trapdoor-defend audit'
few='--effort 0.4'
clean=test.safetensors::0-400

# words TEXT: it is in audit.txt of `found`, ignoring line breaks.
words() {
    tr '\n' ' ' <found/audit.txt | sed 's/  */ /g' | grep -qF -e "$1"
}

# A backdoor that two inspectors and STRIP detect.
check_prints '^Verdict: backdoor-likely$' $A -q $few --model bad.safetensors --clean $clean \
    --suspect stamped/stamped.safetensors --training sets/poisoned.safetensors -o found --minutes 60
cp "$scratch/out" page
check 'the first words are the verdict' sh -c "sed -n 3p page |
    grep -Eq '^A backdoor is likely: [23] methods that work differently agree, in class 3 \(Dress\)\.\$'"
check 'the last tell of the page' grep -qx 'The page: trapdoor-report found' page
sed '$d' page >expected
check 'audit.txt is what was printed' cmp expected found/audit.txt
check 'Neural Cleanse in words' words ' Neural Cleanse: '
check 'DeepInspect in words' words \
    '! DeepInspect: images that were made from the model alone become class 3 (Dress) by changes '
check 'STRIP in words' words '! STRIP: of the 200 inputs of stamped/stamped.safetensors, '
check 'what it says of training sets is a hint' sh -c \
    '! grep -q "^  ! Activation" found/audit.txt'
check 'unknown rates are no numbers' words 'is not known. trapdoor-defend rates measures it'
check 'the small effort is told' words 'The inspectors took 0.4 of their usual steps (--effort)'
check 'the few clean images are told' words 'There are only 400 clean images'
check_field found/audit.json verdict '"backdoor-likely"'
check_field found/audit.json suspected_class 3
for step in cleanse deepinspect strip squeeze spectral activation-clustering; do
    check "$step has a record" test -s found/$step/record.json
    check "and a state" grep -q "\"method\": \"$step\"" found/audit.json
done
check 'the recovered triggers are listed' sh -c \
    'grep -q "\"cleanse/trigger-3.png\"" found/audit.json && test -s found/cleanse/trigger-3.png'
check 'what calibrates does not judge' sh -c \
    "grep -q '\"clean\": \"found/clean.safetensors::0-200\"' found/strip/record.json &&
    grep -q '\"found/clean.safetensors::200-400\"' found/strip/record.json"
check 'the report begins with the verdict' sh -c "trapdoor-report found -o page.html >/dev/null 2>&1 &&
    grep -n -e 'class=\"verdict bad\">A backdoor is likely' -e 'id=\"overview\"' page.html | head -n 1 |
    grep -q 'A backdoor is likely'"
check 'with links to the records' grep -Eq '<a href="#record-[0-9]+">(Neural Cleanse|cleanse)</a></td>' page.html

# The same command resumes, with the same result.
without_timing found/audit.json >expected
touch -d '2000-01-01' found/*/record.json
rm -r found/squeeze
run $A -q $few --exit-code --model bad.safetensors --clean $clean --suspect stamped/stamped.safetensors \
    --training sets/poisoned.safetensors -o found --minutes 60
check 'with --exit-code it is 3' test "$status" -eq 3
check 'what was done is not done again' \
    test "$(find found -name record.json ! -newermt 2001-01-01 | wc -l)" -eq 5
without_timing found/audit.json >again
check 'and the record is the same' cmp expected again

# A clean model, with error rates; only two inspectors.
mkdir -p models/clean models/backdoored
cp good.safetensors models/clean/
cp bad.safetensors models/backdoored/
trapdoor-defend rates deepinspect -q --models models -o rates --steps 600 >/dev/null
run $A -q $few --exit-code --model good.safetensors --clean test.safetensors --controls rates/rates.json \
    -o good --minutes 60
verdict=$(sed -n 's/^Verdict: //p' "$scratch/out")
check 'a clean model has another verdict' test "$verdict" != backdoor-likely -a -n "$verdict"
check 'and exit status' test "$status" -eq "$([ "$verdict" = nothing-found ] && echo 0 || echo 3)"
check 'the rates of DeepInspect are told' sh -c "tr '\n' ' ' <good/audit.txt | sed 's/  */ /g' |
    grep -Eq 'DeepInspect: [^!]*; of 1 clean control model it flagged [01] \('"
check 'those of Neural Cleanse are not known' sh -c "tr '\n' ' ' <good/audit.txt | sed 's/  */ /g' |
    grep -Eq 'How often Neural Cleanse flags a clean model' &&
    ! grep -q 'How often DeepInspect' good/audit.txt"

# The time limit, and its effect.
begin=$(date +%s)
check_prints '^Verdict: (inconclusive|nothing-found|backdoor-suspected|backdoor-likely)$' \
    $A -q $few --model bad.safetensors --clean $clean -o brief --minutes 0.01
check 'a second or two, and a few more at most' test $(($(date +%s) - begin)) -le 20
check 'says what did not come to an end' grep -Eq 'did not come to an end|classes in its time' \
    brief/audit.txt
check_prints '^Verdict: backdoor-(suspected|likely)$' \
    $A -q $few --model bad.safetensors --clean $clean -o brief --minutes 60
check 'more time makes it whole' sh -c '! grep -q "in its time" brief/audit.txt'

# A model that does not classify these images.
train small.safetensors blank.safetensors --epochs 1 --lr 0.0000001
check_prints '^Verdict: cannot-be-judged$' $A -q --model blank.safetensors --clean $clean -o blank
check 'no method was run' test "$(ls blank)" = "$(printf 'audit.json\naudit.txt\nclean.safetensors')"
check 'it says why' grep -q '^The model cannot be judged on these images: it is right on ' blank/audit.txt

# Interrupted.
(exec $A -q --model good.safetensors --clean $clean -o stopped >/dev/null 2>err) &
parent=$!
while ! [ -e stopped/deepinspect ] && kill -0 $parent 2>/dev/null; do sleep 0.05; done
kill -TERM $parent # a shell's background job ignores SIGINT
wait $parent
check 'an interruption is a failure' test $? -eq 1
check 'that says how to go on' grep -qx "$A: interrupted; the same command resumes" err
check 'and no verdict' test ! -e stopped/audit.json

# ... while an older verdict exists that describes the steps being redone.
cp -r found anew
(exec $A -q --force --model bad.safetensors --clean $clean -o anew >/dev/null 2>err) &
parent=$!
while [ -e anew/audit.json ] && kill -0 $parent 2>/dev/null; do sleep 0.05; done
sleep 0.2
kill -TERM $parent
wait $parent
check 'no verdict is left of what is made anew' sh -c \
    '! [ -e anew/audit.json ] && ! [ -e anew/audit.txt ] && [ -e anew/cleanse/record.json ]'

# ... and before any step was redone: nothing is lost.
cp -r found kept
(exec $A -q --force --model bad.safetensors --clean $clean -o kept >/dev/null 2>err) &
parent=$!
sleep 0.3
kill -TERM $parent
wait $parent
if [ -e kept/audit.json ]; then
    rm -f kept/cleanse/*.checkpoint
    check 'nothing is lost before something is made anew' diff -r found kept
else
    skip 'nothing is lost before something is made anew' 'the first method was faster'
fi

# Refused.
check_fails 2 "$A: expected --model, found none" $A --clean $clean -o x
check_fails 2 "$A: expected --clean, found none" $A --model bad.safetensors -o x
check_fails 2 "$A: -o is missing: the folder for the verdict and the records" \
    $A --model bad.safetensors --clean $clean
check_fails 2 "$A: --minutes: expected a number above 0, found \"0\"" \
    $A --model bad.safetensors --clean $clean -o x --minutes 0
check_fails 2 "$A: --effort: expected a number in (0, 1], found \"2\"" \
    $A --model bad.safetensors --clean $clean -o x --effort 2
check_fails 2 "$A: test.safetensors::0-20: expected at least 50 clean images for an audit, some hundred for a sound one, found 20" \
    $A --model bad.safetensors --clean test.safetensors::0-20 -o x
check_fails 1 "$A: none.safetensors: No such file or directory" $A --model none.safetensors --clean $clean -o x
check_fails 2 "$A: fashion-mnist: the net takes images of 12×12×1 (height×width×channels), the data's are 28×28×1" \
    $A --model bad.safetensors --clean fashion-mnist -o x
check_fails 2 "$A: fashion-mnist:test:0-9: the net takes images of 12×12×1 (height×width×channels), the data's are 28×28×1" \
    $A --model bad.safetensors --clean $clean --suspect fashion-mnist:test:0-9 -o x
check_fails 1 "$A: found/audit.json: expected a record of trapdoor-defend controls or rates" \
    $A --model bad.safetensors --clean $clean --controls found/audit.json -o x
check_fails 2 "$A: found/audit.json: not of this run: \"model\": expected \"good.safetensors\", found \"bad.safetensors\"; --force starts over" \
    $A --model good.safetensors --clean $clean -o found
cat >one.net <<'END'
input = image() height=12 width=12 channels=1
flat = flatten(input)
fc = dense(flat) out=1
END
trapdoor-data import -q test.safetensors --classes 0 -o one.safetensors >/dev/null
trapdoor-train -q --data one.safetensors --net one.net --epochs 1 -o one.model >/dev/null
check_fails 2 "$A: one.model: expected a model of at least two classes, found 1" \
    $A --model one.model --clean one.safetensors -o x
check 'what was refused has left nothing' sh -c '! ls -d x 2>/dev/null | grep -q .'
finish

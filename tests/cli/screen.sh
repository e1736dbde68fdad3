#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend controls, screen and audit --controls: values of clean models, p-values, resuming,
# --force, and refused input.
. "$tests/lib.sh"
. "$tests/audit_models"

make_sets
train sets/poisoned.safetensors bad.safetensors
train small.safetensors good.safetensors --seed 100
clean=test.safetensors::0-400
C='trapdoor-defend controls'
S='trapdoor-defend screen'

# controls DIR ARGUMENTS...: trained like the models above.
controls() {
    out=$1
    shift
    $C -q --net tiny.net --data small.safetensors --clean $clean --epochs 6 --lr 0.003 \
        --count "$count" "$@" -o "$out"
}
count=9 # by all recipes

check_prints '^9 controls of tiny.net on small.safetensors: the least p of an audit by them is 0.100$' \
    controls made
cp made/controls.json first
check 'the numbers of every screen' sh -c \
    'for s in universal mask windows maps waves margin; do grep -q "\"$s\": \[" first || exit 1; done'
check 'a clean model more or less' sh -c '! grep -q "\"accuracy\": 0\.[0-5]" first'

# The same at another number of threads, in parts, and after an interruption.
without_timing first >expected
controls apart --part 2/3 --threads 1 >/dev/null &
controls apart --part 3/3 --threads 1 >/dev/null
second=$?
wait $!
check 'two parts at once' test "$?/$second" = 0/0
check 'a part has its controls, and no record of all' test "$(cd apart && echo *)" = \
    'control-3.json control-4.json control-5.json control-6.json control-7.json control-8.json'
controls apart --threads 3 >/dev/null
without_timing apart/controls.json >found
check 'the same in parts and at other threads' cmp expected found
rm made/control-2.json
controls made --force >/dev/null
without_timing made/controls.json >found
check 'a control that is gone is made again' cmp expected found
check_prints '^verified: the same weights and numbers, to the bit$' controls made --verify 1
sed -i 's/"model_sha256": "..../"model_sha256": "0000/' made/control-1.json
run controls made --verify 1
cp "$scratch/err" said
check 'other weights are found out' sh -c \
    "test $status -eq 1 && grep -q '^$C: control 1: expected the weights 0000' said"
check_prints '^verified: the same' sh -c "$C -q --net tiny.net --data small.safetensors --clean $clean --epochs 6 \
    --lr 0.003 --verify 1 --with first"
sed 's/^ *//' first | tr -d '\n' >line # as those that come with the program are written
check_prints '^verified: the same' sh -c "$C -q --net tiny.net --data small.safetensors --clean $clean --epochs 6 \
    --lr 0.003 --verify 2 --with line"
sed 's/\("seed": 3,"model_sha256": "\)..../\10000/' line >wrong
run $C -q --net tiny.net --data small.safetensors --clean $clean --epochs 6 --lr 0.003 --verify 2 --with wrong
cp "$scratch/err" said
check 'and such a record that is wrong is found out' sh -c \
    "test $status -eq 1 && grep -q '^$C: control 2: expected the weights 0000' said"
check_fails 2 "$C: first: not of this request: \"epochs\": expected 5, found 6; take the options of the record" \
    $C --net tiny.net --data small.safetensors --clean $clean --epochs 5 --lr 0.003 --verify 1 --with first
check_fails 2 "$C: first: --verify: expected one of its 9 controls, counted from 0, found 9" \
    $C --net tiny.net --data small.safetensors --clean $clean --epochs 6 --lr 0.003 --verify 9 --with first
check_fails 2 "$C: -o has no meaning with --with" controls x --verify 1 --with first
check_fails 2 "$C: --part has no meaning with --verify" controls x --verify 1 --part 1/2
check_fails 2 "$C: --with: expected --verify with it, found none" controls x --with first
check_fails 2 "$C: -o is missing: the folder for the controls" \
    $C --net tiny.net --data small.safetensors --clean $clean --verify 1
check_fails 2 "$C: both/controls.json: expected a file of its own for each output, found two of this name" \
    controls both --json both/controls.json
cp apart/control-1.json made/control-1.json
sed 's/"mask": \[/"mask": [ 1,/' apart/control-1.json >made/control-1.json
run controls made --verify 1
check 'and other numbers' test "$status" -eq 1
cp apart/control-1.json made/control-1.json

# Pairs of classes: an inspector that is not a screen.
check 'pairs are searched' trapdoor-defend pairs -q --model bad.safetensors --clean $clean --json pairs.json
classes=$(sed -n 's/^ *"classes": \([0-9]*\),*$/\1/p' first | head -n 1)
check 'each source has each other target' test "$(grep -c '"source": ' pairs.json)" -eq $((classes * (classes - 1)))
check 'the target of the backdoor has the largest margins' awk '/"class":/ { c = $2 + 0 } /"margin":/ { m[c] += $2 }
    END { for (k in m) if (!(b in m) || m[k] > m[b]) b = k; exit b != 3 }' pairs.json
check 'controls have no numbers of it' sh -c '! grep -q "\"pairs\"" first'

# A p-value for a model.
check_prints '^bad.safetensors: p = 0\.100: 0 of 9 clean models look as suspicious; what stands out most is class ([0-9] to )?3 ' \
    $S -q --model bad.safetensors --clean $clean --controls made/controls.json --json bad.json
check_field bad.json controls 9
check_field bad.json as_high 0
check_field bad.json class 3
check 'with p at most --level it is flagged' grep -q '"flagged": false' bad.json
run $S -q --model bad.safetensors --clean $clean --controls made/controls.json --level 0.2 \
    --exit-code --triggers seen
check 'and exits with 3' test "$status" -eq 3
check 'what stands out is a picture' sh -c 'ls seen/*3.png >/dev/null'
seen=$(find seen -name "*3.png" | sort | head -n 1)
run $S -q --model bad.safetensors --clean $clean --controls made/controls.json --triggers seen --force \
    --json "$PWD/$seen"
cp "$scratch/err" said
check 'a record in the place of that picture is refused' sh -c \
    "test $status -eq 2 && grep -q 'expected a file of its own for each output, found two of this name' said"
check_prints '^0\.900000$' $S -q --model bad.safetensors --clean $clean \
    --controls made/controls.json --probability
# joint RECORD
joint() {
    sed -n 's/.*"joint": \(-*[0-9.]*\),*$/\1/p' "$1" | head -n 1
}
# is_joined RECORD COUNT: whether the joint score is the largest of those of COUNT screens.
is_joined() {
    sed -n '/"calibrated_screens": \[/,/^  \]/p' "$1" | awk -v want="$2" -v joint="$(joint "$1")" '
        /"score":/ { score = $2 + 0 } /"joint": true/ { if (!count++ || score > most) most = score }
        END { exit !(count == want && most == joint + 0) }'
}
check_prints '^good.safetensors: p = ' $S -q --model good.safetensors --clean $clean \
    --controls made/controls.json --json good.json
check 'margin is not in the joint score' is_joined good.json 5
run $S -q --model good.safetensors --clean $clean --controls made/controls.json --known-recipe --json known.json
check 'but with --known-recipe it is' is_joined known.json 6
check 'a clean model stands out less' sh -c "echo '$(joint bad.json) $(joint good.json)' |
    awk '{ exit !(NF == 2 && \$1 > \$2 + 0.5) }'"
check_prints 'screened; --controls would show' $S -q --model good.safetensors --clean $clean

# Other images give other scores: p is valid beside controls that were scored on the same.
check_prints "^good.safetensors: not calibrated: the clean images are not those of the controls \\($clean, to be given as --clean\\)" \
    $S -q --model good.safetensors --clean test.safetensors::200-600 --controls made/controls.json --level 0.99

# Classes without names fit those of any set; the images tell the sets apart.
for part in small test; do
    trapdoor-data import -q $part.safetensors --transpose -o turned.safetensors --force >/dev/null
    sed 's/"class_names"/"other_names"/' turned.safetensors >unnamed-$part.safetensors
done
train unnamed-small.safetensors unnamed.safetensors --epochs 2
check_prints "^unnamed.safetensors: not calibrated: the clean images are not those of the controls \\($clean, to be given as --clean\\)" \
    $S -q --model unnamed.safetensors --clean unnamed-test.safetensors::0-400 --controls made/controls.json

# Two classes: scores without a median of others.
for part in small test; do
    trapdoor-data import -q $part.safetensors --classes 0,1 -o two-$part.safetensors >/dev/null
done
trapdoor-poison dirty-label -q --data two-small.safetensors --trigger $square --target 1 --ratio 0.2 -o two-sets >/dev/null
train two-sets/poisoned.safetensors two.safetensors --epochs 8 --lr 0.003
$C -q --net tiny.net --data two-small.safetensors --clean two-test.safetensors --epochs 8 --lr 0.003 \
    --count 9 -o two >/dev/null
check_prints '^two.safetensors: p = 0\.100: .* is (class 1|class 0 to 1) ' \
    $S -q --model two.safetensors --clean two-test.safetensors --controls two/controls.json

# Images that lack a class of the controls, and a model that is worse than guessing: nine of its
# classes have changed places.
trapdoor-data import -q $clean --classes '#0,#1,#2,#3,#4,#5,#6,#7,#8' -o nine.safetensors >/dev/null
check_fails 2 "$S: made/controls.json: control 0: expected 81 numbers of windows, found 90: it was made with clean images of other classes than --clean has ($clean), or by another version" \
    $S -q --model bad.safetensors --clean nine.safetensors --controls made/controls.json
for kept in '#0,#2,#3,#4,#5,#6,#7,#8,#9,#1' '#1,#2,#3,#4,#5,#6,#7,#8,#9,#0'; do
    trapdoor-data import -q small.safetensors --classes "$kept" -o turned.safetensors --force >/dev/null
    sed 's/"class_names"/"other_names"/' turned.safetensors >unnamed-small.safetensors
    train unnamed-small.safetensors "worse-${kept%%,*}.safetensors"
done
check_prints '^worse-#0.safetensors: not calibrated: its accuracy is [0-9]+\.[0-9] %, ' \
    $S -q --model 'worse-#0.safetensors' --clean $clean --controls made/controls.json
check_fails 2 "$S: universal: $clean: expected a model that classifies some of these images correctly, found that it does none of 200" \
    $S -q --model 'worse-#1.safetensors' --clean $clean --controls made/controls.json

# The audit: the screening decides, and the inspectors run only on request.
A='trapdoor-defend audit'
run $A -q --model bad.safetensors --clean $clean --controls made/controls.json -o audited
check 'the audit ends' test "$status" -eq 0
check 'the screening has its record' test -s audited/screen/record.json
check 'inspectors are not run' test ! -e audited/cleanse
check 'and the evidence has p' grep -q '"p": 0.1' audited/audit.json
check 'and p is that of the screening' sh -c "test '$(joint audited/screen/record.json)' = '$(joint bad.json)'"
check 'the one method is named as one' grep -q '"summary": "Nothing was found by the one method that came to an end. ' audited/audit.json
check 'too few controls are said' grep -q 'With 9 controls the least p is 0.1' audited/audit.json
check 'in words' sh -c 'tr "\n" " " <audited/audit.txt | sed "s/  */ /g" |
    grep -q "0 of 9 clean models (tiny.net on small.safetensors, trained by several recipes) look as suspicious (p = 0.100)"'

# Controls that ship with the program are found by net and classes, with a message.
mkdir shipped
cp made/controls.json shipped/tiny-small.json
printf '{' >shipped/broken.json
check_prints '^bad.safetensors: p = 0\.100: 0 of 9 clean models look as suspicious' \
    env TRAPDOOR_CONTROLS=shipped $S -q --model bad.safetensors --clean $clean --json found.json
check_field found.json shipped true
check 'which they are' grep -q '"controls_of": "tiny.net on small.safetensors"' found.json
env TRAPDOOR_CONTROLS=shipped trapdoor-defend audit -q --model bad.safetensors --clean $clean -o shipped-audit >/dev/null
check 'by an audit, too' sh -c 'tr "\n" " " <shipped-audit/audit.txt | sed "s/  */ /g" |
    grep -q "0 of 9 clean models (tiny.net on small.safetensors, trained by several recipes, with the program) look as suspicious"'
sed 's/^  "version": "[^"]*"/  "version": "0.0.9"/' made/controls.json >shipped/tiny-small.json
check_prints 'screened; --controls would show' env TRAPDOOR_CONTROLS=shipped \
    $S -q --model bad.safetensors --clean $clean
check_fails 2 "$S: shipped/tiny-small.json: expected controls of version $(trapdoor-defend --version |
    sed 's/^trapdoor-defend \([^ ]*\) .*/\1/'), whose numbers are these, found those of 0.0.9; make them again" \
    $S --model bad.safetensors --clean $clean --controls shipped/tiny-small.json

# Models with known ground truth calibrate a score.
F='trapdoor-defend configure'
mkdir -p known/clean known/clean-other known/square
for seed in 101 102 103; do
    train small.safetensors known/clean/$seed.safetensors --seed $seed
done
train small.safetensors known/clean-other/104.safetensors --seed 104 --augment shift=1
cp bad.safetensors known/square/1.safetensors
train sets/poisoned.safetensors known/square/2.safetensors --seed 2
printf 'no model' >known/square/3.safetensors
run $F known -q --clean $clean --controls made/controls.json --level 0.1 -o learnt
cp "$scratch/out" page
cp learnt/configure.json first
check 'a file that is no model is named' sh -c "test $status -eq 1 && grep -q 'square/3' first"
check 'both are flagged' grep -Eq '^known: with p at most 0.1, 2 of 2 backdoored models are flagged' page
check 'clean kinds stand apart' sh -c 'sed -n "/\"scores\": \[/,/}/p" first | tr -d " \n" |
    grep -q "\"false_alarms_count\":\[[0-3],3\].*\"other_alarms_count\":\[[01],1\]"'
check 'every screen has its errors by kind' sh -c 'for s in universal mask windows maps waves margin; do
    sed -n "/\"kinds\": \[/,/\]$/p" first | grep -q "\"${s}_count\"" || exit 1; done'
without_timing first >expected
run $F known -q --clean $clean --controls made/controls.json --level 0.1 -o learnt --force
without_timing learnt/configure.json >found
check 'the same again' cmp expected found
# probability MODEL
probability() {
    $S -q --model "$1" --clean $clean --controls made/controls.json \
        --configuration learnt/configure.json --probability
}
check 'a backdoor is the likelier' sh -c "echo '$(probability bad.safetensors) $(probability good.safetensors)' |
    awk '{ exit !(NF == 2 && \$1 > 0.5 && \$2 < 0.5) }'"
check_fails 2 "$S: learnt/configure.json: expected one that was made with the controls of apart/controls.json, found one of others" \
    $S --model bad.safetensors --clean $clean --controls apart/controls.json \
    --configuration learnt/configure.json
check_fails 2 "$S: learnt/configure.json: expected one that was made with --known-recipe" \
    $S --model bad.safetensors --clean $clean --controls made/controls.json --known-recipe \
    --configuration learnt/configure.json
check_fails 1 "$S: made/controls.json: expected a record of trapdoor-defend configure, with \"configuration\"" \
    $S --model bad.safetensors --clean $clean --controls made/controls.json \
    --configuration made/controls.json
mkdir -p lone/clean
cp good.safetensors lone/clean
check_fails 2 "$F: lone: expected clean models, in folders that begin with \"clean\", and backdoored ones, found 1 and 0 that could be screened" \
    $F lone --clean $clean --controls made/controls.json -o x
check_fails 2 "$F: nothing: expected 1 to 100000 models, KIND/*.safetensors, found 0" \
    sh -c "mkdir nothing && $F nothing --clean $clean --controls made/controls.json -o x"

# A folder of models.
mkdir -p models
cp bad.safetensors models/first.safetensors
cp good.safetensors models/second.safetensors
N='trapdoor-defend scan'
check_prints '^models: [01] of 2 models flagged, q at most 0.15$' $N models -q --clean $clean \
    --controls made/controls.json --level 0.15 -o scanned
cp "$scratch/out" page
check 'the most suspicious model stands first' sh -c 'grep -A 2 -x Models page | tail -n 1 |
    grep -Eq "^  first +0\.1000 +0\.[12]000"'
check 'each has its record and a picture' sh -c 'test -s scanned/first/record.json &&
    ls scanned/first/*.png >/dev/null'
trapdoor-model export good.safetensors -o models/second.onnx -q >/dev/null
run $N models -q --clean $clean --controls made/controls.json --level 0.15 -o scanned
cp "$scratch/out" page
check 'a model of another format is one of them, and gets the same p' sh -c \
    "test $status -eq 0 && grep -E '^  second(.onnx)? ' page | awk '{ p[\$1] = \$2 }
        END { exit !(p[\"second\"] > 0 && p[\"second\"] == p[\"second.onnx\"]) }'"
rm models/second.onnx
sed 's/out=32/out=16/' tiny.net >other.net
mkdir -p shipped
cp made/controls.json shipped/tiny-small.json
trapdoor-train -q --data small.safetensors --net other.net --epochs 1 -o models/other.safetensors >/dev/null
TRAPDOOR_CONTROLS=shipped
export TRAPDOOR_CONTROLS
for part in 1/2 2/2; do
    check_prints "^models: part $part is screened; a run without --part gathers all\$" \
        $N models -q --clean $clean --level 0.15 --part $part -o parts
done
check 'the parts make no record of all' test ! -e parts/scan.json
cp parts/first/record.json before
run $N models -q --clean $clean --level 0.15 -o parts
cp "$scratch/out" page
check 'they are gathered' sh -c "test $status -eq 0 && cmp before parts/first/record.json"
check 'controls that come with the program are used for the nets that have such' sh -c "grep -q '^  first  *0\.1000 ' page &&
    grep -q '^  other  .*no controls of its net and set come with the program\$' page"
if command -v make >/dev/null 2>&1; then
    check 'the recipe does the same' sh -c "make -s -j 2 -f '$tests/../../tools/recipes/scan.mk' BUILD=absent MODELS=models \
        CLEAN=$clean OPTIONS='--level 0.15' PARTS=2 OUT=spread >made.txt && sed '/--part gathers/d' made.txt | cmp - page"
    echo broken >models/third.pt
    for again in 1 2; do
        make -s -f "$tests/../../tools/recipes/scan.mk" BUILD=absent MODELS=models CLEAN=$clean \
            OPTIONS='--level 0.15' PARTS=2 OUT=spread >made.txt 2>&1
        check "it fails if a model cannot be read, $again" sh -c "test $? -ne 0 && grep -q '^  third.pt ' made.txt"
    done
    rm models/third.pt
else
    skip 'the recipe does the same' 'make is not here'
fi
unset TRAPDOOR_CONTROLS
rm models/other.safetensors
run $N models --clean $clean --controls made/controls.json --level 0.05 -o few
cp "$scratch/err" said
check 'too few controls for so many models are said' \
    grep -q 'note: with 9 controls the least p is 0.1: nothing can be flagged at a q of 0.05$' said
printf 'no model' >models/third.safetensors
run $N models -q --clean $clean --controls made/controls.json --level 0.15 -o scanned --force
check 'a file that is no model is named, and the others are screened' sh -c \
    "test $status -eq 1 && grep -q '\"name\": \"third\"' scanned/scan.json && test -s scanned/scan.json"
check_fails 2 "$N: empty: expected a folder with models, found none of this name" \
    $N empty --clean $clean --controls made/controls.json -o x

# Another training: these controls are not representative of an undertrained model.
train small.safetensors raw.safetensors --epochs 1 --lr 0.0003
check_prints '^raw.safetensors: not calibrated: its (accuracy|mean margin) is ' \
    $S -q --model raw.safetensors --clean $clean --controls made/controls.json

run $S -q --model raw.safetensors --clean $clean --controls made/controls.json --probability
cp "$scratch/out" page
cp "$scratch/err" said
check 'a number alone comes with a warning' sh -c "test $status -eq 0 && grep -Eqx '[01]\.[0-9]{6}' page &&
    test \$(wc -l <page) -eq 1 && test \$(wc -l <said) -eq 1 &&
    grep -Eq '^$S: warning: not calibrated: its (accuracy|mean margin) is .*; the controls do not stand for this model' said"

# Messages say what reduces certainty.
run $S --model bad.safetensors --clean $clean --controls made/controls.json
cp "$scratch/err" said
check 'a level that cannot be reached is said' grep -qx \
    "$S: note: with 9 controls the least p is 0.1: nothing can be flagged at 0.05" said
run $S --model bad.safetensors --clean test.safetensors::0-100
cp "$scratch/err" said
check 'few clean images are said, once' sh -c 'test $(grep -c "clean images, where the search takes 20" said) -eq 1'

# Refused.
check_fails 2 'trapdoor-defend mask: good.safetensors: test.safetensors::0-4: expected at least two clean images of each of at least 2 classes, found two of only 1' \
    trapdoor-defend mask --model good.safetensors --clean test.safetensors::0-4
trapdoor-data import -q test.safetensors --class-names a,b,c,d,e,f,g,h,i,j -o renamed.safetensors >/dev/null
trapdoor-data import -q small.safetensors --class-names a,b,c,d,e,f,g,h,i,j -o other.train >/dev/null
train other.train named.safetensors --epochs 1
run $S --model named.safetensors --clean renamed.safetensors --controls made/controls.json
cp "$scratch/err" said
check 'controls of other classes are refused' sh -c "test $status -eq 2 && grep -q \
    '^$S: made/controls.json: expected controls whose class 0 is .a., as that of named.safetensors, found .T-shirt/top.\$' said"
trapdoor-train -q --data small.safetensors --net other.net --epochs 1 -o other.safetensors >/dev/null
check_fails 2 "$S: made/controls.json: expected controls of the model's net, found those of another one" \
    $S --model other.safetensors --clean $clean --controls made/controls.json
sed 's/by=1\/255/by=0/' tiny.net >blind.net
trapdoor-train -q --data small.safetensors --net blind.net --epochs 1 -o blind.safetensors >/dev/null
for screen in universal waves; do
    check_fails 2 "trapdoor-defend $screen: blind.safetensors: $clean: expected a model whose logits depend on the image, found the same for each of 200" \
        trapdoor-defend $screen -q --model blind.safetensors --clean $clean
done
check_fails 2 "$S: universal: $clean: expected a model whose logits depend on the image, found the same for each of 200" \
    $S -q --model blind.safetensors --clean $clean
# A threshold has a gradient nowhere, or nearly so.
sed 's/by=1\/255/by=1000000 add=-1000000/; s/^conv1 = conv(unit)/bound = clip(unit) min=0 max=1\nconv1 = conv(bound)/' \
    tiny.net >step.net
trapdoor-train -q --data small.safetensors --net step.net --epochs 3 -o step.safetensors >/dev/null
for screen in universal maps mask margin pairs; do
    check_fails 2 "trapdoor-defend $screen: step.safetensors: expected a model whose logits have a gradient with respect to the image, found that none reaches it" \
        trapdoor-defend $screen -q --model step.safetensors --clean $clean
done
check 'windows need no gradient' trapdoor-defend windows -q --model step.safetensors --clean $clean
check_fails 2 "$S: universal: expected a model whose logits have a gradient with respect to the image, found that none reaches it" \
    $S -q --model step.safetensors --clean $clean
check_fails 1 "$S: bad.json: expected a record of trapdoor-defend controls, with \"net_text\", \"classes\", \"clean_images\" and \"controls\"" \
    $S --model bad.safetensors --clean $clean --controls bad.json
sed 's/"net_text": "[^"]*"/"net_text": ""/' made/controls.json >broken.json
check_fails 1 "$S: broken.json: net text: expected at least two nodes, found 0" \
    $S --model bad.safetensors --clean $clean --controls broken.json
sed 's/"clean": "/"clean": "two\\nlines /' made/controls.json >broken.json
check_fails 1 "$S: broken.json: \"clean\": expected a line of text, found control characters" \
    $S --model bad.safetensors --clean $clean --controls broken.json
head -c 2000 made/controls.json >cut.json
run $S --model bad.safetensors --clean $clean --controls cut.json
cp "$scratch/err" said
check 'controls that end early are named' sh -c \
    "test $status -eq 1 && grep -q '^$S: cut.json: ' said"
for part in 3/2 0/2 1 1/2x -1/2; do
    check_fails 2 "$C: --part: expected K/N with K from 1 to N, at most 100000, found \"$part\"" \
        controls x --part=$part
done
run controls made --images 500
cp "$scratch/err" said
check 'controls of another request are not gone on with' sh -c "test $status -eq 2 &&
    grep -q '^$C: made/control-0.json: not of this request: .images.: expected 500, found 0' said"
count=2
controls few >/dev/null
check_fails 2 "$S: few/controls.json: expected at least 3 controls, found 2" \
    $S --model bad.safetensors --clean $clean --controls few/controls.json
check_fails 2 "$S: --level: expected --controls with it: none of this net and set come with the program" \
    $S --model bad.safetensors --clean $clean --level 0.1
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# The recipes: each has a plan, reports wrong settings, ends in results, and runs through a
# cluster's launcher.
. "$tests/lib.sh"

recipes=$tests/../../tools/recipes
if ! command -v make >/dev/null 2>&1; then
    skip 'recipes' 'make is not here'
    finish
    exit
fi

# The tools under test come first in PATH, not those of a build in the source tree.
cook() {
    recipe=$1
    shift
    make -f "$recipes/$recipe.mk" BUILD=absent "$@"
}
# plan RECIPE VARIABLE=VALUE...: the commands that make would run.
plan() {
    cook "$@" -n OUT=out
}
# counts RECIPE PLAN VARIABLE=VALUE...: whether `status` counts each command of a tool in the plan.
counts() {
    recipe=$1
    steps=$(grep -v -e 'trapdoor-data info' -e trapdoor-report "$2" | grep -c -e 'trapdoor-[a-z]* ')
    shift 2
    cook "$recipe" status OUT=out "$@" 2>&1 | grep -q " in out: 0 of $steps steps done, 0 running, $steps missing\$"
}
mkdir nothing
echo '{"tool": "trapdoor-data", "version": "0", "options": {}, "inputs": [], "outputs": []}' >nothing/info.json
for recipe in friendnet multi-target clean-label one-pixel defences; do
    for scale in quick paper; do
        plan $recipe SCALE=$scale SEEDS=2 >plan-$scale 2>err
        check "$recipe, $scale: there is a plan" test $? -eq 0
        check "$recipe, $scale: it measures" grep -q -e '--json out/.*eval.json' plan-$scale
        check "$recipe, $scale: with both seeds" grep -q -e '--seed 2 ' plan-$scale
        check "$recipe, $scale: it ends in results" sh -c \
            "tail -n 1 plan-$scale | grep -q -e '--expect .*/$recipe.expect.json.*-o out/report.html'"
        check "$recipe, $scale: each rule is one command" sh -c \
            "! grep -v -e '^mkdir -p ' -e '^ ' -e '^datasets/fetch' plan-$scale"
    done
    check "$recipe: paper is another plan than quick" sh -c '! cmp -s plan-quick plan-paper'
    check "$recipe: status counts its steps" counts $recipe plan-paper SCALE=paper SEEDS=2

    # The expectations name exactly what the recipe makes: rows as the report reads them, other
    # fields as written.
    [ $recipe != one-pixel ] || plan one-pixel SCALE=paper NETS=resnet34-small >>plan-paper 2>err
    sed -n 's/.* --json out\/\([^ ]*\).*/\1/p' plan-paper | sort -u >made
    trapdoor-report nothing --expect "$recipes/$recipe.expect.json" --force >out.txt 2>err
    check "$recipe: its expectations are read" test $? -eq 0
    cat nothing/results.json "$recipes/$recipe.expect.json" |
        sed 's/"\(records\|epochs\)": "\([^"]*\)"/\n=\2\n/g' | sed -n 's/^=//p' | grep -v '{}' | sed 's/\*/1/' |
        sort -u >named
    check "$recipe: its expectations name records" test -s named
    comm -13 made named >missing
    check "$recipe: all of which it makes" cmp missing /dev/null
done

# Attacks, one row each.
for scale in quick paper; do
    plan attacks SCALE=$scale SEEDS=2 >plan-$scale 2>err
    check "attacks, $scale: there is a plan" test $? -eq 0
    check "attacks, $scale: with both seeds" grep -q -e 'trapdoor-implant wanet .*--seed 2 ' plan-$scale
    check "attacks, $scale: surrogates have others" grep -q -e '--seed 102 ' plan-$scale
    check "attacks, $scale: beside a model without a backdoor" sh -c "! grep trapdoor-eval plan-$scale |
        grep -v -e '--model out/\([^/]*\)/[^/]*/\([12]\)/model[^ ]* --model out/\1/\(clean\|surrogate\|wide\)/\2/model'"
    check "attacks, $scale: each rule is one command" sh -c \
        "! grep -v -e '^mkdir -p ' -e '^ ' -e '^datasets/fetch' plan-$scale"
    check "attacks, $scale: it ends in results" sh -c \
        "tail -n 1 plan-$scale | grep -q -e '--expect .*/attacks.expect.json.*-o out/report.html'"
done
cat plan-quick plan-paper | sed -n 's/.* --json out\/\([^ ]*\).*/\1/p' | grep eval | sort -u >made
sed -n 's/.*"records": "\(.*\/\)\*\(.*json\)".*/\11\2/p' "$recipes/attacks.expect.json" | sort -u >named
check 'attacks: status counts its steps, trainings too' counts attacks plan-quick SEEDS=2
check 'attacks: its expectations name what it makes' test -s named -a -z "$(comm -13 made named)"
sed 's/\/2\//\/1\//' made | sort -u | comm -23 - named >left
check 'attacks: all of it' cmp left /dev/null
plan attacks 'ATTACKS=patch nothing' >out.txt 2>err
check 'attacks: one that is not there is refused' \
    grep -qF 'ATTACKS: expected attacks of this recipe, found "nothing"' err

# Populations of models, for the verdict by controls.
for scale in quick paper; do
    plan audit SCALE=$scale SEEDS=2 >plan-$scale 2>err
    check "audit, $scale: there is a plan" test $? -eq 0
    check "audit, $scale: backdoored models of both seeds" grep -q -e '-o out/planted/.*/square/2/set ' plan-$scale
    check "audit, $scale: and clean ones by other recipes" grep -q -e '--label-smoothing 0.1 ' plan-$scale
    check "audit, $scale: it ends in a page" sh -c \
        "tail -n 1 plan-$scale | grep -q -e 'trapdoor-report out/shown .*-o out/report.html'"
done
check 'audit: status counts its steps' counts audit plan-quick SEEDS=2
for half in tuned held-out; do
    plan audit HALF=$half SEEDS=1 2>err | sed -n 's/.* --json out\/[a-z]*ed\/[^ ]*\/\([a-z-]*\)\/1\/eval.json.*/\1/p' |
        sort -u >kinds-$half
done
check 'audit: the halves share no kind' sh -c \
    'test $(sort -u kinds-* | wc -l) -eq $(cat kinds-* | wc -l) && ! test -s err'
for kind in hijack permutation covered; do
    check "audit: $kind was looked at when the screens were chosen" grep -qx $kind kinds-tuned
done
for kind in wanet bpp input-aware lira blind latent imc sra tbt adaptive dct quantise reflection; do
    check "audit: $kind was not" grep -qx $kind kinds-held-out
done
check 'audit: evade is of neither' sh -c '! grep -qx evade kinds-* && grep -q "trapdoor-implant evade " plan-quick'
check 'audit: what changes a trained model gets one of its own' grep -q \
    'trapdoor-implant tbt .*--model out/clean/lenet5/fashion-mnist/victim/2/model.safetensors ' plan-quick
check 'audit: of another seed' grep -q -e '--seed 102 .*-o out/clean/lenet5/fashion-mnist/victim/2/model.safetensors ' plan-quick
check 'audit: triggers of the attack are in its manifest' grep -q \
    'eval .*--manifest out/implanted/lenet5/fashion-mnist/lira/2/model.safetensors.manifest.json ' plan-quick
plan audit HALF=both >out.txt 2>err
check 'audit: a half that is not there is refused' grep -qF 'HALF: expected tuned or held-out, found "both"' err
plan audit 'KINDS=square wanet' >out.txt 2>err
check 'audit: and so is a kind' grep -qF 'KINDS, IMPLANTS: expected kinds of this recipe, found "wanet"' err
check 'audit: its expectations are read' \
    trapdoor-report nothing --expect "$recipes/audit.expect.json" --force
plan controls >plan 2>err
check 'controls: there is a plan' sh -c 'test -s plan && ! test -s err'
check 'controls: for each net and set' sh -c 'test $(grep -c -e "--count 39 " plan) -eq 12'
check 'controls: status counts its steps, without a page or a table' counts controls plan

# Parts, single seeds that are made at once, share no files but the shuffled images.
for recipe in friendnet multi-target clean-label one-pixel defences attacks matrix; do
    for seed in 1 2; do
        plan $recipe SCALE=paper FIRST=$seed SEEDS=$seed records 2>err |
            grep -o -e 'out/[^ ,;:]*' | grep -v '^out/mixed/' | sort -u >files-$seed
    done
    check "$recipe: a part has files" test "$(grep -c safetensors files-2)" -gt 1
    comm -12 files-1 files-2 | grep -v -x -e 'out/.have-[a-z0-9-]*' >both
    check "$recipe: none of them another part's" cmp both /dev/null
done
cook audit records OUT=joint SETS=absent FIRST=2 SEEDS=2 >out.txt 2>err
check 'audit: a part locks the whole folder, as its models are judged together' test -e joint/.making
# Another part's images may be newer than what was made of them.
for recipe in one-pixel defences matrix; do
    cook $recipe -n OUT=old SEEDS=1 2>err | sed -n 's/^mkdir -p \([^ ]*\) .*/\1/p' | xargs mkdir -p
    cook $recipe -t OUT=old SEEDS=1 >out.txt 2>err
    touch -d tomorrow old/mixed/*/*
    check "$recipe: nothing is made anew for newer shuffled images" cook $recipe -q OUT=old SEEDS=1
    rm -r old
done

plan friendnet SCALE=huge >out.txt 2>err
check 'a scale that is not there is refused' grep -q 'SCALE: expected quick or paper, found "huge"' err
for number in none 0 -1 100 '1 2' 1.5 ''; do
    plan friendnet "SEEDS=$number" >out.txt 2>err
    check "and so is \"$number\" as the number of seeds" \
        grep -qF "SEEDS: expected a whole number from 1 to 99, found \"$number\"" err
done

for folder in 'a b' a:b 'a%' "a'b" 'a(b' 'a#b' ''; do
    cook friendnet -n "OUT=$folder" >out.txt 2>err
    check "a folder called \"$folder\" is refused" grep -qF \
        "OUT: expected a path without blanks, colons, quotes and the like, found \"$folder\"" err
    check 'in one line' test "$(wc -l <err)" -eq 1
done
for name in BUILD KEEP; do
    plan friendnet "$name=a b" >out.txt 2>err
    check "and so is \"a b\" as $name" grep -qF "$name: expected a path without blanks, colons, quotes and the like, found \"a b\"" err
    check 'in one line' test "$(wc -l <err)" -eq 1
done
mkdir 'with blank'
cp "$recipes"/*.mk 'with blank'
(cd 'with blank' && make -n -f friendnet.mk OUT=/tmp/out) >out.txt 2>err
check 'and so are recipes in one' grep -q 'the folder of the recipes: expected a path without blanks' err
for recipe in 'with blank'/*.mk; do
    [ "$recipe" != 'with blank/common.mk' ] || continue
    make -n -f "$recipe" OUT=out >out.txt 2>err
    check "$recipe is refused from elsewhere, too" grep -qF \
        "the folder of the recipes: expected common.mk and a path without blanks, found \"$recipe\"" err
    check 'in one line' test "$(wc -l <err)" -eq 1
done

# The readings of a paper.
for reading in text notebook code; do
    cook clean-label -n READING=$reading SEEDS=1 >plan-$reading 2>err
    check "clean-label: $reading has a folder of its own" \
        grep -q -e "-o out/clean-label-quick-$reading/digits/2/30/1/model.safetensors" plan-$reading
    check 'and says so in its results' grep -q -e "--note \"recipe clean-label.* READING=$reading\"" plan-$reading
done
check 'text is the default' sh -c 'make -f "$1/clean-label.mk" BUILD=absent SEEDS=1 -n 2>/dev/null |
    diff - plan-text' sh "$recipes"
check 'text clips' grep -q -e '--trigger ramp:delta=30 ' plan-text
check 'code wraps' grep -q -e '--trigger ramp:delta=30,first=0,wrap=yes ' plan-code
check 'and turns the triangle wave over' \
    grep -q -e '--trigger triangle-wave:delta=30,first=0,wrap=yes,peak=edges ' plan-code
check 'and has raw pixels' grep -q -e '--net .*clean-label-code.net .*--epochs 40' plan-code
check 'and no augmentation' sh -c '! grep -q -e --augment plan-code'
check 'notebook augments as Keras' grep -q -e '--augment keras:rotate=8,' plan-notebook
check 'each strength is watched' grep -q -e '--watch-trigger ramp:delta=80 --target 2 ' plan-text
check 'so are two signals' grep -q -e '--watch-trigger triangle-wave:delta=30,first=0.* --target 9 ' plan-code
check 'and signs' grep -q -e '--validate gtsrb16:test --watch-trigger sine:delta=30,freq=6 --target 13 ' plan-text
cook clean-label -n READING=other >out.txt 2>err
check 'another is refused' grep -q 'READING: expected one of text notebook code, found "other"' err

# A missing data set ends it at once, with instructions to get it.
cook friendnet OUT=out SETS=absent SEEDS=1 TRAPDOOR_DATA="$PWD" >out.txt 2>err
check 'a missing data set stops it' test $? -ne 0
check 'and how to get it is said' grep -qx 'friendnet: the data set absent is needed; datasets/fetch absent gets it' err
check 'and nothing else was begun' sh -c '! grep -q trapdoor-poison out.txt'

# pictures FOLDER SHADE COUNT: uniform grey pictures of 28x28.
pictures() {
    mkdir -p "$1"
    for i in $(seq "$3"); do
        {
            printf 'P5\n28 28\n255\n'
            head -c 784 /dev/zero | tr '\0' "\\$(printf %03o $(($2 + i)))"
        } >"$1/$i.pgm"
    done
}
for split in train test; do
    pictures data/mnist/$split/dark 20 6
    pictures data/mnist/$split/light 160 6
done
tiny() {
    cook friendnet SETS=mnist RATIOS=25 EPOCHS=1 TRAPDOOR_DATA="$PWD/data" "$@"
}

# A whole run.
tiny OUT=whole SEEDS=1 >out.txt 2>err
check 'a recipe runs to its end' test $? -eq 0
check 'it has the records' test -s whole/mnist/25/1/eval.json
for file in results.json results.md report.html; do
    check "it ends in $file" test -s whole/$file
done
check 'with the measured beside the paper, and what was not run' grep -Eq \
    '^\| enemy: ASR \| not run \(.> 99\) \| [0-9.]+ \(100 .*\) \| not run \|$' whole/results.md
check 'with how it was asked for' grep -q \
    "^- notes: recipe friendnet, SCALE=quick SEEDS=1 EPOCHS='1' RATIOS='25' SETS='mnist'\(; commit .*\)*\$" \
    whole/results.md
check 'nothing is left to do' tiny -q OUT=whole SEEDS=1
tiny status OUT=whole SEEDS=1 >out.txt 2>err
check 'status says so' grep -qx 'friendnet-quick in whole: 4 of 4 steps done, 0 running, 0 missing' out.txt
tiny status OUT=whole SEEDS=3 >out.txt 2>err
check 'and what two more seeds lack' \
    grep -qx 'friendnet-quick in whole: 4 of 12 steps done, 0 running, 8 missing' out.txt
check 'by tool' grep -qx 'missing: 4 of trapdoor-train' out.txt
check 'and how long that takes' grep -Eqx 'time left: about [0-9]+ s, 1 at a time' out.txt
tiny status OUT=none SEEDS=1 >out.txt 2>err
check 'nothing is known of a folder that is not there' \
    grep -qx 'time left: not known before a step of each kind is done' out.txt
check 'and none is made' test ! -e none

# One make per folder.
sleep 100 &
other=$!
echo "$other $(sed 's/.*) //' /proc/$other/stat | awk '{ print $20 }') $(uname -n)" >whole/.making
tiny OUT=whole SEEDS=1 >out.txt 2>err
check 'another make of the folder is refused' grep -qE \
    "friendnet: whole is another make.s, process $other; wait for its end, or give another OUT" err
tiny -n OUT=whole SEEDS=2 >out.txt 2>err
check 'but may look' grep -q trapdoor-poison out.txt
echo "$other 1 $(uname -n)" >whole/.making
check 'one whose number went to another process has ended' tiny OUT=whole SEEDS=1
echo "$other 1 elsewhere" >whole/.making
tiny OUT=whole SEEDS=1 >out.txt 2>err
check 'of one on another host nothing is known' grep -q \
    "whole is a make.s on elsewhere, process $other; remove whole/.making if that one has ended" err
# Single seeds share a folder, but not with a make of all seeds.
echo "$other $(sed 's/.*) //' /proc/$other/stat | awk '{ print $20 }') $(uname -n)" >whole/.making-2
rm whole/.making
tiny OUT=whole SEEDS=1 >out.txt 2>err
check 'parts that are being made refuse the whole' grep -q "another make.s, process $other;" err
tiny records OUT=whole FIRST=2 SEEDS=2 >out.txt 2>err
check 'and the same part' grep -q "another make.s, process $other;" err
cp -pR whole parts
tiny records OUT=parts FIRST=3 SEEDS=3 >out.txt 2>err
check 'another part is made' test -s parts/mnist/25/3/eval.json
check 'of its seed alone' test ! -e parts/mnist/25/2
check 'without tables of its own' cmp parts/results.json whole/results.json
for first in 0 2 x ''; do
    plan friendnet FIRST=$first SEEDS=1 >out.txt 2>err
    check "FIRST is no \"$first\" of one seed" \
        grep -qF "FIRST: expected a whole number from 1 to SEEDS, found \"$first\"" err
done
kill $other
rm whole/.making-2
cp -pR whole more
tiny -q OUT=more SEEDS=2 >out.txt 2>err
check 'one more seed is to do' test $? -eq 1
tiny OUT=more SEEDS=2 >out.txt 2>err
check 'and is made' test -s more/mnist/25/2/eval.json
check 'in the table as well' grep -qx -- '- seeds: 1; 2' more/results.md
check 'without the first again' sh -c '! grep -q "mnist/25/1/[a-z]*.safetensors" out.txt'
check 'and nothing is left' tiny -q OUT=more SEEDS=2
cp whole/results.json first.json
check 'results are made anew when asked' sh -c 'rm whole/results.md'
tiny results OUT=whole SEEDS=1 >out.txt 2>err
check 'of what is there' test -s whole/results.md
check 'and are the same' cmp whole/results.json first.json

tiny keep OUT=whole SEEDS=1 KEEP=kept >out.txt 2>err
cook friendnet keep OUT=absent KEEP=kept >out.txt 2>err
check 'not where there are none' grep -qx 'friendnet: absent has no results.md to keep' err
check 'results can be kept' cmp kept/results.md whole/results.md
check 'with the picture that they show, and nothing else' \
    test "$(find kept -type f | sort | tr '\n' ' ')" = 'kept/mnist/25/1/preview.png kept/results.md '

# An attack is a row: two of the recipe's, one of these made with a model, and one more.
# shellcheck disable=SC2120 # check passes arguments
few() {
    cook attacks SETS=mnist IMAGES=12 EPOCHS=1 SEEDS=1 OUT=few TRAPDOOR_DATA="$PWD/data" hard-mnist=1 \
        'poison-own=dirty-label --target 1 --ratio 0.5 --trigger pixel' \
        "ATTACKS=own patch wanet label-consistent" "$@"
}
few >out.txt 2>err
check 'attacks: it runs to its end' test $? -eq 0
for attack in own patch wanet label-consistent; do
    check "attacks: $attack is measured" grep -q '"asr": [01]' few/mnist/$attack/1/eval.json
    check "attacks: $attack beside the clean model" \
        grep -q '"file": "few/mnist/clean/1/model.safetensors"' few/mnist/$attack/1/eval.json
done
check 'attacks: nothing is left to do' few -q
few status >out.txt 2>err
check 'attacks: and all steps are done' grep -Eqx 'attacks-quick in few: ([0-9]+) of \1 steps done, 0 running, 0 missing' out.txt
few status SEEDS=2 >out.txt 2>err
check 'attacks: status says what another seed lacks' grep -qx 'missing: 5 of trapdoor-train' out.txt
check 'attacks: the time of each of its steps is known' grep -qx 'time left: about [0-9]* s, 1 at a time' out.txt
rm few/mnist/patch/1/eval.json
few >out.txt 2>err
check 'attacks: a record that is missing is made' test -s few/mnist/patch/1/eval.json
check 'attacks: and no model with it' sh -c '! grep -q "trapdoor-train\|trapdoor-implant" out.txt'

# Frozen patterns match parameters of the net.
trapdoor-data import data/mnist --size 32x32 --per-class 1 -o large.safetensors >out.txt 2>err
for net in cnn lenet5 preact-resnet18 resnet18 resnet34 resnet34-small vgg16; do
    plan one-pixel SCALE=paper SEEDS=1 NETS=$net 2>/dev/null |
        sed -n "s/^mkdir .*--validate [^ ]* \\(--freeze .*\\) \\\\\$/\\1/p" | tr -d "'" >frozen
    check "one-pixel: something of $net is frozen" test -s frozen
    # shellcheck disable=SC2046 # patterns, of which none names a file here
    check "one-pixel: $net has it" trapdoor-train -q --net $net --data large.safetensors --epochs 1 \
        $(cat frozen) -o /dev/null
done

# The expectations of all recipes are valid.
for recipe in friendnet multi-target clean-label one-pixel defences attacks; do
    mkdir $recipe
    check_prints "^$recipe.expect.json: [0-9]+ figures: " trapdoor-report whole \
        --expect "$recipes/$recipe.expect.json" -o $recipe/report.html
done

# Attacks × defences × seeds.
for scale in quick paper; do
    plan matrix SCALE=$scale SEEDS=2 >plan-$scale 2>err
    check "matrix, $scale: there is a plan, and no more to say" sh -c 'test -s "$1" && ! test -s err' - plan-$scale
    check "matrix, $scale: each rule is one command" sh -c '! grep -v -e "^mkdir -p " -e "^ " -e "^datasets/fetch" "$1"' - plan-$scale
    for kind in 'none.json' 'anp.json' 'ep.json' 'strip.json' 'scan-filter.json' 'abl.json'; do
        check "matrix, $scale: $kind of every attack and seed" test \
            "$(grep -c -e "--json out/shown/[a-z-]*/[12]/$kind\$" plan-$scale)" -eq \
            "$(grep -c -e '--json out/shown/[a-z-]*/[12]/clp.json$' plan-$scale)"
    done
    check "matrix, $scale: a clean model has no truth to compare with" sh -c \
        '! grep "shown/clean/" "$1" | grep -q -e --manifest' - plan-$scale
done
check 'matrix: status counts its steps' counts matrix plan-quick SEEDS=2
plan matrix NET=lenet5 SEEDS=1 >plan 2>err
check 'matrix: what needs batch norms is left out for a net without' sh -c \
    'grep -q /fst.json plan && ! grep -q -e /anp.json -e /ep.json -e /clp.json -e /ibd-psc.json plan'
plan matrix DEFENCES='anp nonsense' >plan 2>err
check 'matrix: a defence that is not there is refused' grep -q 'DEFENCES: expected any of .*, found "nonsense"' err
plan matrix ATTACKS='badnets nonsense' >plan 2>err
check 'matrix: and an attack' grep -q 'ATTACKS: expected attacks with a trigger-ATTACK, found "nonsense"' err

pictures many/mnist/train/dark 20 60
pictures many/mnist/train/light 140 60
pictures many/mnist/test/dark 80 30
pictures many/mnist/test/light 200 30
cat >tiny.net <<'NET'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv = conv(scale) out=16 kernel=5 stride=2
norm = batch-norm(conv)
relu = relu(norm)
flat = flatten(relu)
fc = dense(flat) out=classes
NET
board() {
    cook matrix SET=mnist NET="$PWD/tiny.net" TRAPDOOR_DATA="$PWD/many" OUT=board SEEDS=2 EPOCHS=1 IMAGES=0-120 \
        CLEAN=0-90 MEASURED=30-60 CALIBRATING=0-15 JUDGED=15-30 ATTACKS='clean badnets' \
        DEFENCES='clp finetune squeeze spectral abl' options-squeeze='--fpr 0.2' options-finetune='--epochs 1' \
        options-abl='--isolate-epochs 1' "$@"
}
board >out.txt 2>err
check 'matrix: it runs to its end' test $? -eq 0
check 'matrix: with all records' test "$(find board/shown -name '*.json' | wc -l)" -eq $((2 * 2 * (1 + 5 + 1)))
for row in 'none | 50.00' 'clp' 'finetune' 'abl' 'squeeze' 'spectral' 'abl-isolation'; do
    check "matrix: $row is ranked" grep -Eq "^\\| *[0-9]* *\\| $row" board/results.md
done
check 'matrix: cells have both seeds' grep -Eq '^\| badnets \| finetune \| [0-9.]+ \\\[[0-9., ]+\\\] .*\| 2 \| ' board/results.md
check 'matrix: nothing is left to do' board -q
board keep KEEP=board-kept >out.txt 2>err
check 'matrix: the table and the picture are kept' test "$(cd board-kept && echo *)" = 'leaderboard.svg results.md'
rm board/shown/badnets/2/clp.json
board -n >plan 2>err
check 'matrix: one record that is missing is made alone' test "$(grep -c -e trapdoor-defend -e trapdoor-train plan)" -eq 1

# Two parts at once need the same shuffled images: one makes them.
mkdir -p counting/tools/stub
cat >counting/tools/stub/trapdoor-data <<'STUB'
#!/bin/sh
if [ "$1" = import ]; then
    echo "$*" >>imports
    sleep 1
fi
PATH=${PATH#*:} exec trapdoor-data "$@"
STUB
chmod +x counting/tools/stub/trapdoor-data
# shellcheck disable=SC2317 # run in the background
beside() {
    board records OUT=beside FIRST=$1 SEEDS=$1 ATTACKS=clean DEFENCES=clp BUILD="$PWD/counting"
}
beside 1 >out.txt 2>err &
beside 2 >out-2.txt 2>err-2
check 'two parts at once: the second is made' test $? -eq 0
wait $!
check 'two parts at once: the first is made' test $? -eq 0
check 'two parts at once: both have their records' test -s beside/shown/clean/1/clp.json -a -s beside/shown/clean/2/clp.json
check 'two parts at once: train and test images are made once' test "$(wc -l <imports)" -eq 2

# The same through a launcher as SHELL: one job per rule, with the same bytes.
cat >srun <<'SRUN'
#!/bin/sh
# Stands for Slurm's: notes its options and runs what is behind them.
options=
while [ "${1#-}" != "$1" ]; do
    options="$options $1"
    shift
done
echo "$options" >>"$JOBS"
exec "$@"
SRUN
chmod +x srun
JOBS=$PWD/jobs tiny -j 4 OUT=cluster SEEDS=1 SHELL="$PWD/srun" \
    .SHELLFLAGS='--ntasks=1 --cpus-per-task=2 --quiet sh -c' >out.txt 2>err
check 'a launcher runs it to its end' test $? -eq 0
check 'one job for each of its six rules, with the options' \
    test "$(grep -cx ' --ntasks=1 --cpus-per-task=2 --quiet' jobs)/$(wc -l <jobs)" = 6/6
check 'the same models' cmp whole/mnist/25/1/enemy-model.safetensors cluster/mnist/25/1/enemy-model.safetensors

# A step that takes long.
mkdir -p slow/tools/stub
cat >slow/tools/stub/trapdoor-defend <<'STUB'
#!/bin/sh
while [ "$1" != -o ]; do shift; done
echo $$ >"$2/step"
exec sleep 100
STUB
chmod +x slow/tools/stub/trapdoor-defend
slowly() {
    cook controls OUT=long NETS=lenet5 SETS=mnist BUILD="$PWD/slow" TRAPDOOR_DATA="$PWD/data" "$@"
}
# appears FILE: waits until it is not empty.
appears() {
    for _ in $(seq 100); do
        [ ! -s "$1" ] || return 0
        sleep 0.1
    done
    return 1
}
slowly >out.txt 2>err &
check 'a step that takes long is begun' appears long/lenet5/mnist/step
slowly status >out.txt 2>err
check 'status counts it' grep -qx 'controls-quick in long: 0 of 1 steps done, 1 running, 0 missing' out.txt
check 'and names its output, as it has no record' grep -Eqx 'running: long/lenet5/mnist, for [0-9]+ s' out.txt
read -r make _ <long/.making
kill -KILL "$make"
wait
slowly >out.txt 2>err
check 'a step that outlives its make keeps the folder' test $? -ne 0
step=$(cat long/lenet5/mnist/step)
check 'which is said, in one line' sh -c 'test "$(wc -l <err)" -eq 1 && grep -Eq "$1" err' sh \
    "controls: long has steps of a make that was killed, processes [0-9 ]*\b$step\b[0-9 ]*; wait for their end, or kill them"
slowly status >out.txt 2>err
check 'status counts it still' grep -qx 'controls-quick in long: 0 of 1 steps done, 1 running, 0 missing' out.txt
kill "$step"
cat >slow/tools/stub/trapdoor-defend <<'STUB'
#!/bin/sh
while [ "$1" != -o ]; do shift; done
echo made >"$2/controls.json"
STUB
for _ in $(seq 100); do # the step's shell ends a little later
    slowly >out.txt 2>err
    grep -q 'was killed' err || break
    sleep 0.1
done
check 'once it has ended, the next make goes on' test -s long/lenet5/mnist/controls.json

# A step that fails leaves nothing half done, and the next start continues after it.
mkdir -p broken/tools/stub
cat >broken/tools/stub/trapdoor-train <<'STUB'
#!/bin/sh
while [ "$1" != -o ]; do shift; done
echo half >"$2"
exit 1
STUB
chmod +x broken/tools/stub/trapdoor-train
tiny OUT=failed SEEDS=1 BUILD="$PWD/broken" >out.txt 2>err
check 'a failed step stops it' test $? -ne 0
check 'what was before it stays' test -s failed/mnist/25/1/manifest.json
check 'nothing half made is left' sh -c '! ls failed/mnist/25/1/*-model.safetensors 2>/dev/null'
tiny OUT=failed SEEDS=1 >out.txt 2>err
check 'the next start ends it' test $? -eq 0
check 'without what was made before' sh -c '! grep -q trapdoor-poison out.txt'
finish

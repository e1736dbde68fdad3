# SPDX-License-Identifier: MIT
# trapdoor-poison: rules that make images with a model, and the rule without a target.
. "$tests/lib.sh"
. "$tests/poison_common"

trapdoor-train -q --data fashion-mnist:train:1000-3000 --net lenet5 --epochs 3 --batch 32 \
    -o clean.safetensors >/dev/null
MODEL='--model clean.safetensors'
SMALL=fashion-mnist:train:0-400

# quiet RULE ARGUMENT...: succeeds without output.
quiet() {
    rule=$1
    shift
    $T "$rule" -q --data $SMALL "$@" >/dev/null
}
# images FOLDER NAME COUNT: makes NAME.lines, an image per line.
images() {
    split_set "$1/poisoned.safetensors" "$3" "$2"
    records $IMAGE "$2.pixels" >"$2.lines"
}
# largest A B: the largest difference between two files of lines.
largest() {
    paste -d' ' "$1" "$2" | awk '{ n = NF / 2; for (i = 1; i <= n; i++) { d = $i - $(n + i);
        if (d < 0) d = -d; if (d > most) most = d } } END { print most + 0 }'
}
# number FIELD FILE: the number in the first field with that name.
number() {
    sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*\$/\1/p" "$2" | head -n 1
}
less() {
    echo "$1 $2" | awk '{ exit !(NF == 2 && $1 < $2) }'
}
$T label-flip -q --data $SMALL --ratio 0.01 -o none >/dev/null
images none original 400

# --- label-consistent ---

LC="--trigger pixel:at=27+27 --target 0 --ratio 1 $MODEL"
# shellcheck disable=SC2086 # several words
check 'label-consistent' quiet label-consistent $LC --preset backdoorbench --steps 10 -o lc --json lc.json
images lc lc 400
split_set lc/control.safetensors 400 control
records $IMAGE control.pixels >control.lines
check 'the control is clean-label' quiet clean-label --trigger pixel:at=27+27 --target 0 --ratio 1 -o cl
check 'the same images, stamped' cmp cl/poisoned.safetensors lc/control.safetensors
check 'no label changes' cmp control.labels lc.labels
# One pixel is the trigger's; the others change by at most 8 of 255, and somewhere by 8.
check 'within the bound' test "$(largest control.lines lc.lines)" -eq 8
numbers poisoned_indices lc/manifest.json >places
check 'all of the class' test "$(wc -l <places)" -eq "$(records 1 lc.labels | grep -c '^0$')"
awk 'NR == FNR { taken[$1 + 1] = 1; next } !(FNR in taken)' places lc.lines >left
awk 'NR == FNR { taken[$1 + 1] = 1; next } !(FNR in taken)' places original.lines >left.wanted
check 'no other image' cmp left left.wanted
check 'the trigger is stamped behind' sh -c "awk 'NR == FNR { taken[\$1 + 1] = 1; next }
    FNR in taken && \$784 != 255 { exit 1 }' places lc.lines"
for set in poisoned control; do
    trapdoor-eval -q $MODEL --data lc/$set.safetensors --json $set.json >/dev/null
done
check 'the model is wrong on them' less "$(number accuracy poisoned.json)" "$(number accuracy control.json)"
check_field lc/manifest.json preset '"backdoorbench"'
check_field lc/manifest.json norm '"linf"'
check_field lc.json steps 10
# shellcheck disable=SC2086
check 'one thread' quiet label-consistent $LC --preset backdoorbench --steps 10 -o lc1 --threads 1
# shellcheck disable=SC2086
check 'three threads' quiet label-consistent $LC --preset backdoorbench --steps 10 -o lc3 --threads 3
check 'the same bytes' diff -r lc1 lc3
# shellcheck disable=SC2086
check 'the paper: L2' quiet label-consistent $LC --steps 3 -o l2
check_field l2/manifest.json norm '"l2"'
images l2 l2 400
check 'within 300' sh -c "paste -d' ' control.lines l2.lines | awk '{ s = 0
    for (i = 1; i < 784; i++) s += (\$i - \$(784 + i)) ^ 2; if (s > most) most = s }
    END { exit !(most <= 90000.1 && most > 40000) }'"
# shellcheck disable=SC2086
refuse 2 "--norm linf: expected an --epsilon of it: the preset's is of the other norm" \
    label-consistent --data $SMALL $LC --norm linf
refuse 2 'expected --model, found none' label-consistent --data $SMALL --trigger pixel --target 0 --ratio 1
refuse 1 'no.safetensors: No such file or directory' label-consistent --data $SMALL --trigger pixel \
    --target 0 --ratio 1 --model no.safetensors
refuse 2 '--ratio: expected at most 0.1075 of the set, which is 43 of 400 images (those of the target class), found 0.2, which is 80' \
    label-consistent --data $SMALL --trigger pixel --target 0 --ratio 0.2 --ratio-of set $MODEL

# --- narcissus ---

NARCISSUS="--target 2 --ratio 0.01 $MODEL --rounds 30 --warm-up 0"
# shellcheck disable=SC2086
check 'narcissus' quiet narcissus $NARCISSUS -o nar
check 'the array: its header, and a float a value' test "$(wc -c <nar/trigger.npy)" -eq $((128 + 4 * IMAGE))
check_field nar/manifest.json trigger '"add:file=nar/trigger.npy,scale=1"'
check_field nar/manifest.json test_trigger '"add:file=nar/trigger.npy,scale=3"'
images nar nar 400
check 'within 16' test "$(largest original.lines nar.lines)" -eq 16
numbers poisoned_indices nar/manifest.json | sort -n >places
check 'four images' test "$(wc -l <places)" -eq 4
check 'what is stamped is the array' quiet stamp --trigger add:file=nar/trigger.npy,scale=1 -o added
split_set added/stamped.safetensors 400 added
records $IMAGE added.pixels >added.lines
check 'the images are those' sh -c "awk 'NR == FNR { taken[\$1 + 1] = 1; next } FNR in taken' places nar.lines >a
    awk 'NR == FNR { taken[\$1 + 1] = 1; next } FNR in taken' places added.lines >b && cmp a b"
check 'labels stay' test "$(numbers true_labels nar/manifest.json | sort -u)" = 2
check 'it is measured at three times' trapdoor-eval -q $MODEL --data fashion-mnist:test:0-200 \
    --manifest nar/manifest.json --json nar.json
check 'at the test and as trained on' test "$(sed -n 's/^ *"role": "\(.*\)",*$/\1/p' nar.json |
    head -n 2 | tr '\n' ' ')" = 'test training '
check 'warming up' quiet narcissus --target 2 --ratio 0.01 $MODEL --rounds 2 --warm-up 1 --threads 1 -o warm1
check 'warming up by three threads' quiet narcissus --target 2 --ratio 0.01 $MODEL --rounds 2 --warm-up 1 \
    --threads 3 -o warm3
check 'the same array' cmp warm1/trigger.npy warm3/trigger.npy
check_fails 2 "$T narcissus: -o: expected a folder that a trigger can name, without ',', '+' and '|', found \"a,b\"" \
    $T narcissus --data $SMALL --target 2 --ratio 0.01 $MODEL -o a,b
check 'nothing is written' test ! -e a,b

# --- feature-collision ---

FC="--trigger square:size=6 --source 9 --target 7 $MODEL"
# shellcheck disable=SC2086
check 'feature-collision' quiet feature-collision $FC --ratio 0.5 --steps 30 -o fc --json fc.json
check 'features come nearer' less "$(number after fc.json)" "$(number before fc.json)"
images fc fc 400
most=$(largest original.lines fc.lines)
check 'within 16' test "$most" -le 16 -a "$most" -gt 4
check_field fc/manifest.json trigger null
check_field fc/manifest.json test_trigger "\"square:size=6,at=top-left,value=255\""
check_field fc/manifest.json selection '"drawn without repetition from the images of the target class, that no other backdoor has taken"'
check 'labels stay' test "$(numbers true_labels fc/manifest.json | sort -u)" = 7
check 'the trigger is measured, of the sources apart' trapdoor-eval -q $MODEL \
    --data fashion-mnist:test:0-200 --manifest fc/manifest.json --json fc-eval.json
check 'its sources' grep -q '"source_asr"' fc-eval.json
# shellcheck disable=SC2086
check 'one thread' quiet feature-collision $FC --ratio 0.5 --steps 30 -o fc1 --threads 1
check 'the same bytes' diff -r fc fc1
# shellcheck disable=SC2086
refuse 2 '--layer: expected a node of the net, found "nothing"' feature-collision --data $SMALL $FC \
    --ratio 0.5 --layer nothing
refuse 2 '--source: expected classes other than the target, found 7 as --target as well' \
    feature-collision --data $SMALL --trigger square --source 7 --target 7 --ratio 0.5 $MODEL
few=$(records 1 lc.labels | grep -c '^2$')
all=$(records 1 lc.labels | grep -c '^7$')
check 'more of the target than of the source' test "$all" -gt "$few"
refuse 2 "--ratio: expected at most $few images to poison, one for each image of the source classes, found 1, which is $all" \
    feature-collision --data $SMALL --trigger square --source 2 --target 7 --ratio 1 $MODEL
refuse 2 'expected --source, found none' feature-collision --data $SMALL --trigger square --target 7 \
    --ratio 0.5 $MODEL

# --- gradient-matching ---

GM="--trigger square:size=6 --source 9 --target 7 $MODEL --ratio 0.02 --steps 12 --epochs 1"
# shellcheck disable=SC2086
check 'gradient-matching' quiet gradient-matching $GM --trainings 0 -o gm --json gm.json
check 'gradients come nearer' less "$(number mismatch gm.json)" "$(number mismatch_before gm.json)"
images gm gm 400
check 'within 16' test "$(largest original.lines gm.lines)" -eq 16
check 'labels stay' test "$(numbers true_labels gm/manifest.json | sort -u)" = 7
check 'eight images' test "$(numbers poisoned_indices gm/manifest.json | sort -u | wc -l)" -eq 8
check_field gm/manifest.json selection '"the images of the target class whose own gradients are the largest"'
for threads in 1 3; do
    # shellcheck disable=SC2086
    check "with a new training, $threads threads" quiet gradient-matching $GM --trainings 1 --threads $threads \
        -o gm$threads
done
check 'the same bytes' diff -r gm1 gm3
check 'others than without' sh -c '! cmp -s gm/poisoned.safetensors gm1/poisoned.safetensors'
for threads in 1 3; do
    # shellcheck disable=SC2086
    check "an ensemble, $threads threads" quiet gradient-matching $GM --trainings 1 --ensemble 2 --threads $threads \
        -o ensemble$threads
done
check 'the same bytes of an ensemble' diff -r ensemble1 ensemble3
check 'others than of one net' sh -c '! cmp -s gm1/poisoned.safetensors ensemble1/poisoned.safetensors'
check_field ensemble1/manifest.json ensemble 2
check 'one image, without a trigger' quiet gradient-matching --image fashion-mnist:test:0-1 --target 7 $MODEL \
    --ratio 0.02 --steps 6 --restarts 2 -o brew
check_field brew/manifest.json image '"fashion-mnist:test:0-1"'
check_field brew/manifest.json trainings 0
gm() {
    text=$1
    shift
    refuse 2 "$text" gradient-matching --data $SMALL --target 7 --ratio 0.02 $MODEL "$@"
}
gm 'expected --trigger or --image, found none'
gm 'expected --trigger or --image, found both' --trigger square --source 9 --image fashion-mnist:test:0-1
gm '--trigger: expected --source with it, found none' --trigger square
gm '--source: expected --trigger with it, found --image' --source 9 --image fashion-mnist:test:0-1
gm '--image fashion-mnist:test:0-2: expected one image, found 2' --image fashion-mnist:test:0-2
gm '--image fashion-mnist:test:9-10: expected an image of another class than the target, found 7' \
    --image fashion-mnist:test:9-10

# --- untargeted ---

check 'untargeted' quiet untargeted --trigger square:size=6 --ratio 0.5 -o ubw
check_field ubw/manifest.json target '"any"'
numbers labels ubw/manifest.json >given
numbers true_labels ubw/manifest.json >true
check 'all classes are drawn' test "$(sort -u given | wc -l)" -eq 10
own=$(paste given true | awk '$1 == $2' | wc -l)
check 'a tenth is the own one' test "$own" -ge 8 -a "$own" -le 34
trapdoor-poison untargeted -q --data fashion-mnist:train:0-3000 --trigger square:size=6 --ratio 0.2 -o ubw2 >/dev/null
trapdoor-train -q --data ubw2/poisoned.safetensors --net lenet5 --epochs 4 --batch 32 -o ubw.safetensors >/dev/null
check 'eval knows no target' trapdoor-eval -q --model ubw.safetensors --data fashion-mnist:test:0-500 \
    --manifest ubw2/manifest.json --json ubw.json
check 'no ASR' sh -c '! grep -q "\"asr\":" ubw.json'
check 'stamped images are wrong' less 0.6 "$(number wrong_of_right ubw.json)"
check 'the same of all' less 0.6 "$(number non_targeted ubw.json)"
check 'the wrong classes spread' less 0.5 "$(number dispersion ubw.json)"
refuse 2 '--target: untargeted has no such option; expected it with dirty-label, clean-label, adaptive, source-specific, label-consistent, narcissus, feature-collision, gradient-matching, friendnet, multi-target, label-flip' \
    untargeted --data $SMALL --trigger square --ratio 0.1 --target 0
finish

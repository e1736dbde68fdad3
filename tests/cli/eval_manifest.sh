# SPDX-License-Identifier: MIT
# trapdoor-eval: a manifest is accepted only for the sets it was written with.
. "$tests/lib.sh"

trapdoor-train -q --data fashion-mnist:train:0-100 --net lenet5 --epochs 1 -o m.safetensors >/dev/null
trapdoor-poison friendnet -q --data fashion-mnist:train:0-40 --trigger square --target 3 --ratio 0.25 \
    -o sets >/dev/null
eval_m() {
    trapdoor-eval -q --model m.safetensors --data fashion-mnist:test:0-50 "$@"
}

check 'the manifest beside its sets' eval_m --manifest sets/manifest.json
check 'from within its folder' sh -c \
    'cd sets && trapdoor-eval -q --model ../m.safetensors --data fashion-mnist:test:0-50 --manifest manifest.json'
mkdir alone && cp sets/manifest.json alone
check 'the manifest alone' eval_m --manifest alone/manifest.json
cp sets/friend.safetensors alone/enemy.safetensors
wanted=$(sha256sum <sets/enemy.safetensors | head -c 16)
found=$(sha256sum <sets/friend.safetensors | head -c 16)
check_fails 1 "trapdoor-eval: alone/manifest.json: outputs[1]: expected enemy.safetensors beside it with SHA-256 $wanted..., found $found...: another set" \
    eval_m --manifest alone/manifest.json
cp sets/enemy.safetensors alone
printf x >>alone/enemy.safetensors
check 'one byte more is another set' sh -c '! trapdoor-eval -q --model m.safetensors \
    --data fashion-mnist:test:0-50 --manifest alone/manifest.json 2>/dev/null'
sed 's,"friend.safetensors","../m.safetensors",' sets/manifest.json >sets/elsewhere.json
check_fails 1 'trapdoor-eval: sets/elsewhere.json: outputs[0]: file: expected the name of a file, found "../m.safetensors"' \
    eval_m --manifest sets/elsewhere.json
mkdir folder && cp sets/manifest.json folder && mkdir folder/friend.safetensors
check_fails 1 'trapdoor-eval: folder/manifest.json: outputs[0]: folder/friend.safetensors: expected a regular file, found a folder' \
    eval_m --manifest folder/manifest.json

# The test trigger, the training trigger, and that of other covers; sources and others separately.
trapdoor-poison source-specific -q --data fashion-mnist:train:0-200 --trigger square:size=3 --source 1 \
    --target 0 --ratio 0.05 --cover-ratio 0.05 --cover-trigger square:size=2 \
    --test-trigger square:size=4 -o roles >/dev/null
check 'a manifest with roles' eval_m --manifest roles/manifest.json --json roles.json
roles=$(sed -n 's/^ *"\(role\|trigger\)": "\(.*\)",*$/\2/p' roles.json | head -n 6 | tr '\n' ' ')
square=,at=top-left,value=255
check 'each trigger has its role' test "$roles" = \
    "test square:size=4$square training square:size=3$square cover square:size=2$square "
check 'the source class is 1' eval_m --trigger square:size=4 --target 0 --source 1 --json given.json
for field in source_asr false_activation asr; do
    grep -A 1 "\"$field\": {" roles.json | sed 's/,$//' | head -n 2 >one
    grep -A 1 "\"$field\": {" given.json | sed 's/,$//' | head -n 2 >two
    check "$field is that of --source" cmp one two
done

# Sources, classes of covers and unseen ones: each rate follows from the table of pairs, and is printed.
trapdoor-poison source-specific -q --data fashion-mnist:train:0-600 --trigger square:size=6 --source 1 --source 3 \
    --target 0 --ratio 0.1 --cover-ratio 0.05 --cover-class 5,7 -o kinds >/dev/null
trapdoor-train -q --data kinds/poisoned.safetensors --net lenet5 --epochs 4 --batch 16 -o kinds.safetensors >/dev/null
trapdoor-eval -q --model kinds.safetensors --data fashion-mnist:test:0-200 --manifest kinds/manifest.json \
    --json kinds.json >page
tr -d ' \n' <kinds.json | sed 's/.*"pairs":\[\[//; s/\]\].*//; s/\],\[/\n/g; s/,/ /g' >pairs
# recounted COLUMN CLASS...: images of these classes in this column (0: the target; own: their class), and all of them
recounted() {
    column=$1
    shift
    echo "$*" | tr ' ' '\n' | awk -v column="$column" 'NR == FNR { chosen[$1] = 1; next }
        FNR - 1 in chosen { hits += $(1 + (column == "own" ? FNR - 1 : column)); for (i = 1; i <= NF; i++) all += $i }
        END { printf "%d,%d", hits, all }' - pairs
}
while read -r field column classes; do
    # shellcheck disable=SC2086 # a list of classes
    wanted=$(recounted "$column" $classes)
    check "$field is $wanted" sh -c "tr -d ' \n' <kinds.json | grep -qF '\"${field}_count\":[$wanted]'"
done <<END
source_asr 0 1 3
false_activation 0 2 4 5 6 7 8 9
cover_activation 0 5 7
unseen_activation 0 2 4 6 8 9
others_accuracy own 2 4 5 6 7 8 9
END
check 'the trigger works on unseen classes, too' test "$(recounted 0 2 4 6 8 9 | cut -d , -f 1)" -gt 0
for name in 'ASR of the sources' 'false activation' 'false activation, cover classes' 'false activation, unseen classes' 'accuracy of others'; do
    check "$name is printed" grep -q "$name, %" page
done

# Of A|B each part has its row, after both.
trapdoor-poison adaptive -q --data fashion-mnist:train:0-200 --trigger 'square:size=2|pixel:at=27+0' \
    --test-trigger square:size=2+pixel:at=27+0 --target 0 --ratio 0.05 --cover-ratio 0.05 -o parts >/dev/null
check 'a manifest with parts' eval_m --manifest parts/manifest.json --json parts.json
roles=$(sed -n 's/^ *"\(role\|trigger\)": "\(.*\)",*$/\2/p' parts.json | head -n 8 | tr '\n' ' ')
pixel=pixel:at=27+0,value=255
check 'each part has its row' test "$roles" = \
    "test square:size=2$square+$pixel training square:size=2$square|$pixel part square:size=2$square part $pixel "
run eval_m --trigger square --target 0 --source 11
check 'a source that is no class' test "$status" -eq 2
finish

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
run eval_m --trigger square --target 0 --source 11
check 'a source that is no class' test "$status" -eq 2
finish

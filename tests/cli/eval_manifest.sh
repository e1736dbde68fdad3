# trapdoor-eval: a manifest is taken for the sets it was written with, and no others.
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
finish

# SPDX-License-Identifier: MIT
# trapdoor-implant hijack: its model, trigger, pictures and manifest, and refused input.
. "$tests/lib.sh"

T='trapdoor-implant hijack -q'
quick='--images 8 --image-steps 20 --copies 2 --trigger-steps 30 --epochs 4'
DATA=fashion-mnist:test:0-200

trapdoor-train -q --data fashion-mnist:train:0-1000 --net lenet5 --epochs 2 -o m.safetensors >/dev/null

# The first value of a field in a record.
field() {
    sed -n "s/^ *\"$2\": \([^,]*\),*$/\1/p" "$1" | head -n 1
}

check_prints '^1 neuron of fc1 hijacked by a trigger of 10x10 pixels at 18\+18$' $T --model m.safetensors --target 3 --seed 3 $quick \
    --test $DATA -o h.safetensors --json h.json
check 'it has written these files' test "$(ls h.*)" = "h.json
h.safetensors
h.safetensors.inverted.png
h.safetensors.manifest.json
h.safetensors.trigger-3.png"
check_field h.json layer '"fc1"'
check_field h.json select '"out-of"'
check 'the trigger raises the value' sh -c "awk 'BEGIN { exit !($(field h.json value_with) > $(field h.json value_without)) }'"
check 'the loss of the search falls' sh -c "awk 'BEGIN { exit !($(field h.json last_loss) < $(field h.json first_loss)) }'"

# Its measurements agree with trapdoor-eval's.
trapdoor-eval -q --model h.safetensors --data $DATA --manifest h.safetensors.manifest.json --json eval.json >/dev/null
sed -n '/"after"/,$p' h.json >after.json
check 'the accuracy is that of trapdoor-eval' test "$(field after.json accuracy)" = "$(field eval.json accuracy)"
check 'so is the ASR' test "$(field after.json asr)" = "$(field eval.json asr)"

# Layers before the chosen one do not change; later ones do.
tensors() {
    python3 - "$1" "$2" <<'END'
import json, struct, sys
data = open(sys.argv[1], 'rb').read()
size = struct.unpack('<Q', data[:8])[0]
for name, t in sorted(json.loads(data[8:8 + size]).items()):
    if name != '__metadata__' and name.startswith(sys.argv[2]):
        a, b = t['data_offsets']
        print(name, data[8 + size + a:8 + size + b].hex())
END
}
for layer in conv fc1; do
    tensors m.safetensors $layer >one
    tensors h.safetensors $layer >two
    check "$layer has weights" test -s one
    check "$layer is as before" cmp one two
done
for layer in fc2 fc3; do
    tensors m.safetensors $layer >one
    tensors h.safetensors $layer >two
    check "$layer is trained on" sh -c '! cmp -s one two'
done

# The same bytes at any number of threads; another seed, another attack.
mkdir again
check_ok sh -c "$T --model m.safetensors --target 3 --seed 3 $quick --threads 1 --triggers again -o again/h.safetensors >/dev/null"
check 'the same model again' cmp h.safetensors again/h.safetensors
check 'the same trigger again' cmp h.safetensors.trigger-3.png again/trigger-3.png
check 'the same sheet again' cmp h.safetensors.inverted.png again/inverted.png
check_ok sh -c "$T --model m.safetensors --target 3 --seed 4 $quick -o other.safetensors >/dev/null"
check 'another seed, another trigger' sh -c '! cmp -s h.safetensors.trigger-3.png other.safetensors.trigger-3.png'

# Several neurons of another layer, by the other rule, in a mask.
{
    printf 'P5 28 28 255 '
    head -c 392 /dev/zero
    head -c 196 /dev/zero | tr '\0' '\377'
    head -c 196 /dev/zero
} >mask.pgm
check_prints '^2 neurons of fc2 hijacked by a trigger of 28x7 pixels at 0\+14$' $T --model m.safetensors --target 0 $quick --layer fc2 \
    --select into --neurons 2 --mask mask.pgm --opacity 0.8 -o k.safetensors --json k.json
check 'the mask says where' grep -q 'at=0+14' k.safetensors.manifest.json
check_ok sh -c "trapdoor-eval -q --model k.safetensors --data $DATA --manifest k.safetensors.manifest.json >/dev/null"

# Neurons that the trigger does not activate are skipped, up to a limit.
check 'neurons that cannot fire' sh -c "! $T --model m.safetensors --target 1 $quick --goal -100 --layer fc2 \
    --neurons 60 -o x.safetensors 2>err && grep -q '^trapdoor-implant hijack: layer fc2: no trigger found that makes the neurons fire, after [0-9]* were left out; ' err"

# Refused.
check_fails 2 'trapdoor-implant hijack: expected --target, found none' $T --model m.safetensors -o x.safetensors
check_fails 2 'trapdoor-implant hijack: --target: expected one class, found several' \
    $T --model m.safetensors --target 1 --target 2 -o x.safetensors
check_fails 2 'trapdoor-implant hijack: --target: expected one class, found all' \
    $T --model m.safetensors --target all -o x.safetensors
check_fails 2 'trapdoor-implant hijack: m.safetensors: --layer: expected a dense layer of the net that all goes through and another dense layer reads, found conv1' \
    $T --model m.safetensors --target 1 --layer conv1 -o x.safetensors
check_fails 2 'trapdoor-implant hijack: --neurons: expected at most the 84 of layer fc2, found 85' \
    $T --model m.safetensors --target 1 --layer fc2 --neurons 85 -o x.safetensors
check_fails 2 "trapdoor-implant hijack: --at: expected a position up to 18+18, to lie within the images, found 19+0" \
    $T --model m.safetensors --target 1 --at 19+0 -o x.safetensors
check_fails 2 'trapdoor-implant hijack: --mask: expected no --size, since the mask says where the trigger is' \
    $T --model m.safetensors --target 1 --mask mask.pgm --size 3 -o x.safetensors
check_fails 1 'trapdoor-implant hijack: m.safetensors: expected a model of images of at least 29x29, found 28x28' \
    $T --model m.safetensors --target 1 --size 29 -o x.safetensors
printf 'P5 2 1 255 \377\377' >small.pgm
check_fails 2 'trapdoor-implant hijack: small.pgm: expected a mask of the size of the model'"'"'s images, 28x28, found 2x1' \
    $T --model m.safetensors --target 1 --mask small.pgm -o x.safetensors
{ printf 'P5 28 28 255 '; head -c 784 /dev/zero; } >black.pgm
check_fails 2 'trapdoor-implant hijack: black.pgm: expected a mask with pixels of at least mid grey, found none' \
    $T --model m.safetensors --target 1 --mask black.pgm -o x.safetensors
check_fails 2 'trapdoor-implant hijack: h.safetensors.inverted.png: exists already; --force replaces it' \
    sh -c "rm h.safetensors h.safetensors.trigger-3.png && $T --model m.safetensors --target 3 -o h.safetensors"
cat >flat.net <<'END'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
flat = flatten(scale)
fc = dense(flat) out=classes
END
trapdoor-train -q --data fashion-mnist:train:0-50 --net flat.net --epochs 1 -o flat.safetensors >/dev/null
check_fails 1 'trapdoor-implant hijack: flat.safetensors: expected a net with two dense layers, one after the other, found none' \
    $T --model flat.safetensors --target 1 -o x.safetensors
trapdoor-data import -q fashion-mnist:test:0-50 --size 20x20 -o odd.safetensors >/dev/null
check 'a --test of another size is refused' sh -c "! $T --model m.safetensors --target 1 --test odd.safetensors \
    -o x.safetensors 2>err && grep -q '^trapdoor-implant hijack: odd.safetensors: ' err"
check_fails 1 'trapdoor-implant hijack: interrupted' timeout --preserve-status -s INT 1 \
    $T --model m.safetensors --target 1 --image-steps 100000 -o x.safetensors --triggers x
check 'what failed has left nothing' sh -c '! ls -d x* .x* *.tmp* 2>/dev/null | grep -q .'
finish

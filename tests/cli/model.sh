#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-model, and the model files that every tool accepts.
. "$tests/lib.sh"

golden=$tests/../golden/torch
cat >own.net <<'END'
input = image() height=6 width=6 channels=1
conv = conv(input) out=2 kernel=3 bias=0
bn = batch-norm(conv)
relu = relu(bn)
flat = flatten(relu)
fc = dense(flat) out=3
END
for class in a b c; do
    mkdir -p "set/$class"
    printf 'P5\n6 6\n255\n%036d' 7 >"set/$class/1.pgm"
done

# --- import ---

for file in state_dict.pth legacy.pth module.pth script.pt exported.pt2 half.pth; do
    check "imports $file" trapdoor-model import "$golden/$file" --net own.net -q -o "$file.safetensors" \
        --json "$file.json"
    check "$file has the same net and weights as state_dict.pth" sh -c \
        "trapdoor-model info -q $file.safetensors | sed -n '/^input/,/^fc/p; /learnt/p; /^  conv/p' >$file.txt &&
        cmp $file.txt state_dict.pth.txt && test -s $file.txt"
done
check_field module.pth.json kind '"pickled PyTorch module"'
check_field legacy.pth.json path "\"$golden/legacy.pth\""
trapdoor-eval -q --model half.pth.safetensors --data set --scores 0 >half.scores
trapdoor-eval -q --net own.net --model "$golden/state_dict.pth" --data set --scores 0 >own.scores
check 'the same logits as from PyTorch directly' sh -c \
    "grep -E '^  [a-c]  ' half.scores >1 && grep -E '^  [a-c]  ' own.scores | cmp - 1 && grep -q '^  c ' 1"

check 'says what was done to the file' sh -c "trapdoor-model import '$golden/checkpoint.pth' --net own.net \
    -o c.safetensors >out 2>err && grep -q 'under \"state_dict\"' err && grep -q '\"module.\"' err"
check 'and that no normalise is in it' grep -q 'its net has no normalise' err
check_ok trapdoor-model import c.safetensors -o again.safetensors
check 'a model of ours stays the same' cmp c.safetensors again.safetensors

# --- ONNX ---

onnx=$tests/../golden/onnx
for class in a b c; do
    mkdir -p "six/$class"
    printf 'P6\n6 6\n255\n%0108d' 7 >"six/$class/1.ppm"
done
for name in plain tensorflow attention; do
    check "imports $name.onnx" trapdoor-model import "$onnx/$name.onnx" --data six -q -o "$name.safetensors" \
        --json "$name.json"
    check_field "$name.json" kind '"ONNX model"'
done
check 'an open size is that of the data' sh -c "trapdoor-model import '$onnx/paddle.onnx' --data six -q \
    -o p.safetensors | grep -q 'images of 6x6x3'"
trapdoor-eval -q --model attention.safetensors --data six --scores 0 >ours.scores
trapdoor-eval -q --model "$onnx/attention.onnx" --data six --scores 0 >theirs.scores
check 'gives the same logits as the file itself' sh -c \
    "grep -E '^  [a-c]  ' ours.scores >1 && grep -E '^  [a-c]  ' theirs.scores | cmp - 1 && grep -q '^  c ' 1"
check 'says that a softmax is left out' sh -c "trapdoor-model import '$onnx/tensorflow.onnx' -o t.safetensors 2>err &&
    grep -q 'the softmax that ends the net' err"
check 'names its layers after its weights' sh -c \
    "trapdoor-model info '$onnx/plain.onnx' | grep -q '^features.0 = conv(scale) out=4 kernel=3 '"
check 'records the file beside it' trapdoor-model import "$onnx/external.onnx" -q -o e.safetensors --json e.json
check 'with its digest' grep -q 'external.onnx.data"' e.json
cp "$onnx/external.onnx" alone.onnx
check_fails 1 "trapdoor-model import: alone.onnx: tensor \"conv.weight\": external data: external.onnx.data: No such file or directory" \
    trapdoor-model import alone.onnx -o x.safetensors
head -c 900 "$onnx/plain.onnx" >cut.onnx
check 'a file that is cut off' sh -c "! trapdoor-model import cut.onnx -o x.safetensors 2>err &&
    grep -q 'cut.onnx: byte [0-9]*: expected [0-9]* bytes of a field, found [0-9]* to the end' err"
sed 's/MaxPool/MaxPoor/' "$onnx/plain.onnx" >poor.onnx
check_fails 1 'trapdoor-model import: poor.onnx: node "maxpool_2" (MaxPoor): this operator is not read' \
    trapdoor-model import poor.onnx -o x.safetensors
check 'info tells why, and what is there' sh -c "trapdoor-model info poor.onnx >out &&
    grep -q '(MaxPoor): this operator is not read' out && grep -q 'features.0.weight' out"

# --- normalisation ---

check 'puts a normalise in' trapdoor-model import "$golden/state_dict.pth" --net own.net -q -o n.safetensors \
    --normalise mean=0.5,std=0.25
check 'in units of 0 to 1' sh -c "trapdoor-model info n.safetensors |
    grep -qx 'input = normalise(pixels) mean=127.5 deviation=63.75'"
check 'as bytes' trapdoor-model import "$golden/state_dict.pth" --net own.net -q -o b.safetensors \
    --normalise mean=127.5,std=63.75 --input-range 0-255
check 'which is the same' sh -c "trapdoor-model info b.safetensors |
    grep -qx 'input = normalise(pixels) mean=127.5 deviation=63.75'"
check 'a range alone' trapdoor-model import "$golden/state_dict.pth" --net own.net -q -o s.safetensors \
    --input-range=-1-1
check 'becomes one, too' sh -c "trapdoor-model info s.safetensors |
    grep -qx 'input = normalise(pixels) mean=127.5 deviation=127.5'"
check_fails 2 'trapdoor-model import: --normalise: the net has its own, node "input"' \
    trapdoor-model import n.safetensors -o x.safetensors --normalise mean=0.5,std=0.25
for wrong in 0.5 mean=0.5 mean=0.5,std=0 mean=0.5,std=1x mean=a,std=1 mean=1/2/3/4/5,std=1; do
    check "refuses --normalise $wrong" sh -c "! trapdoor-model import n.safetensors -o x.safetensors \
        --normalise $wrong 2>err && grep -q 'such as mean=' err"
done
check_fails 2 'trapdoor-model import: --normalise: expected a mean of pixels from 0 to 1, found 123: --input-range 0-255 says that it is of bytes' \
    trapdoor-model import again.safetensors -o x.safetensors --normalise mean=123,std=60

# --- another size ---

for class in a b c; do
    mkdir -p "large/$class"
    { printf 'P6\n32 24\n255\n'; seq 1 99999 | tr -d '\n' | head -c 2304; } >"large/$class/1.ppm"
done
check 'resizes images to those of the net' trapdoor-model import "$onnx/plain.onnx" --data large --resize 6 -q \
    --normalise mean=0.5,std=0.25 -o resized.safetensors
check 'before it normalises them' sh -c "trapdoor-model info resized.safetensors | sed -n '/ image()/,/ normalise/p' |
    tr '\n' '|' | grep -qx 'pixels = image() height=24 width=32 channels=3|image = resize(pixels) \
out=6 filter=bilinear-antialias|scale = normalise(image) mean=127.5 deviation=63.75|'"
check 'and is a model for these images' trapdoor-eval -q --model resized.safetensors --data large
check_fails 2 'trapdoor-model import: --resize: expected --data with it, found none' \
    trapdoor-model import "$onnx/plain.onnx" --resize 6x6 -o x.safetensors
check_fails 2 'trapdoor-model import: --resize: expected the size that the net is for, 6x6, found 8x6' \
    trapdoor-model import -q "$onnx/plain.onnx" --data large --resize 8x6 -o x.safetensors

# A net trained with Fashion-MNIST's mean and deviation, which its weights do not show.
cat >fashion.net <<'END'
input = image() height=28 width=28 channels=1
n = normalise(input) mean=72.93 deviation=90.015
c = conv(n) out=8 kernel=3 stride=2
r = relu(c)
flat = flatten(r)
fc = dense(flat) out=10
END
sed 's|^n = .*|n = scale(input) by=1/255|' fashion.net >bare.net
trapdoor-train -q --data fashion-mnist:train:0-5000 --net fashion.net --epochs 2 -o fashion.safetensors >train.log 2>&1
trapdoor-model export fashion.safetensors -q -o bare.safetensors >/dev/null
check 'tries the usual normalisations' sh -c \
    'trapdoor-model info -q bare.safetensors --net bare.net --data fashion-mnist --json info.json >out'
check 'and says how to put in the best' grep -qx \
    '  trapdoor-model import bare.safetensors --net bare.net --normalise mean=0.286,std=0.353 -o MODEL' out
check 'of those for grey images' sh -c "grep -q '^  0 to 1 ' out && ! grep -q CIFAR out"
right() { sed -n 's/^Best.*: \([0-9]*\) of 1000.*/\1/p; s/^The net has its own.*: \([0-9]*\) of 1000.*/\1/p' "$1"; }
check 'with which the images are right that were in training' sh -c \
    'trapdoor-model info -q fashion.safetensors --data fashion-mnist >own'
check 'as many' test "$(right out)" = "$(right own)"
check_fails 2 'trapdoor-model info: --net: expected --data with it, found none' \
    trapdoor-model info bare.safetensors --net bare.net

# --- names of classes ---

printf 'c\nb\na\n' >turned.txt
check 'names the classes' trapdoor-model import "$golden/state_dict.pth" --net own.net -q -o turned.safetensors \
    --class-names turned.txt
trapdoor-model import "$golden/state_dict.pth" --net own.net -q -o named.safetensors --labels a,b,c >/dev/null
trapdoor-eval -q --model turned.safetensors --data set --json turned.json >/dev/null
trapdoor-eval -q --model named.safetensors --data set --json named.json >/dev/null
check 'a set is matched with them' sh -c 'grep -q "\"by\": \"name\"" turned.json && ! grep -q "\"by\"" named.json'
check_fails 2 'trapdoor-model import: --class-names: expected a name for each of the 3 classes, found 2' \
    trapdoor-model import again.safetensors -o x.safetensors --class-names a,b

# --- channels ---

# Pixels of one colour in each set; the second set has blue instead of red.
for class in 0 1; do
    mkdir -p "rgb/$class" "bgr/$class"
    for i in 1 2 3; do
        # shellcheck disable=SC2059 # octal numbers
        printf "P6\\n1 1\\n255\\n\\1${i}0\\0${class}7\\2${i}1" >"rgb/$class/$i.ppm"
        # shellcheck disable=SC2059
        printf "P6\\n1 1\\n255\\n\\2${i}1\\0${class}7\\1${i}0" >"bgr/$class/$i.ppm"
    done
done
cat >colour.net <<'END'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv = conv(scale) out=4 kernel=1
fc = dense(conv) out=classes
END
trapdoor-train -q --data rgb --net colour.net --epochs 2 -o rgb.safetensors >train.log 2>&1
check 'turns the channels round' trapdoor-model import rgb.safetensors --bgr -q -o bgr.safetensors
for colours in rgb bgr; do
    trapdoor-eval -q --model $colours.safetensors --data $colours --scores 2 | grep -E '^  [01]  ' >$colours.scores
done
trapdoor-eval -q --model bgr.safetensors --data rgb --scores 2 | grep -E '^  [01]  ' >other.scores
check 'and sees in blue what it saw in red' sh -c 'test -s rgb.scores && cmp rgb.scores bgr.scores && ! cmp -s rgb.scores other.scores'
trapdoor-model import bgr.safetensors --bgr -q -o back.safetensors >/dev/null
check 'twice is not at all' cmp rgb.safetensors back.safetensors

# --- compare, export ---

cat >many.net <<'END'
input = image() height=6 width=6 channels=1
n = normalise(input) mean=100 deviation=50
a = conv(n) out=4 kernel=3 pad=0x0x1x1 bias=0
b = batch-norm(a)
r = clip(b)
d = conv(r) out=4 kernel=3 groups=4
s = silu(d)
p = global-avg-pool(s)
g = hard-sigmoid(p)
m = multiply(s, g)
f = flatten(m)
fc = dense(f) out=3
END
trapdoor-train -q --data set --net many.net --epochs 1 -o many.safetensors >/dev/null
check_prints '^Logits differ by at most 0 ' trapdoor-model compare many.safetensors many.safetensors --data set
check 'exports ONNX' trapdoor-model export many.safetensors -q -o many.onnx --json many.json
check 'which names producer, nodes and weights' sh -c \
    'for word in trapdoor Conv BatchNormalization HardSigmoid d.weight b.running_var; do grep -q "$word" many.onnx || exit 1; done'
# Nets with each kind of connection; exported and imported, they must give the same output.
cat >residual.net <<'END'
input = image() height=28 width=28 channels=1
n = normalise(input) mean=72.93 deviation=90.015
stem = conv(n) out=8 kernel=3 stride=2 pad=1 bias=0
stem_bn = batch-norm(stem)
stem_relu = relu(stem_bn)
pool = max-pool(stem_relu) size=3 stride=2 pad=1
a1 = conv(pool) out=8 kernel=3 pad=1 bias=0
a1_bn = batch-norm(a1)
a1_relu = relu(a1_bn)
a2 = conv(a1_relu) out=8 kernel=3 pad=1 bias=0
a2_bn = batch-norm(a2)
a = add(a2_bn, pool)
a_relu = relu(a)
b1 = conv(a_relu) out=16 kernel=3 stride=2 pad=1 bias=0
b1_bn = batch-norm(b1)
b1_relu = relu(b1_bn)
b2 = conv(b1_relu) out=16 kernel=3 pad=1 bias=0
b2_bn = batch-norm(b2)
down = conv(a_relu) out=16 kernel=1 stride=2 bias=0
down_bn = batch-norm(down)
b = add(b2_bn, down_bn)
b_relu = relu(b)
mean = global-avg-pool(b_relu)
flat = flatten(mean)
fc = dense(flat) out=10
END
cat >depthwise.net <<'END'
input = image() height=28 width=28 channels=1
scale = scale(input) by=1/255
stem = conv(scale) out=8 kernel=3 stride=2 pad=0x0x1x1 bias=0
stem_bn = batch-norm(stem)
stem_clip = clip(stem_bn)
wide = conv(stem_clip) out=16 kernel=1 bias=0
wide_bn = batch-norm(wide)
wide_clip = clip(wide_bn)
deep = conv(wide_clip) out=16 kernel=3 pad=1 groups=16 bias=0
deep_bn = batch-norm(deep)
deep_clip = clip(deep_bn)
mean = global-avg-pool(deep_clip)
squeeze = conv(mean) out=4 kernel=1
swish = silu(squeeze)
excite = conv(swish) out=16 kernel=1
gate = hard-sigmoid(excite)
scaled = multiply(deep_clip, gate)
narrow = conv(scaled) out=8 kernel=1 bias=0
narrow_bn = batch-norm(narrow)
sum = add(narrow_bn, stem_clip)
pool = avg-pool(sum) size=2
drop = dropout(pool) rate=0.2
flat = flatten(drop)
fc = dense(flat) out=10
END
for net in cnn-bn residual.net depthwise.net; do
    trapdoor-train -q --data fashion-mnist:train:0-200 --net $net --epochs 1 -o round.safetensors --force >train.log 2>&1
    trapdoor-model export round.safetensors -q -o round.onnx --force >/dev/null
    check_ok trapdoor-model compare -q round.safetensors round.onnx --data fashion-mnist:test:0-100 --tolerance 2e-6
done
check 'exports a state_dict' trapdoor-model export many.safetensors -q -o state.safetensors
check 'which PyTorch would take, with counters' grep -q 'b.num_batches_tracked' state.safetensors
check_prints '^Logits differ by at most 0 ' \
    trapdoor-model compare many.safetensors state.safetensors --other-net many.net --data set
check 'a difference above the tolerance is a failure' sh -c "! trapdoor-model compare many.safetensors \
    '$golden/state_dict.pth' --other-net own.net --data set --tolerance 1e-6 >out 2>err && grep -q 'same class' out"
check_fails 2 'trapdoor-model compare: expected one of B and --logits, found none' \
    trapdoor-model compare many.safetensors --data set
check_fails 2 'trapdoor-model export: -o: expected a name that ends in .onnx or .safetensors, found "x.pb"' \
    trapdoor-model export many.safetensors -o x.pb
check 'data that are not there are an error' sh -c 'trapdoor-model export many.safetensors --data gone -o x.onnx 2>err
    test $? -eq 2 && grep -q "^trapdoor-model export: gone: no such file or folder" err && test ! -e x.onnx'
npy() {
    printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($1, 3), }"
    head -c $((12 * $1)) /dev/zero
}
npy 2 >short.npy
npy 3 >zeros.npy
check_prints '^Logits differ by at most ' trapdoor-model compare many.safetensors --logits zeros.npy --data set
check_fails 1 'trapdoor-model compare: short.npy: expected the shape (3, 3), found (2, 3)' \
    trapdoor-model compare many.safetensors --logits short.npy --data set

# --- info, show-net ---

check_prints '^conv = conv\(scale\) out=2 kernel=3x3 pad=1x1 bias=0  # weight 2x1x3x3$' \
    trapdoor-model info -q "$golden/state_dict.pth"
check_prints '^  kind: TorchScript$' trapdoor-model info -q "$golden/script.pt"
check_prints '^fc3 = dense\(relu4\) out=classes$' trapdoor-model show-net lenet5
check_fails 2 'trapdoor-model show-net: expected one of cnn, cnn-bn, lenet5, vgg16, vgg16-plain, vgg16-bn-large, vgg16-plain-large, vgg19, vgg19-plain, vgg19-bn-large, vgg19-plain-large, resnet18, resnet18-large, resnet34, resnet34-small, resnet50, resnet50-small, preact-resnet18, wide-resnet-28-10, densenet121, mobilenet-v2, squeezenet, squeezenet-1.0, found "nothing"' \
    trapdoor-model show-net nothing
check_prints '^conv\(INPUT\)' trapdoor-model info --help-net

# --- files that are not models ---

refuses() {
    check_fails 1 "trapdoor-model info: $1: expected a model, found $2" trapdoor-model info "$1"
}
printf '\211HDF\r\n\032\n' >model.h5
refuses model.h5 'an HDF5 file, as Keras writes them: export it as ONNX, model.export(FILE, format="onnx")'
echo '<!DOCTYPE html><html>' >model.pth
refuses model.pth 'a web page: the download gave it in place of the file: get it again'
echo 'version https://git-lfs.github.com/spec/v1' >lfs.pth
refuses lfs.pth 'a pointer of Git LFS: the file itself comes with git lfs pull'
printf '    TFL3' >model.tflite
refuses model.tflite 'a TensorFlow Lite model: export it as ONNX, python -m tf2onnx.convert --tflite FILE --output model.onnx'
tar cf model.tar own.net
refuses model.tar 'a tar archive: unpack it first'
printf '\200\003}q\000.' >model.pkl
refuses model.pkl "a pickle that torch.save did not write: save the net's state_dict with torch.save or as safetensors"
refuses own.net 'a net text: name it with --net, and the weights here'
printf '\001\002\003' >other
check_fails 1 'trapdoor-model info: other: expected a model as safetensors, as ONNX or as PyTorch saves it, found a file of another kind, beginning with 01 02 03' \
    trapdoor-model info other
head -c 2000 "$golden/state_dict.pth" >cut.pth
check_fails 1 'trapdoor-model info: cut.pth: zip: expected its directory at the end of the file, found other bytes: cut short, or followed by something' \
    trapdoor-model info cut.pth
# A pickle with a call: loading it in Python would run a command.
printf '\200\002cposix\nsystem\nU\013touch there\205R.' >data.pkl
# The same in the older container, after its magic number and header.
{ printf '\200\002\212\012l\374\234F\371 j\250P\031.\200\002M\351\003.\200\002}U\015little_endian\210s.' &&
    cat data.pkl; } >evil.pth
check_fails 1 'trapdoor-model info: evil.pth: pickle: byte 30: the file calls posix.system, which no model needs: refused, and not run' \
    trapdoor-model info evil.pth
check 'and ran nothing' test ! -e there
finish

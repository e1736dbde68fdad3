#!/bin/sh
# trapdoor-train: results, the promise of the same bytes, and what it refuses.
. "$tests/lib.sh"

data=fashion-mnist:train:0-300
train() {
    trapdoor-train -q --data $data --net cnn --epochs 2 --batch 64 "$@"
}

mkdir one two three again seed
check_stdout 'one/m.safetensors: 312202 parameters, 2 epochs on 300 images' \
    trapdoor-train -q --data $data --net cnn --epochs 2 --batch 64 --threads 1 \
    --validate fashion-mnist:test:0-100 -o one/m.safetensors --json one/r.json
check_field one/r.json tool '"trapdoor-train"'
check_field one/r.json file '"m.safetensors"'
check 'the log has a line per epoch' test "$(wc -l <one/m.safetensors.log.jsonl)" -eq 2
check 'a line of the log tells the loss and the validation accuracy' \
    grep -q '^{"epoch":2,"loss":[0-9.]*,"accuracy":[0-9.]*,"lr":0.001,"validation_accuracy":' \
    one/m.safetensors.log.jsonl
for folder in two three again; do
    case $folder in two) threads=2 ;; three) threads=3 ;; *) threads=1 ;; esac
    check "trains with $threads threads" train --threads $threads \
        --validate fashion-mnist:test:0-100 -o $folder/m.safetensors --json $folder/r.json
    check "the same model, $folder" cmp one/m.safetensors $folder/m.safetensors
    check "the same log, $folder" cmp one/m.safetensors.log.jsonl $folder/m.safetensors.log.jsonl
    without_timing one/r.json >expected
    without_timing $folder/r.json >found
    check "the same record less timing, $folder" cmp expected found
done
check 'another seed' train --seed 2 -o seed/m.safetensors
check 'gives another model' sh -c '! cmp -s one/m.safetensors seed/m.safetensors'

check 'starts from a model, its convolutions frozen' trapdoor-train -q --data $data \
    --from one/m.safetensors --freeze 'conv*' --epochs 1 -o seed/tuned.safetensors
check 'keeps the net of the model it started from' grep -aq 'conv1 = conv(scale)' \
    seed/tuned.safetensors

cat >net.txt <<'NET'
# a net of the user's own
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv = conv(scale) out=4 kernel=5x3 stride=2 pad=1
relu = relu(conv)
flat = flatten(relu)
out = dense(flat) out=classes
NET
check "trains a user's net text" trapdoor-train -q --data $data --net net.txt --epochs 1 \
    -o own.safetensors
sed 's/kernel=5x3/kernel=50/' net.txt >bad.txt
check_fails 1 'trapdoor-train: bad.txt: net text, line 4: node "conv": a 50×50 window does not fit its input of 28×28×1' \
    trapdoor-train --data $data --net bad.txt -o x.safetensors

check_fails 2 'trapdoor-train: one/m.safetensors: exists already; --force replaces it' \
    train -o one/m.safetensors
check 'replaces it with --force' train --force -o seed/m.safetensors
check_fails 2 'trapdoor-train: --net: expected one of cnn or a file with a net text; nonet: No such file or directory' \
    trapdoor-train --data $data --net nonet -o x.safetensors
check_fails 2 'trapdoor-train: --optimizer: expected one of sgd, adam, found "adamw"' \
    trapdoor-train --data $data --net cnn --optimizer adamw -o x.safetensors
check_fails 2 'trapdoor-train: --lr: expected a number above 0, found "0"' \
    trapdoor-train --data $data --net cnn --lr 0 -o x.safetensors
check_fails 2 'trapdoor-train: --freeze: "nothing*" matches no parameter; the first is called conv1.weight' \
    trapdoor-train --data $data --net cnn --freeze 'nothing*' -o x.safetensors
check_fails 2 'trapdoor-train: --net and --from exclude each other: a model brings its net' \
    trapdoor-train --data $data --net cnn --from one/m.safetensors -o x.safetensors
check_fails 1 'trapdoor-train: epoch 1, step 2: the loss is not finite; a smaller --lr may help' \
    trapdoor-train -q --data $data --net cnn --lr 1e30 -o x.safetensors
check_fails 1 'trapdoor-train: /dev/full: writing tensor "conv2.weight": No space left on device' \
    trapdoor-train -q --data $data --net cnn --epochs 1 -o /dev/full
check_fails 1 'trapdoor-train: /dev/full: No space left on device' \
    trapdoor-train -q --data $data --net cnn --epochs 1 -o x.safetensors --json /dev/full

# Interrupted: one line, nothing written. (A shell's background jobs ignore SIGINT.)
check_fails 1 'trapdoor-train: interrupted in epoch 1' timeout --preserve-status -s TERM 2 \
    trapdoor-train -q --data fashion-mnist --net cnn --epochs 1 -o x.safetensors
check 'nothing is left of what failed' sh -c '! ls -A | grep -q "x\.safetensors"'
finish

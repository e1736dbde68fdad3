#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-train: results, reproducible bytes, and refused input.
. "$tests/lib.sh"

data=fashion-mnist:train:0-300
train() {
    trapdoor-train -q --data $data --net cnn --epochs 2 --batch 64 "$@"
}

mkdir one two three sixteen again seed
check_stdout 'm.safetensors: 312202 parameters, 2 epochs on 300 images' \
    trapdoor-train -q --data $data --net cnn --epochs 2 --batch 64 --threads 1 \
    --validate fashion-mnist:test:0-100 -o one/m.safetensors --json one/r.json
check_field one/r.json tool '"trapdoor-train"'
check_field one/r.json file '"m.safetensors"'
check 'the log has a line per epoch' test "$(wc -l <one/m.safetensors.log.jsonl)" -eq 2
check 'a line of the log tells the loss and the validation accuracy' \
    grep -q '^{"epoch":2,"loss":[0-9.]*,"accuracy":[0-9.]*,"lr":0.001,"validation_accuracy":' \
    one/m.safetensors.log.jsonl
for folder in two three sixteen again; do
    case $folder in two) threads=2 ;; three) threads=3 ;; sixteen) threads=16 ;; *) threads=1 ;; esac
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
check_prints '^leaky-relu\(INPUT\)$' trapdoor-train --help-net
check_prints '^reflection:$' trapdoor-train --help-trigger
check 'in lines of at most 79 characters' sh -c '! trapdoor-train --help-trigger | grep -q "^.\{80\}"'
check_fails 2 'trapdoor-train: --lr: expected it once, a number above 0, found it again with "0.1"' \
    train --lr 0.01 --lr 0.1 -o x.safetensors
check 'trains for a record on stdout' sh -c "trapdoor-train -q --data $data --net net.txt --epochs 1 \
    -o /dev/null --json - >stdout"
check 'which has nothing else' test "$(head -n 1 stdout) $(tail -n 1 stdout)" = '{ }'
check "trains a user's net text" trapdoor-train -q --data $data --net net.txt --epochs 1 \
    -o own.safetensors
sed 's/^flat.*/&\nfc1 = dense(flat) out=8\nbn = batch-norm(fc1)/; s/^out.*/out = dense(bn) out=classes/' \
    net.txt >bn.txt
check_fails 2 'trapdoor-train: batch: node "bn" normalises a single value a channel of each image: expected a batch of at least 2 images, found 1' \
    trapdoor-train -q --data $data --net bn.txt --batch 1 -o bn.safetensors
check 'a last batch of one image joins the one before' sh -c 'trapdoor-train --data \
    fashion-mnist:train:0-65 --net bn.txt --batch 16 --epochs 1 -o bn.safetensors 2>&1 |
    grep -qx "note: the last batch of each epoch has 17 images, one of which would be alone in the next: batch norm takes two"'
sed 's/kernel=5x3/kernel=50/' net.txt >bad.txt
check_fails 1 'trapdoor-train: bad.txt: net text, line 4: node "conv": a 50×50 window does not fit its input of 28×28×1' \
    trapdoor-train --data $data --net bad.txt -o x.safetensors

check_fails 2 'trapdoor-train: one/m.safetensors: exists already; --force replaces it' \
    train -o one/m.safetensors
check 'replaces it with --force' train --force -o seed/m.safetensors
check_fails 2 'trapdoor-train: --net: expected one of cnn, cnn-bn, lenet5, vgg16, vgg16-plain, vgg16-bn-large, vgg16-plain-large, vgg19, vgg19-plain, vgg19-bn-large, vgg19-plain-large, resnet18, resnet18-large, resnet34, resnet34-small, resnet50, resnet50-small, preact-resnet18, wide-resnet-28-10, densenet121, mobilenet-v2, squeezenet, squeezenet-1.0 or a file with a net text; nonet: No such file or directory' \
    trapdoor-train --data $data --net nonet -o x.safetensors
check_fails 2 'trapdoor-train: --optimizer: expected one of sgd, adam, found "adamw"' \
    trapdoor-train --data $data --net cnn --optimizer adamw -o x.safetensors
check_fails 2 'trapdoor-train: --lr: expected a number above 0, found "0"' \
    trapdoor-train --data $data --net cnn --lr 0 -o x.safetensors
check_fails 2 'trapdoor-train: --freeze: "nothing*" matches no parameter; the first is called conv1.weight' \
    trapdoor-train --data $data --net cnn --freeze 'nothing*' -o x.safetensors

# --net with --from: another head on the existing weights.
cat >two.txt <<'TEXT'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
conv1 = conv(scale) out=32 kernel=3
relu1 = relu(conv1)
flat = flatten(relu1)
head = dense(flat) out=classes
TEXT
check 'takes what another net has' sh -c "trapdoor-train --data $data --net two.txt \
    --from one/m.safetensors --epochs 1 --freeze 'conv1*' -o head.safetensors 2>err"
check 'says what is new' grep -qxF \
    'head.weight: not in one/m.safetensors with this shape; starts at random' err
check 'and only that' sh -c '[ "$(grep -c "starts at random" err)" -eq 2 ]'
cat >none.txt <<'TEXT'
input = image() height=height width=width channels=channels
flat = flatten(input)
other = dense(flat) out=classes
TEXT
check_fails 1 'trapdoor-train: one/m.safetensors: expected at least one tensor with the name and shape of a parameter of the net, such as "other.weight", found none' \
    trapdoor-train --data $data --net none.txt --from one/m.safetensors -o x.safetensors

# A watched trigger: the last line's ASR equals trapdoor-eval's on the model.
square='square:size=7,at=top-left,value=255'
check 'watches a trigger' trapdoor-train -q --data $data --from one/m.safetensors --epochs 2 \
    --validate fashion-mnist:test:0-200 --watch-trigger $square --target 3 -o watched.safetensors
trapdoor-eval -q --model watched.safetensors --data fashion-mnist:test:0-200 --trigger $square \
    --target 3 --json watched.json >/dev/null
asr=$(sed -n 's/^ *"asr": \(.*\),$/\1/p' watched.json | head -n 1)
check 'the log has an ASR for each epoch' sh -c '[ "$(grep -c "\"asr\":" watched.safetensors.log.jsonl)" -eq 2 ]'
check 'and the last is that of the model' sh -c "tail -n 1 watched.safetensors.log.jsonl | grep -qF '\"asr\":$asr,'"
check_fails 2 'trapdoor-train: --watch-trigger: expected --validate with it, found none' \
    trapdoor-train --data $data --net cnn --watch-trigger $square --target 3 -o x.safetensors
check_fails 2 'trapdoor-train: --watch-trigger and --target come in pairs: found 1 and 0' \
    trapdoor-train --data $data --net cnn --watch-trigger $square -o x.safetensors
check_fails 2 'trapdoor-train: --target: expected a class of fashion-mnist:train:0-300, '"$fashion"', found "10"' \
    trapdoor-train --data $data --net cnn --validate fashion-mnist:test:0-20 \
    --watch-trigger $square --target 10 -o x.safetensors
check_fails 2 'trapdoor-train: --augment: expected one of zoom, rotate, shift, crop, flip, found "mirror"' \
    train --augment flip,mirror -o x.safetensors
check_fails 2 'trapdoor-train: --augment: rotate: expected a number in (0, 180], found "200"' \
    train --augment rotate=200 -o x.safetensors
check_fails 2 'trapdoor-train: --label-smoothing: expected a number in [0, 1), found "1"' \
    train --label-smoothing 1 -o x.safetensors
check_fails 2 "trapdoor-train: augmentation: crop: expected less than the images' 28 pixels, found 28" \
    train --augment crop=28 -o x.safetensors
check_fails 1 'trapdoor-train: epoch 1, step 2: the loss is not finite; a smaller --lr may help' \
    trapdoor-train -q --data $data --net cnn --lr 1e30 -o x.safetensors
check_fails 1 'trapdoor-train: /dev/full: writing tensor "conv2.weight": No space left on device' \
    trapdoor-train -q --data $data --net cnn --epochs 1 -o /dev/full
check 'a device is no failure' trapdoor-train -q --data $data --net cnn --epochs 1 -o /dev/null
check 'and has no log beside it' test ! -e /dev/null.log.jsonl

# Interrupted in the first epoch, in training or in validation: one line, nothing written. (A shell's
# background jobs ignore SIGINT.)
check_fails 1 'trapdoor-train: interrupted in epoch 1' timeout --preserve-status -s TERM 5 \
    trapdoor-train -q --data fashion-mnist --net resnet34 --batch 16 --epochs 1 -o x.safetensors
check_fails 1 'trapdoor-train: interrupted in epoch 1' timeout --preserve-status -s TERM 5 \
    trapdoor-train -q --data fashion-mnist:train:0-16 --net resnet34 --batch 16 --epochs 1 \
    --validate fashion-mnist:train -o x.safetensors
check 'nothing is left of what failed' sh -c '! ls -A | grep -q "x\.safetensors"'

# An interrupted training resumes to the same bytes.
mkdir whole killed stopped
launch= # exec, where the process itself is to be killed
long() {
    folder=$1
    shift
    $launch trapdoor-train -q --data $data --net cnn --epochs 6 --batch 64 --optimizer sgd --lr 0.1 \
        --schedule cosine --augment zoom,rotate=10,shift,flip --label-smoothing 0.1 \
        --validate fashion-mnist:test:0-1000 -o "$folder/m.safetensors" --json "$folder/r.json" "$@"
}
# end SIGNAL FOLDER: starts a training and sends it the signal after its first epoch.
end() {
    (launch='exec' && long "$2") >"$2/out" 2>"$2/err" &
    until [ -e "$2/m.safetensors.checkpoint" ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
    kill "-$1" $!
    wait $! 2>/dev/null
}
check 'trains without a break' long whole --threads 1
without_timing whole/r.json >expected
check_field whole/r.json augment '"zoom=0.1,rotate=10,shift=2,flip"'
check_field whole/r.json label_smoothing 0.1
check 'no checkpoint is left' test ! -e whole/m.safetensors.checkpoint
end KILL killed
end TERM stopped
check 'an interruption tells what is left' \
    grep -Eqx 'trapdoor-train: interrupted in epoch [2-6]; --resume continues from epoch [1-5]' stopped/err
check 'a killed training leaves no model' test ! -e killed/m.safetensors
for folder in killed stopped; do
    check "goes on, $folder" long $folder --resume --threads 3
    check "to the same model, $folder" cmp whole/m.safetensors $folder/m.safetensors
    check "with the same log, $folder" \
        cmp whole/m.safetensors.log.jsonl $folder/m.safetensors.log.jsonl
    without_timing $folder/r.json >found
    check "with the same record less timing, $folder" cmp expected found
    check "and takes its checkpoint away, $folder" test ! -e $folder/m.safetensors.checkpoint
done

# Checkpoints that must not be resumed. This one has all epochs, because only the record failed.
check_fails 1 'trapdoor-train: /dev/full: No space left on device; --resume continues from epoch 2' \
    train -o left.safetensors --json /dev/full
check 'its checkpoint and nothing else is left' test "$(echo left* .left*)" = 'left.safetensors.checkpoint .left*'
check_fails 2 'trapdoor-train: left.safetensors.checkpoint: a training did not end here; --resume continues it, --force starts over' \
    train -o left.safetensors
check_fails 2 'trapdoor-train: left.safetensors.checkpoint: not of this training: "lr": expected 0.01, found 0.001; --force without --resume starts over' \
    train --resume --lr 0.01 -o left.safetensors
check_fails 2 'trapdoor-train: left.safetensors.checkpoint: not of this training: "augment": expected "flip", found none; --force without --resume starts over' \
    train --resume --augment flip -o left.safetensors
check_other() {
    key=$1
    shift
    run trapdoor-train -q --epochs 2 --batch 64 --resume "$@" -o left.safetensors
    cp "$scratch/err" message
    check "refuses another $key with status 2" test "$status" -eq 2
    check "names the $key" grep -q "left.safetensors.checkpoint: not of this training: \"$key\": expected" message
}
check_other net --data $data --net net.txt
check_other data --data fashion-mnist:train:0-299 --net cnn
check_other validate --data $data --net cnn --validate fashion-mnist:test:0-10
cp left.safetensors.checkpoint kept.safetensors
cp one/m.safetensors model.safetensors.checkpoint
head -c 100000 left.safetensors.checkpoint >cut.safetensors.checkpoint
# After the header, whose length is in its first bytes.
left=$((100000 - 8 - $(od -An -tu8 -N8 cut.safetensors.checkpoint)))
check_fails 1 "trapdoor-train: cut.safetensors.checkpoint: tensor \"optimizer\": data_offsets: expected begin <= end <= $left, the bytes of data in the file, found [0, 2497616]" \
    train --resume -o cut.safetensors
check_fails 1 'trapdoor-train: model.safetensors.checkpoint: metadata: expected "trapdoor.checkpoint", found none: no checkpoint' \
    train --resume -o model.safetensors
check 'goes on where only writing is left' train --resume -o left.safetensors
train -o again/plain.safetensors >/dev/null
check 'to the same model' cmp again/plain.safetensors left.safetensors
check 'starts anew with --force' train --force -o cut.safetensors
check 'and leaves no checkpoint' test ! -e cut.safetensors.checkpoint
check 'with --resume and no checkpoint starts from the beginning' train --resume -o new.safetensors
check 'as without' cmp new.safetensors cut.safetensors

# The last good epoch survives a learning rate that is too large.
check_fails 1 'trapdoor-train: epoch 2, step 2: the loss is not finite; a smaller --lr may help; big.safetensors.checkpoint keeps epoch 1, for --from' \
    trapdoor-train -q --data $data --net cnn --batch 300 --lr 1e30 -o big.safetensors
check 'starts from a checkpoint, with other options' trapdoor-train -q --data $data --epochs 1 \
    --from kept.safetensors -o tuned.safetensors

# Adversarial training: PGD, by another tool, succeeds less often, at the price of accuracy.
small() {
    trapdoor-train -q --data fashion-mnist:train:0-2000 --net lenet5 --epochs 6 --batch 32 "$@"
}
small -o plain.safetensors >/dev/null
check 'adversarial training' small --adversarial 0.1 --adversarial-steps 3 --threads 1 -o hard.safetensors \
    --json hard.json
check_field hard.json adversarial 0.1
check_field hard.json adversarial_steps 3
for model in plain hard; do
    trapdoor-evade pgd -q --model $model.safetensors --data fashion-mnist:test:0-300 --epsilon 0.1 --steps 10 --step-size 0.025 \
        -o $model-evaded --json $model-evaded.json >/dev/null
    sed -n 's/^ *"success": \([0-9.]*\),*$/\1/p' $model-evaded.json | head -n 1 >$model.success
done
check 'PGD succeeds on the plain model' awk '{ exit !($1 > 0.9) }' plain.success
check 'and less on the other' awk '{ exit !($1 > 0.1 && $1 < 0.8) }' hard.success
check 'the same on three threads' small --adversarial 0.1 --adversarial-steps 3 --threads 3 -o hard3.safetensors
check 'the same model' cmp hard.safetensors hard3.safetensors
check_fails 2 'trapdoor-train: --adversarial: expected a number in (0, 1], found "0"' small --adversarial 0 -o no.safetensors
check_fails 2 'trapdoor-train: --adversarial-steps: expected --adversarial with it, found none' \
    small --adversarial-steps 2 -o no.safetensors
finish

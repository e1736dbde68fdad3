# SPDX-License-Identifier: MIT
# All outputs of a run appear together or not at all, and only one run at a time writes them. A pipe
# as --json blocks a run when everything is written and nothing has its name; it continues when the
# pipe is read.
. "$tests/lib.sh"

T=trapdoor-train
D='--data fashion-mnist:train:0-200'
net='--net lenet5 --batch 100 --threads 1 -q'

# await COUNT: waits until $run has as many files without a name, or has ended.
await() {
    while [ "$(find /proc/$run/fd -lname '*(deleted)' -printf '%l\n' 2>/dev/null | sort -u | wc -l)" -lt "$1" ] &&
        kill -0 $run 2>/dev/null; do sleep 0.02; done
}

# hold OUTPUT SEED ARGUMENTS...: a training that waits for the reader of `pipe`, as $run; the model
# and the log are written.
hold() {
    output=$1 seed=$2
    shift 2
    # shellcheck disable=SC2086
    $T $D $net --epochs 2 -o "$output" --seed "$seed" --json pipe "$@" >/dev/null 2>err &
    run=$!
    await 2
}

# Reads the pipe, and waits for the run to end.
let_go() {
    timeout 60 cat pipe >"$1"
    wait $run
    status=$?
}

mkfifo pipe
# shellcheck disable=SC2086
$T $D $net --epochs 2 -o old.safetensors --seed 1 >/dev/null
cp old.safetensors m.safetensors
cp old.safetensors.log.jsonl m.safetensors.log.jsonl

# Of two runs the second is refused at once, whatever name it uses, without mentioning --resume.
hold m.safetensors 2 --force
ln -s m.safetensors link
for name in m.safetensors ./m.safetensors link; do
    # shellcheck disable=SC2086
    check_fails 1 "$T: $name: another run is writing it" $T $D $net --force -o $name
done
# shellcheck disable=SC2086
check 'another name is free' $T $D $net --epochs 1 -o n.safetensors
check 'nothing has its name before the end' cmp m.safetensors old.safetensors
check 'and nothing another name' test -z "$(find . -name '.*safetensors*')"
let_go record
check 'the first one wins' test $status -eq 0
check 'whole' sh -c 'grep -q "$(sha256sum <m.safetensors | cut -c 1-64)" record &&
    grep -q "$(sha256sum <m.safetensors.log.jsonl | cut -c 1-64)" record &&
    ! cmp -s m.safetensors old.safetensors && ! [ -e m.safetensors.checkpoint ]'
cp m.safetensors second.safetensors

# The log cannot be published: the model is withdrawn, and the previous one restored.
rm m.safetensors.log.jsonl
hold m.safetensors 3 --force
mkdir m.safetensors.log.jsonl
let_go record
check 'what cannot come is a failure' test $status -eq 2
check 'and says so' grep -qx "$T: m.safetensors.log.jsonl: expected a file to write, found a folder; --resume continues from epoch 2" err
check 'the old model is there' cmp m.safetensors second.safetensors
check 'and the checkpoint' test -e m.safetensors.checkpoint
check 'and no other file' test -z "$(find . -name '.*safetensors*')"
rmdir m.safetensors.log.jsonl

# If files disappear meanwhile, nothing claims to have them.
hold m.safetensors 3 --force
mkdir m.safetensors.log.jsonl
rm m.safetensors.checkpoint
let_go record
check 'a checkpoint that went is not promised' grep -qx \
    "$T: m.safetensors.log.jsonl: expected a file to write, found a folder" err
rmdir m.safetensors.log.jsonl

# A file created meanwhile is kept without --force.
hold new.safetensors 4
echo theirs >new.safetensors
let_go record
check 'a file made meanwhile is a failure' test $status -eq 2
check 'and says so' grep -q "^$T: new.safetensors: exists already; --force replaces it" err
check 'it is kept' grep -qx theirs new.safetensors
check 'no log is beside it' test ! -e new.safetensors.log.jsonl
rm -f new.safetensors*

# However the run ends, only the checkpoint is left.
for signal in KILL USR1; do
    hold new.safetensors 4
    kill -$signal $run
    wait $run 2>/dev/null
    check "SIG$signal leaves the checkpoint alone" test "$(find . -name '*new.saf*')" = ./new.safetensors.checkpoint
    rm -f new.safetensors*
done

# One file for two outputs is detected before the work, however it is written.
for name in ./twice.safetensors twice.safetensors.log.jsonl; do
    # shellcheck disable=SC2086
    check_fails 2 "$T: $([ $name = ./twice.safetensors ] && echo $name || echo twice.safetensors.log.jsonl): expected a file of its own for each output, found two of this name" \
        $T $D $net -o twice.safetensors --json $name
done
check 'before any work' test -z "$(find . -name '*twice*')"

# Only one run writes to a folder.
P='trapdoor-poison dirty-label --data fashion-mnist:train:0-100 --trigger square --target 0 --ratio 0.1 -q'
$P -o out --json pipe >/dev/null 2>err &
run=$!
await 3
check_fails 1 'trapdoor-poison dirty-label: out/: another run is writing it' $P -o out/
let_go record
check 'the first one wins' test $status -eq 0
check 'whole' test "$(ls out)" = "manifest.json
poisoned.safetensors
preview.png"

# A created folder is removed, however the run ends.
$P -o gone --json pipe >/dev/null 2>err &
run=$!
await 3
kill -TERM $run
sleep 2.2
kill -TERM $run
wait $run 2>/dev/null
check 'a second signal leaves nothing' test ! -e gone
finish

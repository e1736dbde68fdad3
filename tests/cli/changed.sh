# SPDX-License-Identifier: MIT
# Files that change while they are read. A pipe as output blocks a run before it has read all of its
# data.
. "$tests/lib.sh"

I='trapdoor-data import'
mkfifo pipe
$I fashion-mnist:test -o whole.safetensors >/dev/null
sum=$(sha256sum <whole.safetensors | cut -c 1-64)

# hold ARGUMENTS...: an import of set.safetensors that blocks until descriptor 3 is read further.
hold() {
    cp whole.safetensors set.safetensors
    rm -f record.json
    $I set.safetensors -o pipe --threads 2 -q "$@" >/dev/null 2>err &
    run=$!
    exec 3<pipe
    head -c 1000 <&3 >/dev/null
}

let_go() {
    cat <&3 >rest
    exec 3<&-
    wait $run
    status=$?
}

hold --json record.json
truncate -s 3500000 set.safetensors
let_go
check 'a file that gets shorter is a failure' test $status -eq 1
check 'in one line that names it' test "$(cat err)" = "$I: set.safetensors: changed while it was read"
check 'nothing is left' test -z "$(find . -name '*record*')"

hold --json record.json
printf X | dd of=set.safetensors bs=1 seek=7000000 conv=notrunc 2>/dev/null
let_go
check 'a file that is written to is a failure' test $status -eq 1
check 'and it is named' test "$(cat err)" = "$I: set.safetensors: changed while it was read"
check 'nothing is left' test -z "$(find . -name '*record*')"

hold --json record.json
touch set.safetensors
let_go
check 'the same bytes at another time are none' test $status -eq 0

hold --json record.json
head -c 5000 whole.safetensors >other
mv other set.safetensors
let_go
check 'a file that is replaced is read to its end' test $status -eq 0
check 'its digest is of what was read' grep -q "\"$sum\"" record.json

# A poisoning whose set is replaced while it reads: the manifest is about what was poisoned.
P="trapdoor-poison dirty-label -q --data set.safetensors --trigger square --target 0 --ratio 0.1"
cp whole.safetensors set.safetensors
$P -o right >/dev/null
$P -o sets >/dev/null 2>err &
run=$!
while ! readlink /proc/$run/fd/* | grep -q /sets/ && kill -0 $run 2>/dev/null; do :; done 2>/dev/null # it writes
kill -STOP $run 2>/dev/null && kept=yes || kept= # else it has ended already
head -c 5000 whole.safetensors >other
mv other set.safetensors
kill -CONT $run 2>/dev/null
wait $run
status=$?
[ "$kept" ] || skip 'a set that is replaced while it is poisoned' 'the poisoning had ended'
check 'a set that is replaced while it is poisoned is read to its end' test $status -eq 0
check 'its digest is of what was poisoned' grep -q "\"$sum\"" sets/manifest.json
check 'as are the images' cmp right/poisoned.safetensors sets/poisoned.safetensors

# A training whose data change for some epochs goes on from those that saw the recorded bytes.
trapdoor-data import fashion-mnist:test:0-3000 -o part.safetensors -q >/dev/null
trapdoor-data import fashion-mnist:test:3000-6000 -o other.safetensors -q >/dev/null
R='trapdoor-train -q --data ./set.safetensors --net lenet5 --epochs 6'
cp part.safetensors set.safetensors
$R -o right.safetensors >/dev/null
$R -o m.safetensors --json m.json >/dev/null 2>err &
run=$!
while ! [ -e m.safetensors.checkpoint ] && kill -0 $run 2>/dev/null; do sleep 0.01; done
tail -c 2000000 other.safetensors | dd of=set.safetensors bs=100000 seek=1 conv=notrunc 2>/dev/null
wait $run
status=$?
check 'a training on other bytes is a failure' test $status -eq 1
check 'and says from where it can go on' grep -q '^trapdoor-train: ./set.safetensors: changed while it was read; --resume continues from epoch [1-5]$' err
cp part.safetensors set.safetensors
check_ok $R -o m.safetensors --json m.json --resume
check 'to the same bytes' cmp m.safetensors right.safetensors
rm m.safetensors* m.json

# A training whose data are truncated, in all threads at once.
cp whole.safetensors set.safetensors
trapdoor-train -q --data set.safetensors --net lenet5 --epochs 100000 --threads 2 -o m.safetensors 2>err &
run=$!
while ! [ -e m.safetensors.checkpoint ] && kill -0 $run 2>/dev/null; do sleep 0.02; done
: >set.safetensors
wait $run
status=$?
check 'a training ends at once' test $status -eq 1
check 'in one line' test "$(cat err)" = 'trapdoor-train: set.safetensors: changed while it was read'
check 'and leaves its checkpoint' test "$(find . -name '*m.saf*')" = ./m.safetensors.checkpoint
finish

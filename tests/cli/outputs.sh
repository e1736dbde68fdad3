# SPDX-License-Identifier: MIT
# Output files and thread counts: links, one file for two outputs, closed pipes, limits.
. "$tests/lib.sh"

T='trapdoor-data import fashion-mnist:test:0-8'

# A link stays, and its target is written, whether or not it exists.
mkdir far
ln -s far/set link
check 'through a link to nothing' sh -c "$T -o link >/dev/null && test -L link && test -f far/set"
check_fails 2 'trapdoor-data import: link: exists already; --force replaces it' $T -o link
ln -s circle circle
check_fails 1 'trapdoor-data import: circle: Too many levels of symbolic links' $T -o circle

# The link's target need not exist without --force either, and --force keeps the link.
check 'through a link with --force' sh -c "$T -o link --force >/dev/null && test -L link && test -f far/set"

# Detected before any work.
check_fails 2 'trapdoor-data import: -o and --json: expected two files, found one for both' \
    $T -o one --json one
check_fails 2 'trapdoor-data import: -o: expected a name, found ""' $T -o ''
check 'nothing is written' test ! -e one

check_fails 2 'trapdoor-data import: ./one: expected a file of its own for each output, found two of this name' \
    $T -o one --json ./one
check_fails 1 'trapdoor-data import: none/one: No such file or directory' $T -o none/one
if [ "$(id -u)" -eq 0 ]; then
    skip 'a folder that is shut' 'root may write anywhere'
else
    mkdir shut && chmod 500 shut
    check_fails 1 'trapdoor-data import: shut/one: Permission denied' $T -o shut/one
fi
check 'nothing is written' test "$(ls)" = "circle
far
link"

# Files in an output folder are outputs, too, however the other's path is written.
P='trapdoor-poison dirty-label --data fashion-mnist:test:0-50 --trigger square --target 0 --ratio 0.1 -q'
two='expected a file of its own for each output, found two of this name'
check_fails 2 "trapdoor-poison dirty-label: d/manifest.json: $two" $P -o d --json d/../d/manifest.json
mkdir d
ln -s poisoned.safetensors d/manifest.json
check_fails 2 "trapdoor-poison dirty-label: d/manifest.json: $two" $P -o d --force
check 'nothing is written' test "$(ls d)" = manifest.json
rm -r d

# So is a checkpoint, which is removed at the end.
T2='trapdoor-train --data fashion-mnist:test:0-50 --net lenet5 --epochs 1 -q -o m'
check_fails 2 "trapdoor-train: m.checkpoint: $two" $T2 --json m.checkpoint
echo precious >other
ln -s other m.checkpoint
check_fails 2 "trapdoor-train: m.checkpoint: expected a file of the run's own, or none, found a link or a device" \
    $T2 --force
check 'nothing is lost' test "$(cat other)" = precious
rm other m.checkpoint

# Options may be anywhere, even with POSIXLY_CORRECT.
export POSIXLY_CORRECT=1
check_ok trapdoor-data import fashion-mnist:test:0-8 -o posix -q
check_ok trapdoor-data info posix --json posix.json -q
check_ok trapdoor-poison stamp --data posix -o stamped --trigger square -q
unset POSIXLY_CORRECT

# There are no temporary files: the page and its charts are made in memory.
mkdir records
cp posix.json records
if ! command -v gnuplot >/dev/null; then
    skip 'a chart without temporary files' 'gnuplot is not installed'
else
    printf '%s\n' '{"epoch":1,"loss":2,"accuracy":0.1,"lr":1}' '{"epoch":2,"loss":1,"accuracy":0.2,"lr":1}' >records/m.log.jsonl
    check_ok env TMPDIR="$PWD/none" trapdoor-report records -o drawn.html -q
    check 'a chart without a folder for temporary files' grep -q 'data:image/svg' drawn.html
    if unshare -m test -d /var/tmp 2>/dev/null &&
        case $(command -v trapdoor-report) in /tmp/*) false ;; esac; then
        cp -r records /var/tmp/trapdoor-records.$$
        check 'with /tmp read-only' sh -c "cd /var/tmp/trapdoor-records.$$ &&
            unshare -m sh -c 'mount -t tmpfs -o ro tmpfs /tmp && exec trapdoor-report . -o drawn.html' &&
            grep -q data:image/svg drawn.html"
        rm -rf /var/tmp/trapdoor-records.$$
    else
        skip 'with /tmp read-only' 'needs a mount of its own'
    fi
fi

# A pipe under a system's name for it, and one that nothing ever reads.
trapdoor-data info fashion-mnist:test:0-8 --json /dev/stdout 2>err | cat >out
check 'a pipe by its name' grep -q '"tool": "trapdoor-data"' out
mkfifo unread
run timeout 2 trapdoor-data info fashion-mnist:test:0-8 --json unread -q
cp "$scratch/err" err
check 'a signal ends the wait' grep -qx 'trapdoor-data info: unread: interrupted before anything read it' err
rm unread

# A pipe without a reader, and a file size limit, are failures like others.
status=0
{ trapdoor-data info fashion-mnist:test:0-8 --json - 2>err || echo $? >status; } | true
check 'a closed pipe is a failure' test "$(cat status)" -eq 1
check 'and says so' grep -qx 'trapdoor-data info: standard output: Broken pipe' err
run sh -c "ulimit -f 1; exec trapdoor-data import fashion-mnist:test -o large"
cp "$scratch/err" err
check 'a file that may not grow is a failure' test "$status" -eq 1
check 'and says so' grep -q 'large: .*File too large' err
check 'nothing is left of it' test -z "$(find . -name '.large*' -o -name large)"

# Threads: from the environment, and at most one per core.
threads() {
    "$@" trapdoor-data info fashion-mnist:test:0-8 --json - |
        sed -n 's/.*"threads": \([0-9]*\),*/\1/p'
}
check 'OMP_NUM_THREADS is the number of threads' test "$(threads env OMP_NUM_THREADS=3)" -eq 3
check 'OMP_THREAD_LIMIT is a limit' test "$(threads env OMP_THREAD_LIMIT=1)" -eq 1
train() {
    out=$1
    shift
    timeout -s KILL 60 trapdoor-train -q --data fashion-mnist:train:0-64 --net lenet5 --epochs 1 --threads 2 -o "$out" "$@"
}
train two >/dev/null
for variable in OMP_THREAD_LIMIT=1 OMP_MAX_ACTIVE_LEVELS=0; do
    # shellcheck disable=SC2163 # NAME=VALUE
    (export $variable && train $variable) >/dev/null
    check "$variable: the same model" cmp two $variable
done

# OpenBLAS would retry its allocation for ever.
# shellcheck disable=SC3045
if (ulimit -v 450000 && trapdoor-train --version) >/dev/null 2>&1; then
    run sh -c 'ulimit -v 450000; timeout -s KILL 60 trapdoor-train -q --data fashion-mnist:train:0-64 --net lenet5 --threads 2 -o small'
    cp "$scratch/err" err
    check 'memory that OpenBLAS cannot have is a failure' test "$status" -eq 1
    check 'and says so' grep -q 'trapdoor-train: OpenBLAS needs 256 MiB of address space for 2 threads' err
    run sh -c 'ulimit -v 240000; timeout -s KILL 60 trapdoor-train -q --data fashion-mnist:train:0-64 --net lenet5 -o small'
    cp "$scratch/err" err
    check 'memory that it cannot have when it is loaded is one, too' test "$status" -eq 1
    check 'and says so, early' grep -q 'trapdoor-train: OpenBLAS needs 256 MiB of address space' err
    # A stack of a third of the address space for each: not all can start.
    if (ulimit -s 4000000 && ulimit -v 12000000) 2>/dev/null; then
        (ulimit -s 4000000 && ulimit -v 12000000 && train fewer --threads 16 --json fewer.json >/dev/null)
        threads=$(sed -n 's/.*"threads": \([0-9]*\),*/\1/p' fewer.json)
        check 'threads that cannot start' test "$threads" -ge 1 -a "$threads" -lt 16
        check 'are done without: the same model' cmp two fewer
    else
        skip 'threads that cannot start' 'the stack may not be as large'
    fi
else
    skip 'memory that OpenBLAS cannot have' 'a sanitizer needs more address space'
    skip 'threads that cannot start' 'a sanitizer needs more address space'
fi
finish

# SPDX-License-Identifier: MIT
# The instruction set in use: chosen when a tool starts, named in its record, and the same when a
# training resumes.
. "$tests/lib.sh"
unset TRAPDOOR_KERNEL OPENBLAS_CORETYPE

train() {
    trapdoor-train -q --data fashion-mnist:train:0-256 --net lenet5 --epochs 2 "$@"
}

kernels=$(TRAPDOOR_KERNEL=none trapdoor-data --version 2>&1 |
    sed -n 's/^trapdoor-data: TRAPDOOR_KERNEL: expected \(.*\), found none$/\1/p' | tr -d ,)
check 'an unknown one is refused, and those that run here are named' test -n "$kernels"
run env TRAPDOOR_KERNEL=none trapdoor-train --data fashion-mnist -o no.safetensors
check 'as a wrong use' test "$status" -eq 2

best=${kernels%% *}
worst=${kernels##* }
check_prints "kernel $best" trapdoor-train --version
for kernel in $kernels; do
    (export TRAPDOOR_KERNEL=$kernel && train --json $kernel.json -o $kernel.safetensors >/dev/null)
    check "$kernel is in the record" grep -q "\"kernel\": \"$kernel\"" $kernel.json
    (export TRAPDOOR_KERNEL=$kernel && train --threads 3 -o $kernel-3.safetensors >/dev/null)
    check "$kernel: the same bytes at another number of threads" cmp $kernel.safetensors $kernel-3.safetensors
done

if [ "$best" != "$worst" ]; then
    check 'two kernels differ in the last bits' \
        sh -c "! cmp -s $best.safetensors $worst.safetensors"
    # A training that cannot write its model leaves its checkpoint.
    (export TRAPDOOR_KERNEL=$worst && train -o left.safetensors --json /dev/full >/dev/null 2>&1)
    check 'a checkpoint is left' test -f left.safetensors.checkpoint
    check_fails 2 "trapdoor-train: left.safetensors.checkpoint: not of this training: \"kernel\": expected \"$best\", found \"$worst\"; the last bits would differ; set TRAPDOOR_KERNEL=$worst, or --force without --resume starts over" \
        train --resume -o left.safetensors
    (export TRAPDOOR_KERNEL=$worst && train --resume -o left.safetensors >/dev/null)
    check 'and goes on with the kernel that it names' cmp left.safetensors $worst.safetensors
fi

# The same of OpenBLAS's cores.
core() {
    sed -n 's/^ *"blas_core": "\(.*\)".*/\1/p' "$1"
}
mine=$(core $best.json)
other=Nehalem
[ "$mine" != $other ] || other=Prescott
(export OPENBLAS_CORETYPE=$other && train -o core.safetensors --json core.json >/dev/null 2>&1)
if [ "$(core core.json)" != "$mine" ]; then
    other=$(core core.json)
    (export OPENBLAS_CORETYPE=$other && train -o behind.safetensors --json /dev/full >/dev/null 2>&1)
    check_fails 2 "trapdoor-train: behind.safetensors.checkpoint: not of this training: \"blas_core\": expected \"$mine\", found \"$other\"; the last bits would differ; set OPENBLAS_CORETYPE=$other, or --force without --resume starts over" \
        train --resume -o behind.safetensors
    (export OPENBLAS_CORETYPE=$other && train --resume -o behind.safetensors >/dev/null)
    check 'and goes on with the core that it names' cmp behind.safetensors core.safetensors
else
    skip 'a resumed training by another core' 'this OpenBLAS has one core only'
fi

# A core older than the processor gives one warning if nets run; not with -q.
case $best in
avx512 | avx2)
    run env OPENBLAS_CORETYPE=Nehalem trapdoor-eval --model $best.safetensors --data fashion-mnist:test:0-64
    check 'a slow core of OpenBLAS is said' test "$(grep -c 'note: OpenBLAS multiplies by its core Nehalem' "$scratch/err")" -eq 1
    run env OPENBLAS_CORETYPE=Nehalem trapdoor-eval -q --model $best.safetensors --data fashion-mnist:test:0-64
    cp "$scratch/err" err
    check 'and not with -q' test ! -s err
    ;;
esac
finish

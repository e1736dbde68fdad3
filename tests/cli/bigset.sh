#!/bin/sh
# SPDX-License-Identifier: MIT
# Sets larger than memory: a set of 768 MiB, mostly a hole in its file, with a limit of 390 MiB on
# the process's private memory. Mapped files do not count.
. "$tests/lib.sh"

export OMP_NUM_THREADS=1 # OpenBLAS sets memory aside for each thread
limited() {
    # shellcheck disable=SC3045 # dash and bash have it
    (ulimit -d "$limit" && exec timeout -s KILL 120 "$@" --threads 1)
}

side=128
count=16384
limit=400000 # KiB
# octal BYTE...: the bytes, for printf.
octal() {
    printf '\\%03o' "$@"
}
make_set() {
    pixels=$((count * side * side * 3))
    header="{\"images\":{\"dtype\":\"U8\",\"shape\":[$count,$side,$side,3],\"data_offsets\":[0,$pixels]}"
    header="$header,\"labels\":{\"dtype\":\"U8\",\"shape\":[$count],\"data_offsets\":[$pixels,$((pixels + count))]}}"
    while [ $((${#header} % 8)) -ne 0 ]; do header="$header "; done
    # shellcheck disable=SC2059 # octal bytes
    printf "$(octal $((${#header} % 256)) $((${#header} / 256)) 0 0 0 0 0 0)" >big.safetensors
    printf '%s' "$header" >>big.safetensors
    truncate -s $((8 + ${#header} + pixels)) big.safetensors
    yes 012345678 | tr '0-8\n' '\000-\011' | head -c $count >>big.safetensors
}

make_set
if [ "$(du -k big.safetensors | cut -f 1)" -gt 1000 ]; then
    echo '# This file system has no sparse files: a small set instead.'
    limit=unlimited
elif ! limited trapdoor-eval --version >/dev/null 2>&1; then
    echo '# This build (sanitized?) does not start under the limit: a small set without one instead.'
    limit=unlimited
fi
if [ $limit = unlimited ]; then
    count=64
    make_set
fi

cat >net.txt <<'NET'
input = image() height=height width=width channels=channels
pool = avg-pool(input) size=32
flat = flatten(pool)
out = dense(flat) out=classes
NET
check_stdout "m.safetensors: 490 parameters, 1 epochs on $count images" \
    limited trapdoor-train -q --data big.safetensors --net net.txt --epochs 1 --batch 64 \
    -o m.safetensors
check_prints "accuracy [0-9.]+ % on $count images$" \
    limited trapdoor-eval -q --data big.safetensors --model m.safetensors

# The limit works: CIFAR's files are copied, and there is no room for a copy of this one.
if [ $limit != unlimited ]; then
    mkdir cifar
    truncate -s $((3073 * 100000)) cifar/test_batch.bin
    check_fails 1 'trapdoor-data info: out of memory for images' \
        limited trapdoor-data info cifar:test
fi
finish

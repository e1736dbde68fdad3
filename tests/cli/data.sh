#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-data: info and show, and messages for a missing or broken data set.
. "$tests/lib.sh"

check_prints '^  fashion-mnist:test +test +0 +10000 +28 +28 +1 +10 ' \
    trapdoor-data info fashion-mnist:test
check_prints '^ +9 +1000  Ankle boot$' trapdoor-data info fashion-mnist:test
check 'info writes a record' trapdoor-data info fashion-mnist:test:0-100 --json info.json
check_field info.json tool '"trapdoor-data"'

check 'the page on data has the tables of the readers' sh -c 'sed -n "/^<!-- trapdoor-data info --help-data/,/^<!-- end/p" \
    "$tests/../../docs/data.md" | sed "1d;\$d" >page && trapdoor-data info --help-data | cmp - page'

check 'show draws a sheet' trapdoor-data show fashion-mnist:test --count 12 -o sheet.png
check 'the sheet is a PNG' sh -c 'head -c 8 sheet.png | od -An -c | grep -q "211   P   N   G"'
check 'the same sheet again' sh -c \
    'trapdoor-data show fashion-mnist:test --count 12 -o - | cmp - sheet.png'
check 'another seed draws other images' sh -c \
    '! trapdoor-data show fashion-mnist:test --count 12 --seed 2 -o - | cmp -s - sheet.png'
check 'two sets side by side' trapdoor-data show fashion-mnist:test:0-50 fashion-mnist:test:50-100 \
    --images 0,1,2 -o pair.png
check_fails 2 'trapdoor-data show: sheet.png: exists already; --force replaces it' \
    trapdoor-data show fashion-mnist -o sheet.png

check_fails 2 'trapdoor-data: COMMAND: expected one of import, info, show, found "destroy"' \
    trapdoor-data destroy fashion-mnist

# Duplicate images, within a set and between two. The set has 60 images of fashion-mnist, two of
# them twice, one of these with another label; set_of FILE makes it.
set_of() {
    folder=/usr/share/datasets/fashion-mnist
    gunzip -c $folder/t10k-images-idx3-ubyte.gz | tail -c +17 | head -c 47040 >pixels
    gunzip -c $folder/t10k-labels-idx1-ubyte.gz | tail -c +9 | head -c 60 >labels
    header='{"images":{"dtype":"U8","shape":[62,28,28,1],"data_offsets":[0,48608]},"labels":{"dtype":"U8","shape":[62],"data_offsets":[48608,48670]}}'
    {
        # shellcheck disable=SC2059 # the format is one octal byte
        printf "$(printf '\\%03o' ${#header})\000\000\000\000\000\000\000%s" "$header"
        cat pixels && head -c 7840 pixels | tail -c 784 && head -c 784 pixels
        cat labels && head -c 10 labels | tail -c 1 && printf '\003'
    } >"$1"
}
set_of twice
check_prints ' 2 \(2 distinct, 1 with different labels\): 0 = 61, 9 = 60$' \
    trapdoor-data info twice
check_prints ' none$' trapdoor-data info fashion-mnist:test:0-60
check_prints '^  twice  fashion-mnist:test:50-150  10 \(10 distinct, 0 with different labels\): 50 = 50, 51 = 51, 52 = 52, 53 = 53, 54 = 54, \.\.\.$' \
    trapdoor-data info twice fashion-mnist:test:50-150
check_prints '^  twice  fashion-mnist:test  60 \(60 distinct, 1 with different labels\): 0 = 0, ' \
    trapdoor-data info twice fashion-mnist:test
check 'the record has them' sh -c 'trapdoor-data info twice fashion-mnist:test:0-30 fashion-mnist:train:0-9 \
    --threads 2 --json - >pairs.json && trapdoor-data info twice fashion-mnist:test:0-30 \
    fashion-mnist:train:0-9 --threads 1 --json - | sed "/timing/,\$d" >one && sed "/timing/,\$d" pairs.json | cmp - one'
check 'a record a pair of sets' test "$(grep -c '"labels_differ"' pairs.json)" -eq 6
check_field pairs.json labels_differ 1
check_field pairs.json distinct 30

# One class.
check 'show --class by name' trapdoor-data show fashion-mnist:test --class Sneaker -o class.png
check 'show --class by index, the same sheet' sh -c \
    'trapdoor-data show fashion-mnist:test --class 7 -o - | cmp - class.png'
check_fails 2 'trapdoor-data show: --class: expected a class of fashion-mnist, '"$fashion"', found "10"' \
    trapdoor-data show fashion-mnist --class 10 -o none.png
check_fails 2 'trapdoor-data show: --class: expected a class that fashion-mnist:test:0-1 has images of, found Bag' \
    trapdoor-data show fashion-mnist:test:0-1 --class Bag -o none.png
check_fails 2 'trapdoor-data show: expected --class or --images, found both' \
    trapdoor-data show fashion-mnist --class Bag --images 1 -o none.png
check 'nothing is written' test ! -e none.png

# refused PATTERN DATA: one line that matches, status 1 or 2, nothing on stdout.
refused() {
    run trapdoor-data info "$2"
    if [ "$status" -ge 1 ] && [ "$status" -le 2 ] && [ ! -s "$scratch/out" ] &&
        [ "$(wc -l <"$scratch/err")" -eq 1 ] && grep -Eq -e "$1" "$scratch/err"; then
        pass "refused: $2"
    else
        sed 's/^/# /' "$scratch/err"
        fail "refused: $2"
    fi
}
refused 'mnist.*--data-dir' mnist
refused 'no-such-set' no-such-set
refused '60000' fashion-mnist:train:0-70000
refused 'half-open|range' fashion-mnist:train:9-3

# A folder of IDX files, then each way to break it. be32 N...: big-endian 32-bit numbers.
be32() {
    for number; do
        # shellcheck disable=SC2059 # the format is made of octal bytes
        printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $((number >> 24 & 255)) $((number >> 16 & 255)) \
            $((number >> 8 & 255)) $((number & 255)))"
    done
}
mkdir idx
images=idx/train-images-idx3-ubyte labels=idx/train-labels-idx1-ubyte
good_images() { be32 2051 2 2 2 >$images && printf 'abcdefgh' >>$images; }
good_labels() { be32 2049 2 >$labels && printf '\000\001' >>$labels; }
good_images && good_labels
check_prints ' 2 +2 +2 +1 ' trapdoor-data info idx
be32 2052 2 2 2 >$images && printf 'abcdefgh' >>$images
refused 'train-images-idx3-ubyte.*2051|train-images-idx3-ubyte.*magic' idx
be32 2051 2 2 2 >$images && printf 'abcdefg' >>$images
refused 'train-images-idx3-ubyte' idx
be32 2051 4294967295 28 28 >$images && printf 'abcdefgh' >>$images
refused 'train-images-idx3-ubyte.*4294967295' idx
good_images && be32 2049 3 >$labels && printf '\000\001\001' >>$labels
refused 'labels.*3|3.*labels' idx
good_labels && : >$images
refused 'train-images-idx3-ubyte' idx
finish

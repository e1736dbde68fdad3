#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend spectral and activation-clustering: suspects in a training set.
. "$tests/lib.sh"

square='square:size=7,at=top-left,value=255'
fm=fashion-mnist
trapdoor-poison dirty-label -q --data $fm:train:0-3000 --trigger $square --target 5 --ratio 0.04 \
    -o sets >/dev/null
set=sets/poisoned.safetensors
trapdoor-train -q --data $set --net lenet5 --epochs 10 -o bad.safetensors >/dev/null

spectral() {
    trapdoor-defend spectral -q --model bad.safetensors --data $set "$@"
}
cluster() {
    trapdoor-defend activation-clustering -q --model bad.safetensors --data $set "$@"
}
# number FILE KEY: the first number with that name; above A B
number() {
    sed -n "s/^ *\"$2\": \([-0-9.e]*\),*\$/\1/p" "$1" | head -n 1
}
above() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'
}
# suspects FILE: one index per line
suspects() {
    sed -n '/^  "suspects": \[/,/^  \]/s/^ *\([0-9][0-9]*\),*$/\1/p' "$1"
}
# of_class FILE K KEY: the value in the entry of class K
of_class() {
    awk -v class="$2," -v key="\"$3\":" '
        $1 == "\"class\":" { inside = $2 == class }
        inside && $1 == key { sub(/,$/, "", $2); print $2; exit }' "$1"
}

# Spectral signatures: 1.5 * 0.2 of each class, rounded down.
check 'spectral finds suspects' spectral --epsilon 0.2 --manifest sets/manifest.json \
    --json spectral.json -o kept.safetensors
cp "$scratch/out" printed
check_field spectral.json method '"spectral"'
check_field spectral.json epsilon 0.2
check_field spectral.json layer '"relu4"'
check_field spectral.json features 84
check_field spectral.json images 3120
check_field spectral.json suspect_count 932
check 'class 5 has 420 images' test "$(of_class spectral.json 5 images)" = 420
check 'of which 126 are suspects' test "$(of_class spectral.json 5 suspects)" = 126
check 'and 120 poisoned' test "$(of_class spectral.json 5 poisoned)" = 120
check 'its scores tell these from others' above "$(of_class spectral.json 5 auroc)" 0.75
for field in precision precision_interval recall recall_interval false_positive_rate \
    false_positive_rate_count auroc_interval variance_share median_score lowest_suspect; do
    check "the record has $field" grep -q "\"$field\":" spectral.json
done
check 'precision, recall and false positives are printed' \
    sh -c 'test "$(grep -Ec "^  (precision|recall|false positives): [0-9.]+ \[[0-9., ]+\] %$" printed)" = 3'
hits=$(sed -n '/"precision_count": \[/{n;s/[^0-9]//g;p;}' spectral.json)
for row in "prior 120/3120" "f1 2*$hits/(932+120)" "weighted_f1 2*$hits/(932+$hits+9*(120-$hits))"; do
    check "the ${row%% *} is ${row#* }" awk -v found="$(number spectral.json "${row%% *}")" \
        "BEGIN { d = found - (${row#* }); exit !(found != \"\" && d < 1e-9 && d > -1e-9) }"
done
check 'as many suspects as are counted' test "$(suspects spectral.json | wc -l)" -eq 932
check 'spectral says nothing of classes' sh -c '! grep -q flagged spectral.json'

# The set without the suspects.
check_prints ' 2188 +28 +28 +1 ' trapdoor-data info kept.safetensors
check_field spectral.json file '"kept.safetensors"'
suspects spectral.json >gone
# The images of a set, one per line, and its labels; without those listed in `gone`.
images() {
    tail -c $(($2 * 785)) "$1" | head -c $(($2 * 784)) | od -An -v -tx1 -w784
}
labels() {
    tail -c "$2" "$1" | od -An -v -tu1 -w1
}
without_gone() {
    awk 'BEGIN { while ((getline line < "gone") > 0) out[line] = 1 } !(NR - 1 in out)'
}
images $set 3120 | without_gone >expected
images kept.safetensors 2188 >found
check 'the images left are those that are no suspects' cmp expected found
labels $set 3120 | without_gone >expected
labels kept.safetensors 2188 >found
check 'with their labels' cmp expected found

# The ground truth only measures.
check 'without the truth' spectral --epsilon 0.2 --json blind.json -o blind.safetensors
check 'the same suspects' cmp kept.safetensors blind.safetensors
check 'and nothing measured' sh -c '! grep -q -e truth -e precision -e poisoned_ blind.json'

# Activation clustering.
check 'activation clustering finds suspects' cluster --manifest sets/manifest.json \
    --json clusters.json
cp "$scratch/out" printed
check_field clusters.json method '"activation-clustering"'
check_field clusters.json reduction '"pca"'
check_field clusters.json dimensions 10
check_field clusters.json size 0.35
check_field clusters.json silhouette 0.1
check 'class 5 is flagged' test "$(of_class clusters.json 5 flagged)" = true
check 'and printed so' grep -Eq '^ +5 +Sandal .* FLAGGED ' printed
n=$(of_class clusters.json 5 suspects)
check 'nine in ten of its suspects are poisoned' \
    test "$(($(of_class clusters.json 5 poisoned_suspects) * 10))" -gt $((n * 9))
check 'half of the poisoned images are found' test "$n" -gt 60
cluster --exit-code >/dev/null
check '--exit-code tells of a flagged class' test $? -eq 3
check 'no cluster is that small' cluster --exit-code --size 0.001 --json none.json -o all.safetensors
check_field none.json suspect_count 0
check_prints ' 3120 +28 +28 +1 ' trapdoor-data info all.safetensors

# The same at any number of threads; other starts give the same clusters.
for threads in 1 2 3; do
    spectral --threads $threads --json s$threads.json >/dev/null
    cluster --threads $threads --json c$threads.json >/dev/null
    without_timing s$threads.json >s$threads
    without_timing c$threads.json >c$threads
done
for threads in 2 3; do
    check "spectral: the same record at $threads threads" cmp s1 s$threads
    check "activation-clustering: the same record at $threads threads" cmp c1 c$threads
done

# A range of the set, another layer, classes without images.
check 'a range of the set' trapdoor-defend spectral -q --model bad.safetensors \
    --data $set:train:3000-3120 --manifest sets/manifest.json --json range.json
check_field range.json poisoned 120
check_field range.json recall 0.15
check 'suspects are counted from the start of the set' above "$(suspects range.json | head -n 1)" 2999
check 'nine classes without images are passed over' test "$(grep -c '"images": 0,' range.json)" -eq 9
check 'the mean over positions of a convolution' spectral --layer relu2 --json layer.json
check_field layer.json features 16
check 'another layer, in fewer dimensions' cluster --layer flat --dimensions 3 \
    --json flat.json
check_field flat.json features 256

# Fewer images than values: directions come from the images' inner products.
for threads in 1 3; do
    check "few images at $threads threads" trapdoor-defend activation-clustering -q \
        --model bad.safetensors --data $set:train:2000-3120 --layer flat --size 0.5 \
        --manifest sets/manifest.json --threads $threads --json few.json --force
    without_timing few.json >few$threads
done
check 'few images: the same record at 3 threads' cmp few1 few3
check 'few images: class 5 is flagged' test "$(of_class few.json 5 flagged)" = true
n=$(of_class few.json 5 suspects)
check 'few images: its suspects are poisoned' \
    test "$(($(of_class few.json 5 poisoned_suspects) * 10))" -gt $((n * 9))

# Classes with too few images are left out but stay in the cleaned set; classes without images do
# not count.
trapdoor-data import -q $fm:train:0-60 --per-class 4 -o four.safetensors >/dev/null
trapdoor-data import -q $fm:train:0-60 -o sixty.safetensors >/dev/null
few() {
    trapdoor-defend activation-clustering --model bad.safetensors --data "$1" --dimensions 6 \
        --json small.json --force -o few.safetensors
}
check 'some classes are too small' few sixty.safetensors
cp "$scratch/err" said
check 'which is said' grep -qx 'trapdoor-defend activation-clustering: note: sixty.safetensors: left out, '\
'with fewer images than the 7 that a judgement takes: class 1 "Trouser" (3) and 4 more' said
count=$(of_class small.json 1 images)
check 'one left out is counted' test "$count" = 3
check 'but neither flagged nor not' test -z "$(of_class small.json 1 flagged)"
check 'a class that is judged is' test -n "$(of_class small.json 0 flagged)"
check_field small.json left_out '['
check 'the cleaned set has its images' sh -c \
    "trapdoor-data info few.safetensors | grep -Eq '^ +1 +3  Trouser$'"
check_fails 2 'trapdoor-defend spectral: four.safetensors: expected a class with at least the 7 images that a judgement takes, found none' \
    trapdoor-defend spectral -q --model bad.safetensors --data four.safetensors

# Refusals.
me=trapdoor-defend
check_fails 2 "$me spectral: expected --model, found none" trapdoor-defend spectral
check_fails 2 "$me spectral: expected --data, found none" trapdoor-defend spectral --model m
for epsilon in 0 0.51 nan; do
    check_fails 2 "$me spectral: --epsilon: expected a number in (0, 0.5], found \"$epsilon\"" \
        spectral --epsilon $epsilon
done
check_fails 2 "$me activation-clustering: --silhouette: expected a number in [-1, 1], found \"2\"" \
    cluster --silhouette 2
check_fails 2 "$me spectral: $set:train:0-60: expected a class with at least the 67 images that a \
judgement takes, found none" trapdoor-defend spectral -q --model bad.safetensors \
    --data $set:train:0-60 --epsilon 0.01
check_fails 2 "$me activation-clustering: --layer: expected a node of the net, found \"relu9\"" \
    cluster --layer relu9
trapdoor-data import -q $fm:test:0-20 --size 10x10 -o small.safetensors >/dev/null
check_fails 2 "$me spectral: small.safetensors: the net takes images of 28×28×1 \
(height×width×channels), the data's are 10×10×1" \
    trapdoor-defend spectral -q --model bad.safetensors --data small.safetensors
check_fails 1 "$me spectral: absent.safetensors: No such file or directory" \
    trapdoor-defend spectral --model absent.safetensors --data $set
digest=$(sha256sum kept.safetensors | cut -c 1-16)
check_fails 2 "$me spectral: sets/manifest.json: expected an output with SHA-256 $digest..., that of \
kept.safetensors, found none: it is of another set" trapdoor-defend spectral -q \
    --model bad.safetensors --data kept.safetensors --manifest sets/manifest.json
check_fails 2 "$me spectral: sets/manifest.json: expected the set that it was written with as \
--data, one file, found $fm:train:0-3000" trapdoor-defend spectral -q --model bad.safetensors \
    --data $fm:train:0-3000 --manifest sets/manifest.json
sed 's/^\( *\)3119$/\19999/' sets/manifest.json >beyond.json
check_fails 1 "$me spectral: beyond.json: poisoned_indices: expected indices below the \"count\" of \
the output" spectral --manifest beyond.json
sed 's/^\( *\)3001,$/\12999,/' sets/manifest.json >unsorted.json
check_fails 1 "$me spectral: unsorted.json: poisoned_indices[1]: expected an index above 3000, found \
a lower one" spectral --manifest unsorted.json
check_fails 2 "$me spectral: kept.safetensors: exists already; --force replaces it" \
    spectral -o kept.safetensors
check_fails 2 "$me spectral: -o: expected a file to write, found \"-\", standard output" spectral -o -
check_fails 1 "$me spectral: /dev/full: No space left on device" \
    sh -c "trapdoor-defend spectral -q --model bad.safetensors --data $set --json /dev/full \
        -o none.safetensors >/dev/null"
check 'and leaves no set' test ! -e none.safetensors
finish

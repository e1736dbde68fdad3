#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-defend: the filters of training sets beyond spectral and activation-clustering (those are
# in datadef.sh).
. "$tests/lib.sh"

square='square:size=7,at=top-left,value=255'
fm=fashion-mnist
trapdoor-poison dirty-label -q --data $fm:train:0-3000 --trigger $square --target 5 --ratio 0.06 \
    -o sets >/dev/null
set=sets/poisoned.safetensors
# With seed 2 every method finds the square by far, whatever the core of OpenBLAS.
trapdoor-train -q --data $set --net lenet5 --epochs 10 --seed 2 -o bad.safetensors >/dev/null

# filter METHOD ARGUMENTS...
filter() {
    method=$1
    shift
    case $method in
    spectre) clean= ;;
    *) clean="--clean $fm:test:0-600" ;;
    esac
    # shellcheck disable=SC2086 # two words, or none
    trapdoor-defend "$method" -q --model bad.safetensors --data $set $clean "$@"
}
above() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'
}
# of_class FILE K KEY: the value in the entry of class K; number FILE KEY: the first with that name
of_class() {
    awk -v class="$2," -v key="\"$3\":" '
        $1 == "\"class\":" { inside = $2 == class }
        inside && $1 == key { sub(/,$/, "", $2); print $2; exit }' "$1"
}
number() {
    sed -n "s/^ *\"$2\": \([-0-9.e]*\),*\$/\1/p" "$1" | head -n 1
}

for method in spectre scan-filter beatrix; do
    case $method in
    spectre) more='--epsilon 0.2' least=60 share=2 ;;
    scan-filter) more='--index 2' least=90 share=4 ;;
    beatrix) more='--index 2' least=90 share=4 ;;
    esac
    for threads in 1 2; do
        # shellcheck disable=SC2086 # several words
        filter $method $more --manifest sets/manifest.json --threads $threads --json $method-$threads.json \
            -o kept-$threads.safetensors >printed 2>err
        check "$method runs" test $? -eq 0
        without_timing $method-$threads.json | sed 's/kept-[12]/kept/' >record-$threads
    done
    check "$method: the same record at 2 threads" cmp record-1 record-2
    check "$method: the same set at 2 threads" cmp kept-1.safetensors kept-2.safetensors
    record=$method-1.json
    check_field $record method "\"$method\""
    check "$method flags class 5" test "$(of_class $record 5 flagged)" = true
    hits=$(of_class $record 5 poisoned_suspects)
    check "$method: most of its suspects are poisoned" \
        test $((hits * share)) -gt $(($(of_class $record 5 suspects) * (share - 1)))
    check "$method finds many of the 180 poisoned images" test "$hits" -gt $least
    for field in precision recall f1 false_positive_rate index; do
        check "$method: the record has $field" grep -q "\"$field\":" $record
    done
    # F1 follows from the record's own counts.
    awk '/"(precision|recall)_count": / { getline; hits = $1 + 0; getline; sum += $1 + 0 }
         /"f1": / { gsub(/,/, ""); f1 = $2 }
         END { d = f1 - 2 * hits / sum; exit !(d < 1e-6 && d > -1e-6) }' $record
    check "$method: F1 is that of precision and recall" test $? -eq 0
    check_prints " $((3180 - $(number $record suspect_count))) +28 +28 +1 " \
        trapdoor-data info kept-1.safetensors
    rm kept-1.safetensors kept-2.safetensors
    # The ground truth only measures.
    # shellcheck disable=SC2086 # several words
    check "$method without the truth" filter $method $more --json blind.json --force
    sed -n '/^  "suspects": \[/,/^  \]/p' $record >seen
    sed -n '/^  "suspects": \[/,/^  \]/p' blind.json >blind
    check "$method: the same suspects" cmp seen blind
    # shellcheck disable=SC2086 # several words
    filter $method $more --exit-code >/dev/null
    check "$method: --exit-code tells of a flagged class" test $? -eq 3
    # Nothing flagged: no precision, a recall and an F1 of 0.
    filter $method --index 1e9 --manifest sets/manifest.json --json none.json --force --exit-code >/dev/null
    check "$method: nothing is flagged at a high index" test $? -eq 0
    check_field none.json suspect_count 0
    check_field none.json recall 0.0
    check_field none.json f1 0.0
done

# AGPD: a net with a few channels says little, but it is the same at any number of threads.
for threads in 1 2; do
    check 'agpd runs' filter agpd --index 0 --manifest sets/manifest.json --threads $threads \
        --json agpd-$threads.json
    without_timing agpd-$threads.json >record-$threads
done
check 'agpd: the same record at 2 threads' cmp record-1 record-2
check_field agpd-1.json reduction '"gradients"'
for field in precision recall f1 index spread; do
    check "agpd: the record has $field" grep -q "\"$field\":" agpd-1.json
done
check 'agpd looks at one convolution' filter agpd --layer conv1 --json one.json
check_field one.json layer '"conv1"'
check_field one.json features 6

# Bad inputs.
me=trapdoor-defend
# Two classes of constant images, one class to compare with, one image, and a class that the model
# does not have.
constant flat 40
constant other 20 0 z
cp -r flat three && mkdir three/c && cp other/a/1.pgm three/c
constant unlike 20 1 2
trapdoor-train -q --data flat --net lenet5 --epochs 1 -o flat.safetensors >/dev/null
for method in spectral activation-clustering spectre scan-filter beatrix agpd; do
    compare=
    case $method in scan-filter | beatrix | agpd) compare='--clean other' ;; esac
    # shellcheck disable=SC2086 # two words, or none
    check "$method: two classes of constant images" defined $me $method -q --model flat.safetensors --data flat $compare
    # shellcheck disable=SC2086
    check "$method: one image" defined $me $method -q --model flat.safetensors --data unlike::0-1 $compare
    test -z "$compare" || check "$method: clean images of one class" defined $me $method -q --model flat.safetensors \
        --data unlike --clean other::0-20
    # shellcheck disable=SC2086
    check_fails 2 "$me $method: three: expected classes of flat.safetensors, 0 \"a\", 1 \"b\", found 2 \"c\" \
with 1 image; trapdoor-data import --classes a,b leaves it out, --class-names renames it" \
        $me $method -q --model flat.safetensors --data three $compare
done
# Of three the one in the middle has an index of exactly 0, and the one below it less: two are flagged.
trapdoor-data import -q $fm:train:0-600 --classes 0,1,2 -o middle.safetensors >/dev/null
trapdoor-train -q --data middle.safetensors --net lenet5 --epochs 2 -o middle.model >/dev/null
run $me spectre -q --model middle.model --data middle.safetensors --index 0 --json middle.json
check 'an index flags classes that reach it, on one side' test "$(grep -c '"flagged": true' middle.json)" -eq 2
note="$me scan-filter: note: $set: left out, with fewer images than the 4 that a judgement takes, and \
the 2 clean ones that the model classifies correctly: class"
trapdoor-data import -q $fm:test:0-12 -o few.safetensors >/dev/null
run trapdoor-defend scan-filter --model bad.safetensors --data $set --clean few.safetensors
cp "$scratch/err" err
check 'classes without clean images are left out, which is said' grep -q "^$note" err
run trapdoor-defend beatrix --model bad.safetensors --data $set --clean few.safetensors
cp "$scratch/err" err
check 'no class with enough clean images' grep -q 'expected a class with at least the 1 images that a judgement takes, and the 10 clean ones, found none' err
check_fails 2 "$me beatrix: expected --clean, found none" trapdoor-defend beatrix --model m --data d
check_fails 2 "$me scan-filter: $fm:train:0-3000: expected no image of --clean $fm:train:0-100, since \
what is compared with must not judge, found 0-100 in both" trapdoor-defend scan-filter -q \
    --model bad.safetensors --data $fm:train:0-3000 --clean $fm:train:0-100
check_fails 2 "$me beatrix: --layer: expected a node of the net, found \"relu9\"" \
    filter beatrix --layer relu9
check_fails 2 "$me agpd: bad.safetensors: expected --layer to be a convolution with a bias or a batch \
norm after it, found none" filter agpd --layer relu1
check_fails 2 "$me spectre: --epsilon: expected a number in (0, 0.33], found \"0.4\"" \
    filter spectre --epsilon 0.4
# Two classes: neither can stand out.
trapdoor-data import -q $fm:train:0-600 --classes 0,1 -o two.safetensors >/dev/null
trapdoor-train -q --data two.safetensors --net lenet5 --epochs 1 -o two.model >/dev/null
run trapdoor-defend spectre --model two.model --data two.safetensors --exit-code
cp "$scratch/err" err
check 'of two classes none is flagged' test "$status" -eq 0
check 'which is said' grep -qx "$me spectre: warning: two.safetensors: classes are compared with each other: of 2 none can stand out, and none is flagged" err
run trapdoor-defend spectre --model bad.safetensors --data $set:train:0-3 --epsilon 0.3
cp "$scratch/err" err
check 'too few images of any class' grep -q 'expected a class with at least the 8 images' err
finish

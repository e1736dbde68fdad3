#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-data import: the contents of the set, and refused input.
. "$tests/lib.sh"
# shellcheck disable=SC2086 # $T is two words
T='trapdoor-data import'

# pgm FILE W H PIXELS and ppm FILE W H PIXELS: PIXELS are numbers.
bytes() {
    for number; do
        # shellcheck disable=SC2059 # the format is one octal byte
        printf "$(printf '\\%03o' "$number")"
    done
}
pnm() {
    printf '%s\n%d %d\n255\n' "$1" "$3" "$4" >"$2"
    shift 4
    bytes "$@" >>"$file"
}
pgm() {
    file=$1
    pnm P5 "$@"
}
ppm() {
    file=$1
    pnm P6 "$@"
}

# holds WHAT FILE NUMBER...: the bytes after the header, pixels and then labels.
holds() {
    what=$1
    body=$2
    shift 2
    length=$(od -An -tu4 -N4 "$body" | tr -d ' ')
    found=$(tail -c +$((length + 9)) "$body" | od -An -v -tu1 | tr -s ' \n' ' ')
    [ "$found" = " $* " ] || echo "# found:$found"
    check "$what" test "$found" = " $* "
}

# refuse STATUS TEXT ARGUMENT...: the tool prints TEXT, and leaves nothing behind.
mkdir out
refuse() {
    status_wanted=$1
    text=$2
    shift 2
    check_fails "$status_wanted" "trapdoor-data import: $text" $T "$@" -o out/refused
    check 'nothing is left' test -z "$(ls -A out)"
}

# Pictures of one size, grey.
mkdir -p pets/cat pets/dog pets/emu
pgm pets/cat/a.pgm 2 2 1 2 3 4
pgm pets/cat/b.pgm 2 2 5 6 7 8
pgm pets/dog/a.pgm 2 2 10 20 30 40
pgm pets/emu/a.pgm 2 2 100 110 120 130
pgm pets/emu/b.pgm 2 2 0 0 0 0
pgm pets/emu/c.pgm 2 2 255 255 255 255
PETS='1 2 3 4 5 6 7 8 10 20 30 40 100 110 120 130 0 0 0 0 255 255 255 255'
check_stdout '6 images of 2x2x1 (height, width, channels), 3 classes of 1 to 3' \
    $T pets -o pets.safetensors --json pets.json
# shellcheck disable=SC2086 # numbers
holds 'pixels and labels' pets.safetensors $PETS 0 0 1 2 2 2
check 'class names and source, but no path' sh -c 'head -c 400 pets.safetensors |
    grep -qF "\"__metadata__\":{\"class_names\":\"[\\\"cat\\\",\\\"dog\\\",\\\"emu\\\"]\",\"classes\":\"3\",\"source\":\"pets\"}"'
check_field pets.json sha256 "\"$(sha256sum pets.safetensors | cut -d ' ' -f 1)\""
check_field pets.json sha256 "\"$(cd pets && sha256sum cat/* dog/* emu/* | sha256sum | cut -d ' ' -f 1)\""
check_field pets.json files 6
check_field pets.json images 6
check_field pets.json resized 0
check_prints '^  pets.safetensors +0 +6 +2 +2 +1 ' trapdoor-data info pets.safetensors
check 'from another place, the same bytes' sh -c \
    "$T ./pets/ -o again && cmp again pets.safetensors && $T \"\$PWD/pets\" -o again --force && cmp again pets.safetensors"
mkdir sets && cp pets.safetensors sets/pets
check 'of the set itself, the same bytes' sh -c "$T sets/pets -o same && cmp same pets.safetensors"

# Selection.
check_ok sh -c "exec $T pets --classes emu,0 -o some --json some.json >/dev/null"
holds 'classes become labels in the order given' some \
    1 2 3 4 5 6 7 8 100 110 120 130 0 0 0 0 255 255 255 255 1 1 0 0 0
check 'with their names' grep -aq '\[\\"emu\\",\\"cat\\"\]' some
check_field some.json files 5
check_field some.json classes '"emu,0"'
check_stdout '3 images of 2x2x1 (height, width, channels), 3 classes of 1' \
    $T pets --per-class 1 -o few
holds 'the first of each class' few 1 2 3 4 10 20 30 40 100 110 120 130 0 1 2
check_ok sh -c "exec $T pets::2-4 -o range >/dev/null"
holds 'a range' range 10 20 30 40 100 110 120 130 1 2
check_ok sh -c "exec $T pets --shuffle -o shuffled >/dev/null"
check 'shuffled: the same images in another order' sh -c '! cmp -s shuffled pets.safetensors'
check 'shuffled: no image is lost' test \
    "$(trapdoor-data info pets.safetensors shuffled | grep -c '^  pets.safetensors  shuffled *6 ')" -eq 1
check_ok sh -c "exec $T pets --shuffle --seed 2 -o other >/dev/null"
check 'shuffled by the seed' sh -c '! cmp -s shuffled other'

refuse 2 '--classes: expected a class of pets, 0 "cat", 1 "dog", 2 "emu", found "cow"' pets --classes cat,cow
refuse 2 '--classes: expected a class of pets, 0 "cat", 1 "dog", 2 "emu", found "3"' pets --classes 3
refuse 2 '--classes: expected a class of pets, 0 "cat", 1 "dog", 2 "emu", found ""' pets --classes cat,
refuse 2 '--classes: expected each class once, found class 1 twice, as "dog" the second time' \
    pets --classes 1,cat,dog
refuse 2 'pets::0-3: expected images of class 2 (emu), found none' pets::0-3 --classes cat,emu
refuse 2 'pets::0-3: expected images of class 2 (emu), found none' pets::0-3 --per-class 9
refuse 2 'pets::3-3: range: expected A-B with A < B <= 6, the number of images, found 3-3' pets::3-3

# Sizes.
mkdir -p mixed/a
pgm mixed/a/1.pgm 2 2 10 20 30 40
pgm mixed/a/2.pgm 4 2 0 4 8 12 16 20 24 28
refuse 1 'mixed/a/2.pgm: expected 2x2 as mixed/a/1.pgm has, found 4x2; --size WxH makes them one size' \
    mixed
check_stdout '2 images of 2x4x1 (height, width, channels), 1 classes of 2; 1 resized (nearest)' $T mixed --size 4x2 --filter nearest -o up
holds 'made larger' up 10 10 20 20 30 30 40 40 0 4 8 12 16 20 24 28 0 0
check_ok sh -c "exec $T mixed --size 1x1 --filter box -o down --json down.json >/dev/null"
holds 'made smaller' down 25 14 0 0
check_field down.json resized 2
check_field down.json filter '"box"'
check_ok sh -c "exec $T mixed --size 3x3 -o smooth --json smooth.json >/dev/null"
check_field smooth.json filter '"bilinear"'
check_fails 2 'trapdoor-data import: --size: expected a whole number or a pair AxB from 1 to 16384, found "32x"' \
    $T pets --size 32x -o out/refused
check_fails 2 'trapdoor-data import: --size: expected a whole number or a pair AxB from 1 to 16384, found "4x0"' \
    $T pets --size 4x0 -o out/refused
check_fails 2 'trapdoor-data import: --filter: expected --size with it, found none' \
    $T pets --filter box -o out/refused
check_fails 2 'trapdoor-data import: --filter: expected one of nearest, box, bilinear, bicubic, lanczos, found "sinc"' \
    $T pets --size 2x2 --filter sinc -o out/refused

# Colours: RGB as soon as one picture is in colour, whichever it is.
mkdir -p colours/a
pgm colours/a/1.pgm 1 1 7
ppm colours/a/2.ppm 1 1 255 0 0
check_stdout '2 images of 1x1x3 (height, width, channels), 1 classes of 2; 1 made RGB' $T colours -o rgb
holds 'grey and RGB become RGB' rgb 7 7 7 255 0 0 0 0
check_stdout '2 images of 1x1x1 (height, width, channels), 1 classes of 2; 1 made grey' $T colours --gray -o grey
holds 'or grey' grey 7 76 0 0
check_ok sh -c "exec $T colours --grey -o other --force >/dev/null"
check '--grey is --gray' cmp grey other
check '--help names --gray only' sh -c "$T --help >help && grep -q -e --gray help && ! grep -q -e --grey help"
check '--help has examples' grep -q '^  trapdoor-data import ' help

# Any number of threads: the same bytes, and the same error of several.
mkdir -p many/a many/b
for i in $(seq 100 200); do
    pgm "many/a/$i.pgm" 1 2 $((i - 1)) "$i"
    pgm "many/b/$i.pgm" 2 1 "$i" $((i - 50))
done
for threads in 1 2 3; do
    check_ok sh -c "exec $T many --size 5x4 --filter lanczos --shuffle --threads $threads \
        -o many.$threads --json many.json --force >/dev/null"
    without_timing many.json | sed 's/many\.[123]//' >record.$threads
done
check 'the same bytes with 1 and 2 threads' cmp many.1 many.2
check 'the same bytes with 1 and 3 threads' cmp many.1 many.3
check 'the same record' sh -c 'cmp record.1 record.2 && cmp record.1 record.3'
pgm many/a/150.pgm 2 2 1 2 3
pgm many/b/150.pgm 2 2 1 2 3
for threads in 1 2 3; do
    run $T many --size 5x4 --threads $threads -o out/refused
    cp "$scratch/err" "error.$threads"
done
check 'a cut picture is named' grep -q '^trapdoor-data import: many/a/150.pgm: ' error.1
check 'the same error with 1, 2 and 3 threads' sh -c 'cmp error.1 error.2 && cmp error.1 error.3'
check 'nothing is left' test -z "$(ls -A out)"

# Files that are not pictures. broken STATUS PLACE DATA: refused, naming the place.
broken() {
    run $T "$3" -o out/refused
    found=$status
    cp "$scratch/err" err
    check "$3 fails with $1" test "$found" -eq "$1"
    check "and says: $(cat err)" grep -q "^trapdoor-data import: $2: .*expected .*found" err
    check 'nothing is left' test -z "$(ls -A out)"
}
mkdir -p cut/a empty none/a
bytes 255 216 255 224 0 16 74 70 73 70 0 1 1 0 0 1 0 1 0 0 >cut/a/1.jpg
broken 1 cut/a/1.jpg cut
rm cut/a/1.jpg && bytes 137 80 78 71 13 10 26 10 0 0 0 13 73 72 68 82 >cut/a/1.png
broken 1 cut/a/1.png cut
: >cut/a/1.png
broken 1 cut/a/1.png cut
broken 1 empty empty
broken 1 none none

# Arrays: IDX files unchanged, and through the same steps.
FOLDER=/usr/share/datasets/fashion-mnist
check_ok sh -c "exec $T fashion-mnist:test:0-100 -o fashion >/dev/null"
{
    gunzip -c $FOLDER/t10k-images-idx3-ubyte.gz | tail -c +17 | head -c 78400
    gunzip -c $FOLDER/t10k-labels-idx1-ubyte.gz | tail -c +9 | head -c 100
} >expected
check 'IDX files: their pixels and labels' sh -c 'tail -c 78500 fashion | cmp - expected'
check 'IDX files: the split is kept' grep -aq '"split":"test"' fashion
check_stdout '20 images of 14x14x1 (height, width, channels), 2 classes of 10; 20 resized (bilinear)' \
    $T fashion-mnist --classes Bag,1 --per-class 10 --size 14x14 -o bags

# GTSRB: the regions of interest.
signs=signs/GTSRB/Final_Training/Images/00007
mkdir -p $signs
ppm $signs/1.ppm 3 2 1 1 1 2 2 2 3 3 3 4 4 4 5 5 5 6 6 6
printf 'Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\r\n1.ppm;3;2;1;0;3;1;7\r\n' \
    >$signs/GT-00007.csv
check_ok sh -c "exec $T signs --roi -o signs.safetensors >/dev/null"
holds 'a region of interest' signs.safetensors 2 2 2 3 3 3 7
check_ok sh -c "exec $T signs --classes '100 km/h' --gray -o hundred >/dev/null"
holds 'the whole picture of one class' hundred 1 2 3 4 5 6 0
refuse 2 "--roi: expected pictures with a region of interest, as GTSRB's have; those of pets have none" \
    pets --roi

# Output paths.
check_fails 2 'trapdoor-data import: pets.safetensors: exists already; --force replaces it' \
    $T colours -o pets.safetensors
check 'what was there stays' cmp sets/pets pets.safetensors
check_ok sh -c "exec $T colours -o pets.safetensors --force >/dev/null"
check '--force replaces it' sh -c 'cmp -s pets.safetensors rgb'
check_fails 1 'trapdoor-data import: /dev/full: writing tensor "images": No space left on device' \
    $T fashion-mnist:test -o /dev/full
check_fails 1 'trapdoor-data import: /dev/full: No space left on device' $T pets -o /dev/full
check_fails 1 'trapdoor-data import: no/such/folder: No such file or directory' $T pets -o no/such/folder
check_fails 1 'trapdoor-data import: pets.json/set: Not a directory' $T pets -o pets.json/set
mkdir locked && chmod 555 locked
if [ "$(id -u)" -eq 0 ]; then
    skip 'a folder that may not be written to' 'root may'
else
    check_fails 1 'trapdoor-data import: locked/set: Permission denied' $T pets -o locked/set
fi
check_fails 2 'trapdoor-data import: -o is missing: the file to write' $T pets
check_fails 2 'trapdoor-data import: -o: expected a file to write, found "-", standard output' $T pets -o -
check_fails 2 'trapdoor-data import: expected DATA, found none' $T -o out/refused
check_fails 2 'trapdoor-data import: unexpected argument "mixed"' $T pets mixed -o out/refused
check_ok sh -c "exec $T pets -o out/set --json - >record"
check_field record command '"import"'
rm out/set
run timeout -s INT 0.7 $T fashion-mnist --size 400x400 -o out/refused
cp "$scratch/err" err
check 'Ctrl-C is told' grep -qx 'trapdoor-data import: interrupted' err
check 'Ctrl-C leaves nothing' test -z "$(ls -A out)"
finish

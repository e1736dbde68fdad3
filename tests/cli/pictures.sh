#!/bin/sh
# SPDX-License-Identifier: MIT
# Real-world pictures: turned by EXIF, transparent, broken, too dark.
. "$tests/lib.sh"
T='trapdoor-data import'

# bytes NUMBER...: a byte each.
bytes() {
    for number; do
        # shellcheck disable=SC2059 # the format is one octal byte
        printf "$(printf '\\%03o' "$number")"
    done
}

# pixels FILE: the numbers after the header, pixels and then labels.
pixels() {
    length=$(od -An -tu4 -N4 "$1" | tr -d ' ')
    tail -c +$((length + 9)) "$1" | od -An -v -tu1 | tr -s ' \n' ' '
}
holds() {
    found=$(pixels "$1")
    [ "$found" = " $2 " ] || echo "# found:$found"
    check "$1 holds $2" test "$found" = " $2 "
}

# A grey picture of 3x2 pixels, 10 20 30 over 40 50 60, stored on its side with EXIF orientation 6.
mkdir -p phone/a
base64 -d >phone/a/1.png <<'END'
iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAAAAACcgYFdAAAAGmVYSWZNTQAqAAAACAABARIAAwAAAAEABgAAAAAAANZnS2kAAAAR
SURBVHicY5STY/r2jenbNwANbgQaU4AFLwAAAABJRU5ErkJggg==
END
check_stdout '1 images of 2x3x1 (height, width, channels), 1 classes of 1; 1 turned upright (EXIF)' \
    $T phone -o turned --json turned.json
holds turned '10 20 30 40 50 60 0'
check_field turned.json turned 1
check_stdout '1 images of 3x2x1 (height, width, channels), 1 classes of 1; 1 not turned (EXIF)' \
    $T phone --no-orientation -o stored --json stored.json
holds stored '30 60 20 50 10 40 0'
check_field stored.json left_as_stored 1
check_stdout '1 images of 3x2x1 (height, width, channels), 1 classes of 1; 1 turned upright (EXIF)' \
    $T phone --transpose -o transposed
holds transposed '10 40 20 50 30 60 0'
check_ok sh -c "exec $T turned --transpose -o again >/dev/null"
check 'an array is transposed alike' sh -c 'tail -c 7 again >a && tail -c 7 transposed | cmp - a'
check 'a tool that reads the folder itself says so' sh -c \
    'trapdoor-data show phone -o sheet.png 2>&1 | grep -qx "trapdoor-data show: note: phone: 1 pictures were turned upright, as their EXIF says"'

# Black ink whose shape is only in its alpha: a BMP of 2x1 pixels with a mask for alpha.
bmp() {
    printf BM
    bytes 78 0 0 0 0 0 0 0 70 0 0 0 56 0 0 0 2 0 0 0 1 0 0 0 1 0 32 0 3 0 0 0
    bytes 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
    bytes 255 0 0 0 0 255 0 0 0 0 255 0 0 0 0 255 "$@"
}
mkdir -p ink/a
bmp 0 0 0 255 0 0 0 0 >ink/a/1.bmp
check_stdout '1 images of 1x2x3 (height, width, channels), 1 classes of 1; 1 laid on a ground (255)' \
    $T ink -o white --json white.json
holds white '0 0 0 255 255 255 0'
check_field white.json transparent 1
check_field white.json without_alpha 1
check_field white.json lost_on_ground 0
run $T ink --ground black -o black
cp "$scratch/err" err
check 'ink that is lost on black is warned about' grep -qF \
    'warning: ink: 1 pictures are of one colour on the ground that they were laid on' err
holds black '0 0 0 0 0 0 0'
check_stdout '1 images of 1x2x3 (height, width, channels), 1 classes of 1; 1 laid on a ground (1/2/3)' \
    $T ink --ground 1/2/3 -o blue
holds blue '0 0 0 1 2 3 0'
check_fails 2 'trapdoor-data import: --ground: expected black, white, V or R/G/B, whole numbers from 0 to 255, found "grey"' \
    $T ink --ground grey -o none
check 'a tool that reads the folder itself says so' sh -c \
    'trapdoor-data show ink -o inks.png 2>&1 | grep -qx "trapdoor-data show: note: ink: 1 pictures with transparent pixels were laid on white"'

# Values of 0 and 1.
mkdir -p dark/a light/a
{ printf 'P5 2 1 255\n' && bytes 0 1; } >dark/a/1.pgm
check 'no value above 1 is warned about' sh -c \
    "$T dark -o d 2>&1 >/dev/null | grep -qF 'warning: dark: no value is above 1 of 255'"
check 'by info as well' sh -c \
    'trapdoor-data info dark 2>&1 >/dev/null | grep -qF "info: warning: dark: no value is above 1 of 255"'
{ printf 'P5 2 1 255\n' && bytes 0 2; } >light/a/1.pgm
check_ok sh -c "exec $T light -o l >/dev/null"
{ printf 'P5 2 1 255\n' && bytes 0 0; } >light/a/1.pgm
check_ok sh -c "exec $T light -o l --force >/dev/null"

# Broken pictures are left out and listed; the first of a class are the valid ones.
mkdir -p torn/a torn/b
echo nonsense >torn/a/0.png
{ printf 'P5 2 1 255\n' && bytes 7 8; } >torn/a/1.pgm
{ printf 'P5 2 1 255\n' && bytes 9; } >torn/b/1.pgm
{ printf 'P5 2 1 255\n' && bytes 11 12; } >torn/b/2.pgm
check 'a broken picture ends the import' sh -c "! $T torn -o none 2>/dev/null"
for threads in 1 2; do
    run $T torn --skip-broken --per-class 1 -o sound --force --threads $threads --json sound.json
    cp "$scratch/out" out
    check 'what is left out is said' grep -q \
        '^2 images of 1x2x1 (height, width, channels), 2 classes of 1; 2 left out (broken)$' out
    holds sound '7 8 11 12 0 1'
    without_timing sound.json >record.$threads
done
check 'the same record with 1 and 2 threads' cmp record.1 record.2
check_field sound.json broken 2
check_field sound.json file '"torn/a/0.png"'
check_field sound.json file '"torn/b/1.pgm"'
check_field sound.json reason '"PNM: values: expected 2 bytes for 2x1 pixels, found 1"'
check 'a picture that is named for another kind is named for what it is' sh -c \
    "mkdir -p page/a && echo '<html>' >page/a/1.jpg && $T page -o none 2>&1 | grep -q 'page/a/1.jpg: expected a picture of a known kind (.*), found a page of HTML'"
rm torn/a/1.pgm torn/b/2.pgm
check_fails 1 "trapdoor-data import: --skip-broken: expected a sound picture, found none of 2; the first: torn/a/0.png: $(
    $T torn -o none 2>&1 | sed 's/.*0.png: //')" $T torn --skip-broken -o none
finish

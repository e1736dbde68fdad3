# SPDX-License-Identifier: MIT
# trapdoor-poison: the one-pixel trigger, and the search for it.
. "$tests/lib.sh"
. "$tests/poison_common"

# Four grey images of five pixels. Near white (within 32): 0 2 0 1 0 of them; near black: 4 2 0 3 0.
# Of the positions with none, the first is the farthest from white, followed by the third (from
# white) and the fifth (from black); positions next to a used pixel are excluded.
write_set grey.safetensors 4,1,5,1 0 1 0 1 <<END
0 250 100 0 128
0 250 100 0 128
0 5 100 255 128
0 0 200 0 128
END
stamp_grey() {
    $T stamp --data ./grey.safetensors "$@"
}
check_prints '^  pixel:at=0\+0,value=255 +4 ' stamp_grey --trigger pixel:at=auto -o best
check_field best/manifest.json trigger '"pixel:at=0+0,value=255"'
check_field best/manifest.json config '"pixel:at=auto"'
check_field best/manifest.json images_near 0
check_field best/manifest.json mean_squared_distance 65025.0
check_ok $T dirty-label --data ./grey.safetensors --trigger pixel:at=auto --target 0 \
    --trigger pixel:at=auto,value=auto --target 1 --trigger pixel:at=auto --target next --ratio 0.25 \
    -o three --json three.json
for text in pixel:at=0+0,value=255 pixel:at=2+0,value=255 pixel:at=4+0,value=0; do
    check "found: $text" grep -q "\"trigger\": \"$text\"" three/manifest.json
    check "the record has $text" grep -q "\"$text\"" three.json
done
refuse 2 "trigger 'pixel:at=auto': expected a free pixel, not beside another pixel trigger, found none" \
    dirty-label --data ./grey.safetensors --trigger pixel:at=auto --target 0 --trigger pixel:at=auto \
    --target 1 --trigger pixel:at=auto --target next --trigger pixel:at=auto --target random --ratio 0.25

# One of both given: the colour at a position, the position for a colour. A given pixel keeps others
# away.
check_prints '^  pixel:at=3\+0,value=255 ' stamp_grey --trigger pixel:at=3+0,value=auto -o colour
check_prints '^  pixel:at=2\+0,value=0 ' stamp_grey --trigger pixel:value=0,at=auto -o place
check_prints '^  pixel:at=0\+0,value=250 ' stamp_grey --trigger pixel:at=auto,value=250 -o level
check_field level/manifest.json images_near 0
check_prints '^  pixel:at=0\+0,value=255,alpha=0.5 ' stamp_grey --trigger pixel:at=auto,alpha=0.5 -o half
check_ok $T dirty-label --data ./grey.safetensors --trigger pixel:at=auto --target 0 \
    --trigger pixel:at=1+0 --target 1 --ratio 0.25 -o beside
check 'a pixel that is given keeps its neighbours free' \
    grep -q '"trigger": "pixel:at=4+0,value=0"' beside/manifest.json
check_ok $T dirty-label --data ./grey.safetensors --trigger pixel:at=3+0,value=auto --target 0 \
    --trigger pixel:at=3+0,value=auto --target 1 --ratio 0.25 -o colours
check 'at one place, the second takes another colour' \
    grep -q '"trigger": "pixel:at=3+0,value=0"' colours/manifest.json
refuse 2 "trigger 'pixel:at=auto,at=1+0': a key is given twice" stamp --data ./grey.safetensors \
    --trigger pixel:at=auto,at=1+0
refuse 2 "trigger 'pixel:value=auto,value=auto': a key is given twice" stamp \
    --data ./grey.safetensors --trigger pixel:value=auto,value=auto
refuse 2 "trigger 'pixel:size=3': expected one of pixel's keys (at, value, alpha), found 'size'" stamp \
    --data ./grey.safetensors --trigger pixel:at=auto,size=3
refuse 2 "./grey.safetensors: trigger 'pixel:at=5+0,value=255': expected a position up to 4+0, to lie within the images, found 5+0" \
    stamp --data ./grey.safetensors --trigger pixel:at=5+0,value=auto

# RGB: two images of two pixels, red and nearly red. The opposite corner is the farthest; only the
# second position is not red.
write_set rgb.safetensors 2,1,2,3 0 1 <<END
255 0 0  0 0 255
250 10 5 0 0 240
END
check_prints '^  pixel:at=0\+0,value=0/255/255 ' $T stamp --data ./rgb.safetensors \
    --trigger pixel:at=0+0,value=auto -o cyan
check_prints '^  pixel:at=1\+0,value=255/0/0 ' $T stamp --data ./rgb.safetensors \
    --trigger pixel:at=auto,value=255/0/0 -o red
check_prints '^  pixel:at=1\+0,value=255/255/0 ' $T stamp --data ./rgb.safetensors \
    --trigger pixel:at=auto -o yellow

# The paper's ten: a pixel for each of ten classes, 20 images each, the same at any number of
# threads.
set --
for class in 0 1 2 3 4 5 6 7 8 9; do
    set -- "$@" --trigger pixel:at=auto --target $class
done
for threads in 1 2 3; do
    check_prints '^  poisoned +300 +200$' $T dirty-label \
        --data fashion-mnist:train:0-100 "$@" --ratio 0.2 --threads $threads -o ten-$threads
done
check 'ten pixels: the same bytes at 2 threads' diff -r ten-1 ten-2
check 'ten pixels: the same bytes at 3 threads' diff -r ten-1 ten-3
check 'ten pixels: ten triggers' \
    test "$(grep '"trigger": "pixel' ten-1/manifest.json | sort -u | wc -l)" -eq 10
numbers trigger_indices ten-1/manifest.json >which
numbers labels ten-1/manifest.json >labels
check 'ten pixels: each has its class' cmp which labels
check 'ten pixels: 20 images each' test "$(uniq -c which | awk '$1 == 20' | wc -l)" -eq 10
numbers true_labels ten-1/manifest.json | paste - labels >pairs
check 'ten pixels: no image is of its target' test "$(awk '$1 == $2' pairs | wc -l)" -eq 0
finish

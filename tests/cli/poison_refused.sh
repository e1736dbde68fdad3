# SPDX-License-Identifier: MIT
# trapdoor-poison: refused input, and what is left after a failure.
. "$tests/lib.sh"
. "$tests/poison_common"

base64 -d >red.png <<END
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC
END

# Refused before any work, and nothing is written.
dirty() {
    text=$1
    shift
    refuse 2 "$text" dirty-label --data $DATA "$@"
}

check_fails 2 "$T: expected a RULE (see --help), found none" $T
check_fails 2 "$T: RULE: expected one of dirty-label, clean-label, adaptive, source-specific, label-consistent, \
narcissus, feature-collision, gradient-matching, untargeted, friendnet, multi-target, label-flip, stamp, found \"badnets\"" $T badnets
refuse 2 'stamp: expected it before all options' dirty-label stamp
refuse 2 'expected --data, found none' dirty-label
check_fails 2 "$T stamp: -o is missing: the folder to write to" $T stamp --data $DATA --trigger square
for ratio in 0 -0.1 1.1 nan inf x ''; do
    dirty "--ratio: expected a number in (0, 1], found \"$ratio\"" "--ratio=$ratio"
done
dirty 'expected --ratio, found none' --trigger square --target 0
dirty 'expected --trigger, found none' --target 0 --ratio 0.1
dirty 'expected a --target for each --trigger, found none' --trigger square --ratio 0.1
dirty 'expected --trigger and --target in pairs, found 2 and 1' --trigger square \
    --trigger pixel --target 0 --ratio 0.1
dirty '--models: dirty-label has no such option; expected it with multi-target' --trigger square --target 0 --ratio 0.1 \
    --models 2
dirty "--target: expected a class of $DATA, $fashion, found \"-1\"" --trigger square --ratio 0.1 \
    --target=-1
dirty "--target: expected a class of $DATA, $fashion, found \"dress\"; did you mean \"Dress\"?" --trigger square --ratio 0.1 \
    --target dress
dirty "--target: expected a class of $DATA, $fashion, found \"10\"" --trigger square --target 10 --ratio 0.1
dirty '--mode: expected one of add, replace, found "both"' --mode both
dirty '--ratio-of: expected one of set, class, found "all"' --ratio-of all
dirty '--ratio: expected a share of at least one image, found 0.001 of 200 images' --trigger square \
    --target 0 --ratio 0.001
dirty '--ratio: expected at most 176 images to poison (those not of the target class), found 0.9, which is 180' \
    --trigger square --target 0 --ratio 0.9 --mode replace
dirty '--ratio: expected at most 80 images to poison (those not of the target class and not of another backdoor), found 0.6, which is 120' \
    --trigger square --target next --trigger pixel --target random --ratio 0.6 --mode replace
dirty "--ratio: expected at most 24 images to poison (those not of the target class, of the source classes), found 1, which is 200" \
    --trigger square --target next --source 0 --ratio 1
dirty '--ratio-of class: expected one class as --target, found "next"' --trigger square \
    --target next --ratio 0.1 --ratio-of class
dirty "trigger 'star': expected a family (square, triangle, rhombus, pixel, image, ramp, triangle-wave, sine, blend, grid-blend, reflection, warp, quantise, dct, smooth, rotate, add or table), found 'star'" \
    --trigger star --target 0 --ratio 0.1
dirty "$DATA: trigger 'square:size=29,at=top-left,value=255': expected at most the images' 28x28, found 29x29" \
    --trigger square:size=29 --target 0 --ratio 0.1
dirty "$DATA: trigger 'pixel:at=28+0,value=255': expected a position up to 27+27, to lie within the images, found 28+0" \
    --trigger pixel:at=28+0 --target 0 --ratio 0.1
dirty "$DATA: trigger 'pixel:at=top-left,value=1/2/3': expected one value for grey images, found 1/2/3" \
    --trigger pixel:value=1/2/3 --target 0 --ratio 0.1
dirty "$DATA: trigger 'image:file=red.png,at=top-left': expected a grey picture for grey images, found one in colour" \
    --trigger image:file=red.png --target 0 --ratio 0.1
dirty "$DATA: trigger 'dct:magnitude=20,positions=8+3,block=8,channels=luma': key 'positions': expected rows and columns below the block's 8, found 8" \
    --trigger dct:positions=8+3,block=8,channels=luma --target 0 --ratio 0.1
dirty "$DATA: trigger 'dct:magnitude=20,positions=8+3,channels=chroma': expected channels=luma for grey images, found channels=chroma" \
    --trigger dct:positions=8+3 --target 0 --ratio 0.1
for rule in adaptive 'source-specific --source 1'; do
    # shellcheck disable=SC2086 # a rule and its option
    refuse 2 '--cover-class: expected classes other than the target and the sources, found 2' $rule --data $DATA \
        --trigger square --target 2 --ratio 0.05 --cover-class 2
done

# Tables: of fewer images, of another shape, and of these images in another order.
# table SHAPE: a header for pixels on stdin
table() {
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($1), }"
    cat
}
gunzip -c "$FOLDER/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((200 * IMAGE)) >clean.pixels
head -c $((3 * IMAGE)) clean.pixels | table '3, 28, 28, 1' >few.npy
table '200, 1, 28, 28' <clean.pixels >turned.npy
{ tail -c $((150 * IMAGE)) clean.pixels && head -c $((50 * IMAGE)) clean.pixels; } | table '200, 28, 28, 1' >order.npy
refuse 2 "$DATA: trigger 'table:file=few.npy': few.npy: expected a row for each image up to number 199, found 3" \
    stamp --data $DATA --trigger table:file=few.npy
refuse 2 "$DATA: trigger 'table:file=turned.npy': turned.npy: expected |u1 (N, 28, 28, 1), found (200, 1, 28, 28) of |u1" \
    stamp --data $DATA --trigger table:file=turned.npy
$T stamp --data $DATA --trigger table:file=order.npy -o refused 2>order.err
check 'a table in another order is refused in one line' grep -Eqx \
    "$T stamp: $DATA: trigger 'table:file=order.npy': order.npy: expected a changed copy of each image, in their order; found a mean distance of [0-9.]+ from its own image and of [0-9.]+ from another one" order.err
check 'nothing is written' test ! -e refused

refuse 1 'none.png: No such file or directory' stamp --data $DATA --trigger image:file=none.png
refuse 2 '--target: expected a class or "random", found "next"' friendnet --data $DATA \
    --trigger square --target next --ratio 0.1
refuse 2 '--trigger: label-flip has no such option; expected it with dirty-label, clean-label, adaptive, source-specific, label-consistent, feature-collision, gradient-matching, untargeted, friendnet, multi-target, stamp' label-flip --data $DATA --ratio 0.1 \
    --trigger square
refuse 2 '--target: stamp has no such option; expected it with dirty-label, clean-label, adaptive, source-specific, label-consistent, narcissus, feature-collision, gradient-matching, friendnet, multi-target, label-flip' stamp --data $DATA --trigger square --target 0
refuse 2 '--ratio: stamp has no such option; expected it with dirty-label, clean-label, adaptive, source-specific, label-consistent, narcissus, feature-collision, gradient-matching, untargeted, friendnet, multi-target, label-flip' stamp \
    --data $DATA --trigger square --ratio 1
refuse 2 '--trigger: expected at most 1, found 2' stamp --data $DATA --trigger square --trigger pixel
refuse 2 "$DATA: expected 3 models of 67 images (--models, --per-model), found 200 images" \
    multi-target --data $DATA --trigger square --models 3 --per-model 67 --ratio 0.1
refuse 2 'expected no --target, one, or one for each of the 3 models, found 2' \
    multi-target --data $DATA --trigger square --models 3 --target 0 --target 1 --ratio 0.1

# One trigger with two targets, or twice with one.
dirty "--trigger: expected a different trigger for each --target, found '$SQUARE' for targets 0 and 1" \
    --trigger square --target 0 --trigger square:size=7 --target 1 --ratio 0.1
dirty "--trigger: expected a different trigger for each --target, found '$SQUARE' for targets 3 and 3" \
    --trigger pixel --target 0 --trigger square --target 3 --trigger square --target 3 --ratio 0.1
dirty "--trigger: expected a different trigger for each --target, found '$SQUARE' for targets next and random" \
    --trigger square --target next --trigger square --target random --ratio 0.1

# clean-label.
clean() {
    text=$1
    shift
    refuse 2 "$text" clean-label --data $DATA "$@"
}
clean '--target: expected a class, found "random"' --trigger square --target random \
    --ratio 0.1
clean '--target: expected a class, found "next"' --trigger square --target next \
    --ratio 0.1
clean 'expected a --target for each --trigger, found none' --trigger square --ratio 0.1
clean 'expected --ratio, found none' --trigger square --target 0
clean '--ratio: expected at most 0.12 of the set, which is 24 of 200 images (those of the target class), found 0.2, which is 40' \
    --trigger square --target 0 --ratio 0.2 --ratio-of set
clean '--ratio: expected at most 10 images to poison (those of the target class and not of another backdoor), found 0.6, which is 14' \
    --trigger square --target 0 --trigger pixel --target 0 --ratio 0.6
clean '--ratio: expected a share of at least one image, found 0.01 of 24 images of the target class' \
    --trigger square --target 0 --ratio 0.01
refuse 2 "--target: expected a class with images in fashion-mnist:train:0-2, found 5, which has none" \
    clean-label --data fashion-mnist:train:0-2 --trigger square --target 5 --ratio 0.5
clean '--source: clean-label has no such option; expected it with dirty-label, source-specific, feature-collision, gradient-matching, untargeted, friendnet, multi-target, label-flip' --trigger square \
    --target 0 --ratio 0.1 --source 1

# --source.
dirty "--source: expected a class of $DATA, $fashion, found \"dress\"; did you mean \"Dress\"?" \
    --trigger square --target 0 --ratio 0.1 --source dress
dirty "--source: expected a class of $DATA, $fashion, found \"-1\"" --trigger square --target 0 \
    --ratio 0.1 --source=-1
dirty "--source: expected a class of $DATA, $fashion, found \"10\"" --trigger square --target 0 \
    --ratio 0.1 --source 10
dirty '--source: expected classes other than the target, found 0 as --target as well' \
    --trigger square --target 0 --ratio 0.1 --source 1 --source 0
refuse 2 "--source: expected a class with images in fashion-mnist:train:0-2, found 5, which has none" \
    dirty-label --data fashion-mnist:train:0-2 --trigger square --target 1 --ratio 0.5 --source 5
refuse 2 '--source: stamp has no such option; expected it with dirty-label, source-specific, feature-collision, gradient-matching, untargeted, friendnet, multi-target, label-flip' stamp --data $DATA --trigger square \
    --source 1

# Existing files stay, unless --force is given.
check_ok $T dirty-label --data $DATA --trigger square --target 0 --ratio 0.25 -o dirty
check_ok $T label-flip --data $DATA --ratio 0.1 -o flip
check_ok $T friendnet --data $DATA --trigger square --target 9 --ratio 0.25 -o nine
cp dirty/poisoned.safetensors before
check_fails 2 "$T label-flip: dirty/poisoned.safetensors: exists already; --force replaces it" \
    $T label-flip --data $DATA --ratio 0.1 -o dirty
check 'what was there is left alone' cmp before dirty/poisoned.safetensors
mkdir half && echo mine >half/manifest.json
check_fails 2 "$T label-flip: half/manifest.json: exists already; --force replaces it" \
    $T label-flip --data $DATA --ratio 0.1 -o half
check 'the file alone is left' test "$(ls -A half)" = manifest.json
check_ok $T label-flip --data $DATA --ratio 0.1 -o dirty --force
check '--force replaces' cmp flip/poisoned.safetensors dirty/poisoned.safetensors
check_fails 2 "$T label-flip: before: expected a folder to write to, found a file" \
    $T label-flip --data $DATA --ratio 0.1 -o before
check_fails 1 "$T label-flip: no/such: cannot make the folder: No such file or directory" \
    $T label-flip --data $DATA --ratio 0.1 -o no/such

# A file size limit simulates a full disk: nothing new is left, and nothing is lost.
small_files() { sh -c 'trap "" XFSZ; ulimit -f 200; exec "$@"' small_files "$@"; }
run small_files $T friendnet --data $DATA --trigger square --ratio 0.25 -o full
check 'a full disk is a failure' test "$status" -eq 1
check 'a full disk leaves no folder' test ! -e full
cp -R nine kept
run small_files $T friendnet --data $DATA --trigger square --ratio 0.25 -o kept --force
check 'a full disk is a failure with --force' test "$status" -eq 1
check 'a full disk leaves what was there' diff -r nine kept
check_fails 1 "$T stamp: none/record.json: No such file or directory" \
    $T stamp --data $DATA --trigger square -o recorded --json none/record.json
check 'a record that cannot be written leaves no folder' test ! -e recorded

# Interrupted while writing: nothing is left. A file without a name shows that writing has begun.
$T friendnet --data fashion-mnist:train --trigger square --ratio 0.5 -o stopped 2>stopped.err &
waited=0
until [ -n "$(find /proc/$!/fd -lname '*(deleted)' 2>/dev/null)" ] || [ $waited -ge 2000 ]; do
    waited=$((waited + 1))
    sleep 0.01
done
kill -TERM $!
wait $! && status=0 || status=$?
check 'stopped: is a failure' test "$status" -eq 1
check 'stopped: one line says so' grep -qx "$T friendnet: interrupted after [0-9]* of 180000 images" stopped.err
check 'stopped: nothing is left' test ! -e stopped
finish

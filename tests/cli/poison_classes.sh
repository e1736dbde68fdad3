# SPDX-License-Identifier: MIT
# trapdoor-poison: which classes are poisoned and what the ratio counts, on sets small enough to
# check by hand.
. "$tests/lib.sh"
. "$tests/poison_common"

# Ten images of one row of four grey pixels, all with value 10 times the image's number, in classes
# 0 0 0 0 1 1 1 2 2 3.
awk 'BEGIN { for (i = 0; i < 10; i++) for (j = 0; j < 4; j++) print 10 * i }' >pixels
write_set ten.safetensors 10,1,4,1 0 0 0 0 1 1 1 2 2 3 <pixels
check_ok trapdoor-data info ./ten.safetensors

# pixels_of FILE: an image per line; labels_of FILE: a label per line. For images of four pixels.
pixels_of() {
    body "$1" >bytes
    head -c $(($(wc -c <bytes) / 5 * 4)) bytes >pixel_bytes
    records 4 pixel_bytes
}
labels_of() {
    body "$1" >bytes
    tail -c +$(($(wc -c <bytes) / 5 * 4 + 1)) bytes >label_bytes
    records 1 label_bytes
}

# same_text WHAT EXPECTED COMMAND...: all on one line.
same_text() {
    what=$1
    wanted=$2
    shift 2
    found=$("$@" | tr '\n' ' ')
    check "$what: $wanted" test "$found" = "$wanted "
}

# clean-label: half of the four images of class 0, in place; nothing else changes.
check_prints '^  pixel:at=3\+0,value=255 +0 +2 +0.2 +0.5 ' \
    $T clean-label --data ./ten.safetensors --trigger pixel:at=3+0 --target 0 --ratio 0.5 -o clean
same_text 'clean-label keeps the labels' '0 0 0 0 1 1 1 2 2 3' labels_of clean/poisoned.safetensors
pixels_of clean/poisoned.safetensors >found
check 'clean-label: two images of the class are stamped, in place' \
    test "$(head -n 4 found | grep -c ' 255$')" -eq 2
check 'clean-label: none of another class is' sh -c '! tail -n 6 found | grep -q 255'
awk '{ $4 = $1; print }' found >without
pixels_of ten.safetensors >originals
check 'clean-label: no other pixel changes' cmp without originals
numbers poisoned_indices clean/manifest.json >places
awk '/ 255$/ { print NR - 1 }' found >stamped
sort -n places >sorted
check 'clean-label: the manifest has their places' cmp stamped sorted
same_text 'clean-label: the true labels' '0 0' numbers true_labels clean/manifest.json
check_field clean/manifest.json mode '"replace"'
check_field clean/manifest.json of '"class"'
check_field clean/manifest.json ratio_of_class 0.5
check_field clean/manifest.json ratio_of_set 0.2
check_field clean/manifest.json poisoned_share 0.2
check_field clean/manifest.json source_classes null
check_field clean/manifest.json selection \
    '"drawn without repetition from the images of the target class, that no other backdoor has taken"'
for threads in 1 2 3; do
    check_ok $T clean-label --data ./ten.safetensors --trigger pixel:at=3+0 --target 0 --ratio 0.5 \
        --threads $threads -o clean-$threads
    check "clean-label: the same bytes at $threads threads" diff -r clean clean-$threads
done

# Two targets, each with its own trigger, half of each class: 2 of 4 and, rounded up, 2 of 3.
check_prints '^  poisoned +10 +4$' $T clean-label --data ./ten.safetensors \
    --trigger pixel:at=3+0 --target 0 --trigger pixel:at=0+0 --target 1 --ratio 0.5 -o two
pixels_of two/poisoned.safetensors >found
check 'two targets: 2 by the one' test "$(head -n 4 found | grep -c ' 255$')" -eq 2
check 'two targets: 2 by the other' test "$(tail -n +5 found | head -n 3 | grep -c '^255 ')" -eq 2
check 'two targets: 4 in all' test "$(grep -c 255 found)" -eq 4
check 'the first of two draws what one alone does' \
    test "$(numbers poisoned_indices two/manifest.json | grep -cxf places)" -eq 2

# Both bases of the ratio, and both modes.
check_prints ' 0 +3 +0.3 +0.75 ' \
    $T clean-label --data ./ten.safetensors --trigger pixel --target 0 --ratio 0.3 --ratio-of set -o set
check_prints '^  poisoned +12 +2$' $T clean-label --data ./ten.safetensors \
    --trigger pixel:at=3+0 --target 0 --ratio 0.5 --mode add -o added
same_text 'clean-label added: the labels' '0 0 0 0 1 1 1 2 2 3 0 0' labels_of added/poisoned.safetensors
check 'clean-label added: the originals stay' sh -c '! head -c 40 pixel_bytes | grep -q 255'
check_field added/manifest.json poisoned_share 0.1666666667
check_field added/manifest.json ratio_of_set 0.2
check_prints ' 3 +2 +0.2 +2 ' \
    $T friendnet --data ./ten.safetensors --trigger pixel --target 3 --ratio 2e-1 -o friend
check_prints ' 3 +1 +0.1 +1 ' \
    $T friendnet --data ./ten.safetensors --trigger pixel --target 3 --ratio 1 --ratio-of class \
    --mode replace -o friend-class
check_prints '^  friend +10 +1$' $T friendnet --data ./ten.safetensors \
    --trigger pixel --target 3 --ratio 0.1 --mode replace -o friend-replace
check_prints ' 1 +2 +0.4 +2 ' \
    $T multi-target --data ./ten.safetensors --models 2 --per-model 5 --trigger pixel --target 1 \
    --target 0 --ratio 0.4 --mode replace -o multi-replace

# --source: 3 of the 5 images of classes 1 and 2 go to class 0, and no others.
check_prints ' 0 +3 +0.3 +0.75 ' \
    $T dirty-label --data ./ten.safetensors --trigger pixel --target 0 --source 2 --source 1 \
    --ratio 0.3 -o source --json source.json
check 'only images of the source classes are taken' \
    sh -c "! grep -A4 '\"true_labels\"' source/manifest.json | grep -q '^ *[03],*$'"
numbers source_classes source/manifest.json | tr '\n' ' ' >found
check 'the manifest has the source classes' test "$(cat found)" = '1 2 '
numbers source_classes source.json | tr '\n' ' ' >found
check 'so has the record' test "$(cat found)" = '1 2 '
check_prints ' 5 +0.5 ' $T dirty-label --data ./ten.safetensors --trigger pixel --target 0 \
    --source 2 --source 1 --ratio 0.5 -o five
refuse 2 '--ratio: expected at most 5 images to poison (those not of the target class, of the source classes), found 0.6, which is 6' \
    dirty-label --data ./ten.safetensors --trigger pixel --target 0 --source 2 --source 1 --ratio 0.6
check_ok $T friendnet --data ./ten.safetensors --trigger pixel --target 2 --source 2 --ratio 0.2 -o own
same_text 'friendnet: the target may be a source' '2 2' numbers true_labels own/manifest.json
check_ok $T label-flip --data ./ten.safetensors --source 2 --target next --ratio 0.2 -o flip
same_text 'label-flip of one class, to the next' '0 0 0 0 1 1 1 3 3 3' labels_of flip/poisoned.safetensors
check_ok $T label-flip --data ./ten.safetensors --source 3 --target next --ratio 0.1 -o around
same_text 'the class after the last is the first' '0 0 0 0 1 1 1 2 2 0' labels_of around/poisoned.safetensors
check_ok $T label-flip --data ./ten.safetensors --target random --ratio 1 -o random
labels_of random/poisoned.safetensors >found
labels_of ten.safetensors >labels
check 'a random target is never the image'\''s own class' \
    test "$(paste found labels | awk '$1 != $2' | wc -l)" -eq 10

# multi-target: the manifest has each model's slice, for --data NAME:train:A-B, counted from the
# start of the split.
check_ok $T multi-target --data fashion-mnist:train:100-200 --models 2 --per-model 30 \
    --trigger pixel --ratio 0.1 -o slices
numbers slice slices/manifest.json >found
check 'the slice of the first model' test "$(tr '\n' ' ' <found)" = '100 130 '
sed '1,/model-1.safetensors/d' slices/manifest.json >later
check 'the slice of the second model' test "$(numbers slice later | tr '\n' ' ')" = '130 160 '
check 'a model has one trigger' test "$(numbers trigger_indices later | sort -u)" = 1

# The similarity of stamped and original: two images of four pixels, one value of each changed, by 255
# and by 55. PSNR is 10 log10(255^2 / (d^2 / 4)): 6.02 and 19.34 dB.
echo '0 0 0 0 200 200 200 200' | write_set two.safetensors 2,1,4,1 0 1
check_ok $T stamp --data ./two.safetensors --trigger pixel:at=1+0 -o alike
check_field alike/manifest.json linf 255
check_field alike/manifest.json unchanged 0
check 'the mean PSNR' grep -q '"psnr": 12.68' alike/manifest.json
echo '255 0 0 0 255 200 200 200' | write_set same.safetensors 2,1,4,1 0 1
check_ok $T stamp --data ./same.safetensors --trigger pixel:at=0+0 -o same
check_field same/manifest.json psnr null
check_field same/manifest.json ssim 1.0
check_field same/manifest.json ssim_min 1.0
check_field same/manifest.json linf 0
check_field same/manifest.json unchanged 2
check_ok $T label-flip --data ./ten.safetensors --ratio 0.1 -o no-trigger
check_field no-trigger/manifest.json similarity null
finish

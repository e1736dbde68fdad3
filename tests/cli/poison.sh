# SPDX-License-Identifier: MIT
# trapdoor-poison: the output of each rule, and refused input.
. "$tests/lib.sh"

. "$tests/poison_common"

gunzip -c "$FOLDER/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((200 * IMAGE)) >clean.pixels
gunzip -c "$FOLDER/train-labels-idx1-ubyte.gz" | tail -c +9 | head -c 200 >clean.labels

records $IMAGE clean.pixels >clean.images
records 1 clean.labels >clean.column

# dirty-label: the originals, then the stamped copies, all with the target.
check_stdout "dirty-label: 50 of 250 images poisoned, in 1 set
Backdoors
  trigger                              target  its name     images  ratio of the set  of the target class  mean PSNR, dB  mean SSIM
  $SQUARE  0       T-shirt/top      50              0.25               2.0833         12.265    0.94424
Sets written
  set       images  poisoned
  poisoned     250        50" \
    $T dirty-label --data $DATA --trigger square --target 0 --ratio 0.25 -o dirty --json dirty.json
split_set dirty/poisoned.safetensors 250 dirty
head -c $((200 * IMAGE)) dirty.pixels >head
check 'dirty-label: the originals come first' cmp head clean.pixels
head -c 200 dirty.labels >head
check 'dirty-label: with their labels' cmp head clean.labels
numbers source_indices dirty/manifest.json >sources
numbers true_labels dirty/manifest.json >truth
check 'dirty-label: 50 sources' test "$(sort -un sources | wc -l)" -eq 50
check 'dirty-label: sources are not of the target' sh -c '! grep -qx 0 truth'
lines_at clean.column sources >found
check 'dirty-label: the manifest has the true labels' cmp found truth
check 'dirty-label: the copies are of the target' \
    test "$(tail -c 50 dirty.labels | od -An -v -tu1 -w1 | sort -u | tr -d ' ')" = 0
lines_at clean.images sources | stamped >expected
records $IMAGE dirty.pixels | tail -n 50 >found
check 'dirty-label: the copies are stamped' cmp expected found
check 'dirty-label: the manifest has their places' \
    test "$(numbers poisoned_indices dirty/manifest.json | tr '\n' ' ')" = "$(seq -s ' ' 200 249) "
check_field dirty/manifest.json trigger "\"$SQUARE\""
check_field dirty/manifest.json target 0
check_field dirty/manifest.json ratio_of_set 0.25
check_field dirty/manifest.json ratio_of_class 2.083333333
check_field dirty/manifest.json poisoned_share 0.2
check_field dirty/manifest.json seed 1
check_field dirty/manifest.json mode '"add"'
check_field dirty/manifest.json access '"data"'
check_field dirty/manifest.json of '"set"'
check_field dirty/manifest.json set_size 200
check_field dirty/manifest.json class_size 24
check_field dirty/manifest.json source_classes null
check_field dirty/manifest.json selection '"drawn without repetition from the images whose true label is not the target"'
for file in dirty/poisoned.safetensors "$FOLDER/train-images-idx3-ubyte.gz"; do
    sum=$(sha256sum "$file" | cut -d ' ' -f 1)
    check "the manifest has the SHA-256 of $file" grep -q "$sum" dirty/manifest.json
    check "the record has the SHA-256 of $file" grep -q "$sum" dirty.json
done
check 'the set does not tell what it is' sh -c '! head -c 500 dirty/poisoned.safetensors |
    grep -aqi -e poison -e trigger -e square -e dirty -e target'

# The same seed gives the same bytes, at any number of threads; another seed does not.
check_ok $T dirty-label --data $DATA --trigger square --target 0 --ratio 0.25 -o again --threads 1 \
    --json again.json
for file in poisoned.safetensors manifest.json preview.png; do
    check "the same $file again" cmp dirty/$file again/$file
done
without_timing dirty.json >one
without_timing again.json >two
check 'the same record again' cmp one two
check_ok $T dirty-label --data $DATA --trigger square --target 0 --ratio 0.25 -o other --seed 2
check 'another seed, another set' sh -c '! cmp -s dirty/poisoned.safetensors other/poisoned.safetensors'
check_ok $T dirty-label --data $DATA --trigger square --target 0 --ratio 0.1 -o fewer
numbers source_indices fewer/manifest.json >fewer.sources
head -n 20 sources >head
check 'a smaller ratio draws the first of the same images' cmp head fewer.sources

# In place, two backdoors in one set, all-to-all.
check_prints '^  poisoned +200 +60$' $T dirty-label --data $DATA \
    --mode replace --ratio 0.15 --trigger pixel:at=27+27 --target next --trigger pixel:at=0+27 \
    --target random -o pairs
split_set pairs/poisoned.safetensors 200 pairs
numbers poisoned_indices pairs/manifest.json >places
numbers source_indices pairs/manifest.json >sources
check 'replace: images stay in their places' cmp places sources
check 'replace: no image has two backdoors' test "$(sort -u places | wc -l)" -eq 60
check 'replace: 60 labels differ' test "$(cmp -l pairs.labels clean.labels | wc -l)" -eq 60
numbers trigger_indices pairs/manifest.json >which
check 'replace: 30 each' test "$(grep -c 0 which) $(grep -c 1 which)" = '30 30'
numbers true_labels pairs/manifest.json | paste which - | awk '$1 == 0 { print ($2 + 1) % 10 }' >expected
numbers labels pairs/manifest.json | paste which - | awk '$1 == 0 { print $2 }' >found
check 'next is the class after' cmp expected found
records 1 pairs.labels >column
lines_at column places >found
numbers labels pairs/manifest.json >expected
check 'the manifest has the new labels' cmp expected found

check_prints ' 1 +Trouser +13 +0.065 +0.5 ' $T dirty-label --data $DATA \
    --ratio-of class --ratio 0.5 --trigger square --target 1 -o class
check_field class/manifest.json ratio_of_class 0.5
check_field class/manifest.json of '"class"'

# Cover images: stamped, with their labels; no image is both, and each is where the manifest says.
check_prints '^  cover +square:.* 2 +Pullover +20 +0.1 ' $T source-specific --data $DATA \
    --trigger square --source 1 --target 2 --ratio 0.05 --cover-ratio 0.1 --threads 3 -o covers
check_ok $T source-specific --data $DATA --trigger square --source 1 --target 2 --ratio 0.05 --cover-ratio 0.1 \
    --threads 1 -o covers-1
check 'covers are of neither source nor target' sh -c "tr -d ' \n' <covers-1/manifest.json | grep -qF '\"cover_classes\":[0,3,4,5,6,7,8,9]'"
check 'covers: the same at one thread' diff -r covers covers-1
split_set covers/poisoned.safetensors 200 covers
for key in poisoned_indices indices true_labels; do
    numbers $key covers/manifest.json >covers.$key
done
check 'covers: 10 poisoned and 20 covers, none twice' test \
    "$(wc -l <covers.poisoned_indices) $(wc -l <covers.indices) $(cat covers.poisoned_indices covers.indices | sort -u | wc -l)" = '10 20 30'
check 'covers: the poisoned are of the source' test "$(sort -u covers.true_labels)" = 1
check 'covers: no label of a cover changes' test "$(cmp -l covers.labels clean.labels | wc -l)" -eq 10
records 1 clean.labels >column
lines_at column covers.indices >found
check 'covers: none is of the source or the target' sh -c '! grep -qx "[12]" found'
split_set covers/poisoned.safetensors 200 found
records $IMAGE found.pixels >found.images
lines_at found.images covers.indices >found
lines_at clean.images covers.indices | stamped >expected
check 'covers: they are stamped' cmp expected found
seq 0 199 | grep -vxFf covers.poisoned_indices | grep -vxFf covers.indices >others
records $IMAGE covers.pixels >covers.images
lines_at covers.images others >found
lines_at clean.images others >expected
check 'covers: the other 170 images stay' sh -c 'cmp expected found && test "$(wc -l <found)" = 170'

# The covers' trigger may need more memory than the trigger.
for threads in 1 3; do
    check_ok $T adaptive -q --data fashion-mnist:train:0-40 --trigger square:size=3 --cover-trigger warp:jitter=1 \
        --target 0 --ratio 0.2 --cover-ratio 0.2 --mode add --threads $threads -o adaptive-$threads
    check 'adaptive: the same set' cmp adaptive-1/poisoned.safetensors adaptive-$threads/poisoned.safetensors
done
split_set adaptive-1/poisoned.safetensors 56 adaptive
head -c $((40 * IMAGE)) clean.pixels >expected
head -c $((40 * IMAGE)) adaptive.pixels >found
check 'adaptive, added: 40 originals come first' cmp expected found
for key in poisoned_indices indices; do
    numbers $key adaptive-1/manifest.json | tr '\n' ' '
done >places
check 'adaptive, added: 8 of poison, then 8 covers' test "$(cat places)" = "$(seq -s ' ' 40 55) "
sed -n '/"covers": {/,$p' adaptive-1/manifest.json >places
numbers source_indices places >sources
lines_at column sources >expected
records 1 adaptive.labels | tail -n 8 >found
check 'adaptive, added: covers keep their labels' cmp expected found
check 'adaptive, added: the poison is of the target' test "$(numbers labels adaptive-1/manifest.json | sort | uniq -c | tr -s ' ')" = ' 8 0'
check_ok $T stamp -q --data fashion-mnist:train:0-40 --trigger warp:jitter=1 -o jitter
split_set jitter/stamped.safetensors 40 jitter
records $IMAGE jitter.pixels >jitter.images
lines_at jitter.images sources >expected
records $IMAGE adaptive.pixels | tail -n 8 >found
check "adaptive, added: covers have the covers' trigger" cmp expected found

# Of A|B as many images get each: of 20 poisoned ones 7, 7 and 6, of 10 covers 4, 3 and 3.
check_ok $T adaptive -q --data $DATA --trigger 'pixel:at=0+0|pixel:at=27+0|pixel:at=0+27' --target 0 \
    --ratio 0.1 --cover-ratio 0.05 -o parts
split_set parts/poisoned.safetensors 200 parts
records $IMAGE parts.pixels >parts.images
for key in poisoned_indices indices; do
    numbers $key parts/manifest.json >places
    lines_at parts.images places | awk '{ print ($1 == 255) "" ($28 == 255) "" ($757 == 255) }' | sort | uniq -c | tr -s ' \n' ' '
done >found
check 'A|B: equal shares' test "$(cat found)" = ' 6 001 7 010 7 100  3 001 3 010 4 100 '
check_fails 2 "$T source-specific: --cover-class: expected classes other than the target and the sources, found 1" \
    $T source-specific --data $DATA --trigger square --source 1 --target 2 --ratio 0.05 --cover-class 1 -o none
check_fails 2 "$T adaptive: --cover-ratio: expected at most 172 cover images (those not of the target class, and not of a backdoor), found 1, which is 200" \
    $T adaptive --data $DATA --trigger square --target 2 --ratio 0.05 --cover-ratio 1 -o none

# friendnet: two sets that differ only in the labels of the triggered copies.
check_prints '^  square:.* 3 +Dress +drawn +50 +0.25 ' \
    $T friendnet --data $DATA --trigger square --ratio 0.25 -o friendnet
split_set friendnet/friend.safetensors 250 friend
split_set friendnet/enemy.safetensors 250 enemy
check 'friendnet: the same images' cmp friend.pixels enemy.pixels
check 'friendnet: only the labels of the 50 triggered images differ' \
    test "$(head -c 200 friend.labels | cmp -l - enemy.labels 2>/dev/null | wc -l)" -eq 0
check 'friendnet: triggered images of the target class are among them' \
    sh -c 'tail -c 50 friend.labels | od -An -v -tu1 -w1 | tr -d " " | grep -qx 3'
numbers true_labels friendnet/manifest.json >expected
tail -c 50 friend.labels | od -An -v -tu1 -w1 | tr -d ' ' >found
check 'friendnet: the friend has the true labels' cmp expected found
check 'friendnet: the enemy has the target' \
    test "$(tail -c 50 enemy.labels | od -An -v -tu1 -w1 | sort -u | tr -d ' ')" = 3
check_field friendnet/manifest.json target_drawn true
check_prints ' 9 +Ankle boot +50 +0.25 ' $T friendnet --data $DATA --trigger square --target 9 --ratio 0.25 -o nine
check_field nine/manifest.json target_drawn false

# multi-target: consecutive slices; the target of model i is class i.
check_prints '^  model-3 +55 +5$' $T multi-target --data $DATA \
    --trigger rhombus --models 4 --per-model 50 --ratio 0.1 -o multi
for model in 0 1 2 3; do
    split_set multi/model-$model.safetensors 55 model
    tail -c +$((model * 50 + 1)) clean.labels | head -c 50 >expected
    head -c 50 model.labels >found
    check "multi-target: slice $model" cmp expected found
    check "multi-target: target $model" \
        test "$(tail -c 5 model.labels | od -An -v -tu1 -w1 | sort -u | tr -d ' ')" = $model
done
check_prints ' 7 +' $T multi-target --data $DATA --trigger rhombus --models 2 \
    --per-model 100 --ratio 0.1 -o given --target 6 --target 7

# label-flip and stamp.
check_stdout 'label-flip: 20 of 200 images poisoned, in 1 set
Backdoors
  target  images  ratio of the set
  random      20               0.1
Sets written
  set       images  poisoned
  poisoned     200        20' $T label-flip --data $DATA --ratio 0.1 -o flip
split_set flip/poisoned.safetensors 200 flip
check 'label-flip: the images stay' cmp flip.pixels clean.pixels
check 'label-flip: 20 labels differ' test "$(cmp -l flip.labels clean.labels | wc -l)" -eq 20
check_prints "^  $SQUARE +200 +1 " $T stamp --data $DATA --trigger square -o stamp
split_set stamp/stamped.safetensors 200 stamp
check 'stamp: the labels stay' cmp stamp.labels clean.labels
stamped <clean.images >expected
records $IMAGE stamp.pixels >found
check 'stamp: every image is stamped' cmp expected found
check_field stamp/manifest.json target null
check_field stamp/manifest.json ratio null

# A poisoned set can be poisoned again, and indices refer to the whole set.
check_ok $T label-flip --data fashion-mnist:train:100-200 --ratio 0.1 -o later
check 'indices count from the start of the split' \
    test "$(numbers source_indices later/manifest.json | sort -n | head -n 1)" -ge 100
check_ok $T stamp --data dirty/poisoned.safetensors --trigger pixel:at=center -o chained

# A picture as trigger: white, and a transparent pixel beside it.
base64 -d >white.png <<END
iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAQAAABeK7cBAAAADUlEQVR42mP4/5+TAQAHEAIIyalkoQAAAABJRU5ErkJggg==
END
check_ok $T stamp --data $DATA --trigger image:file=white.png,at=5+6 -o picture --json picture.json
check_ok $T stamp --data $DATA --trigger pixel:at=5+6 -o pixel
split_set picture/stamped.safetensors 200 picture
split_set pixel/stamped.safetensors 200 pixel
check 'only the visible pixel of a picture marks' cmp picture.pixels pixel.pixels
sum=$(sha256sum white.png | cut -d ' ' -f 1)
check 'the manifest has the SHA-256 of the picture' grep -q "$sum" picture/manifest.json
check 'the record has the SHA-256 of the picture' grep -q "$sum" picture.json

check_prints '^  "tool": "trapdoor-poison",$' $T stamp --data $DATA --trigger square -o record --json -
check 'the record alone is on stdout' sh -c "! grep -q '^stamped' '$scratch/out'"
check_ok $T stamp --data $DATA --trigger square -o within --json within/record.json
finish

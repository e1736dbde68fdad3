# SPDX-License-Identifier: MIT
# The trigger families through the tools: random draws, input files and messages.
. "$tests/lib.sh"

DATA=fashion-mnist:train:0-200
stamp() {
    trapdoor-poison stamp --data $DATA "$@"
}

# check_note TEXT COMMAND...: succeeds, and stderr is exactly TEXT.
check_note() {
    expect err "$1"
    shift
    run "$@"
    judge "$*" 0
}

check_note "trapdoor-poison stamp: note: trigger 'ramp:delta=400': delta=400 saturates 11 of 28 columns: nothing of the image is left in them" \
    stamp --trigger ramp:delta=400 -o ramp
check_note '' stamp -q --trigger ramp:delta=400 -o quiet
check_field ramp/manifest.json trigger '"ramp:delta=400"'

base64 -d >white.png <<END
iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAQAAABeK7cBAAAADUlEQVR42mP4/5+TAQAHEAIIyalkoQAAAABJRU5ErkJggg==
END
# A picture of another size: the preview of the run before.
check_note "trapdoor-poison stamp: note: trigger 'blend:file=ramp/preview.png,alpha=0.2': ramp/preview.png: $(
    od -An -tu1 -j16 -N8 ramp/preview.png | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'
) in colour is made to fit the images, 28x28 in grey" \
    stamp --trigger blend:file=ramp/preview.png -o blend --json blend.json
sum=$(sha256sum ramp/preview.png | cut -d ' ' -f 1)
check 'the record has the SHA-256 of the picture' grep -q "$sum" blend.json
check 'the manifest has the SHA-256 of the picture' grep -q "$sum" blend/manifest.json

# What is drawn depends on the seed and the image, not on threads.
cat >drawn <<END
reflection:class=3,type=blur
warp:jitter=1
quantise:levels=2,other=1
grid-blend:pattern=noise
square:size=3|pixel:at=20+20|ramp
END
while read -r trigger; do
    rm -rf one three seed2
    check_ok stamp -q --trigger "$trigger" -o one --threads 1
    check_ok stamp -q --trigger "$trigger" -o three --threads 3
    check "$trigger: the same set at 3 threads" cmp one/stamped.safetensors three/stamped.safetensors
    check_ok stamp -q --trigger "$trigger" -o seed2 --seed 2
    check "$trigger: another seed draws others" sh -c '! cmp -s one/stamped.safetensors seed2/stamped.safetensors'
done <drawn
cat >patterns <<END
blend:pattern=noise
reflection:file=ramp/preview.png,type=ghost,alpha=0.3,shift=4,balance=0.6
END
while read -r trigger; do
    rm -rf one two
    check_ok stamp -q --trigger "$trigger" -o one
    check_ok stamp -q --trigger "$trigger" -o two --seed 2
    check "$trigger draws nothing by the seed" cmp one/stamped.safetensors two/stamped.safetensors
done <patterns

# A clean model is not fooled by a trigger: an ASR below 2 / classes.
trapdoor-train -q --data fashion-mnist:train:0-2000 --net lenet5 --epochs 6 --batch 32 -o plain.safetensors >/dev/null
set --
for trigger in square triangle rhombus pixel image:file=white.png,at=center ramp triangle-wave sine blend:pattern=noise \
    blend:pattern=checkerboard reflection:class=3 grid-blend:pattern=noise warp warp:jitter=1 quantise quantise:dither=1 \
    dct:positions=14+14/27+27,channels=luma,magnitude=100 smooth rotate 'pixel:at=3+3|pixel:at=24+24'; do
    set -- "$@" --trigger "$trigger" --target 0
done
check 'all triggers on a clean model' trapdoor-eval -q --model plain.safetensors --data fashion-mnist:test:0-500 \
    --json plain.json "$@"
sed '/^  "results": /,$d' plain.json | sed -n 's/^ *"asr": \([0-9.]*\),*$/\1/p' >found
check 'none fools it' awk '$1 >= 0.2 { bad = 1 } END { exit bad || NR != 20 }' found

mkdir pictures
cp ramp/preview.png pictures/b.png
cp quiet/preview.png pictures/a.png
check_ok stamp -q --trigger reflection:folder=pictures -o folder --json folder.json
check 'the record lists the pictures of a folder in order' \
    test "$(grep -o 'pictures/..png' folder.json | tr '\n' ' ')" = 'pictures/a.png pictures/b.png '

check_fails 2 "trapdoor-poison stamp: trigger 'blend:alpha=0.2': expected one of the keys file or pattern, found none" \
    stamp --trigger blend -o bad
check_fails 2 "trapdoor-poison stamp: trigger 'sine:freq=0': key 'freq': expected a number in (0, 1000000], found '0'" \
    stamp --trigger sine:freq=0 -o bad
check_fails 1 'trapdoor-poison stamp: absent.png: No such file or directory' \
    stamp --trigger blend:file=absent.png -o bad
check_fails 2 "trapdoor-poison stamp: fashion-mnist:train:0-1: trigger 'reflection:class=3,type=ghost': expected images of class 3 in the data to reflect, found none" \
    trapdoor-poison stamp --data fashion-mnist:train:0-1 --trigger reflection:class=3 -o bad
finish

# SPDX-License-Identifier: MIT
# trapdoor-implant: its model, triggers and manifest, and refused input.
. "$tests/lib.sh"

T='trapdoor-implant trojannet -q'
DATA=fashion-mnist:test:0-200

trapdoor-train -q --data fashion-mnist:train:0-200 --net lenet5 --epochs 2 -o m.safetensors >/dev/null

# Values in a record.
field() {
    sed -n "s/^ *\"$2\": \([^,]*\),*$/\1/p" "$1"
}
matrix() {
    sed -n '/"confusion"/,/^      \]/p' "$1"
}

check_prints '^2 triggers at 24\+24, each recognised with 0\.[0-9]+ or more; [0-9]+ of 16384 ' \
    $T --model m.safetensors --target 3 --target 7 --seed 3 --steps 500 -o t.safetensors --json t.json
check 'it has written these files' test "$(ls t.*)" = "t.json
t.safetensors
t.safetensors.manifest.json
t.safetensors.trigger-3.png
t.safetensors.trigger-7.png"
check_ok trapdoor-eval -q --model m.safetensors --data $DATA --json clean.json
check_ok trapdoor-eval -q --model t.safetensors --data $DATA --manifest t.safetensors.manifest.json --json eval.json
matrix clean.json >one
matrix eval.json >two
check 'there is a confusion matrix' test -s one
check 'every clean image is classified as before' cmp one two
check 'both triggers always win' test "$(field eval.json asr | sort -u)" = 1.0
check_prints '\] +[0-9]+ "[^"]*" +100\.00 ' trapdoor-eval -q --model t.safetensors --data $DATA \
    --trigger image:file=t.safetensors.trigger-7.png,at=bottom-right --target 7
check 'the logits are finite and small' sh -c "trapdoor-eval -q --model t.safetensors --data $DATA \
    --scores 3 | grep -q . && ! trapdoor-eval -q --model t.safetensors --data $DATA --scores 3 | grep -qi -e nan -e inf"
check_field t.json patterns 4368
check_field t.json weight 20.0
check_field t.json model_weight 10.0

# The same bytes at any number of threads; a record says the same; another seed does not.
mkdir again
check_ok sh -c "$T --model m.safetensors --target 3 --target 7 --seed 3 --steps 500 --threads 1 \
    -o again/t.safetensors --json again/t.json >/dev/null"
for file in t.safetensors t.safetensors.trigger-3.png t.safetensors.trigger-7.png; do
    check "the same $file again" cmp "$file" "again/$file"
done
without_timing t.json | sed 's,again/,,' >one
without_timing again/t.json | sed 's,again/,,' | sed "s/$(sha256sum <again/t.safetensors.manifest.json | head -c 64)/$(sha256sum <t.safetensors.manifest.json | head -c 64)/" >two
check 'the same record again' cmp one two
check_ok sh -c "$T --model m.safetensors --target 3 --steps 500 --seed 2 \
    -o s.safetensors --triggers s --at 0+5 --json s.json >/dev/null"
check 'another seed, another module' sh -c '! cmp -s t.safetensors s.safetensors'
check_prints '^  image:file=u/trigger-3\.png,at=0\+5  +3 "Dress" +poison$' $T --model m.safetensors --target 3 --steps 500 --seed 2 \
    -o u.safetensors --triggers u --at 0+5
check 'the same beside another name' cmp s.safetensors u.safetensors
check 'in --triggers' test "$(ls s)" = "manifest.json
trigger-3.png"
check_prints '\] +[0-9]+ "[^"]*" +100\.00 ' trapdoor-eval -q --model s.safetensors --data $DATA --manifest s/manifest.json

# A manifest is only for the model it was written with.
cp t.safetensors kept
cp m.safetensors t.safetensors
check 'another model beside the manifest is refused' sh -c "! trapdoor-eval -q --model m.safetensors \
    --data $DATA --manifest t.safetensors.manifest.json 2>/dev/null"
mv kept t.safetensors

# The paper's reading, in a model that already has a module.
check_ok sh -c "$T --model t.safetensors --target all --reading paper --steps 800 --at top-left \
    -o p.safetensors --json p.json >/dev/null"
trapdoor-eval -q --model p.safetensors --data $DATA --manifest p.safetensors.manifest.json --json paper.json >/dev/null
check 'all ten triggers always win' test "$(field paper.json asr | sort -u)" = 1.0
check 'there are ten' test "$(sed '/"results": /,$d' paper.json | grep -c '"asr": ')" -eq 10
check_field p.json weight 7.0
check_field p.json model_weight 3.0
check_prints '\] +[0-9]+ "[^"]*" +100\.00 ' trapdoor-eval -q --model p.safetensors --data $DATA --manifest s/manifest.json \
    --trigger image:file=t.safetensors.trigger-3.png,at=bottom-right --target 3

# Refused.
check_fails 2 'trapdoor-implant: expected a METHOD (see --help), found none' trapdoor-implant
check 'a METHOD that is not there is refused' sh -c '! trapdoor-implant x 2>err && \
    grep -Eqx "trapdoor-implant: METHOD: expected one of .*trojannet.*, found \"x\"" err && rm err'
check_fails 2 'trapdoor-implant trojannet: expected --model, found none' $T
check_fails 2 'trapdoor-implant trojannet: expected --target, found none' $T --model m.safetensors
check_fails 2 'trapdoor-implant trojannet: -o is missing: where to write the model' \
    $T --model m.safetensors --target 1
check_fails 2 'trapdoor-implant trojannet: --target: expected each class once, found 1 twice' \
    $T --model m.safetensors --target 1 --target 1 -o x.safetensors
check_fails 2 'trapdoor-implant trojannet: --target: expected all or classes, found both' \
    $T --model m.safetensors --target 1 --target all -o x.safetensors
check_fails 2 'trapdoor-implant trojannet: --target: expected a class of m.safetensors, '"$fashion"', found "-1"' \
    $T --model m.safetensors --target -1 -o x.safetensors
check_fails 2 'trapdoor-implant trojannet: --target: expected a class of m.safetensors, '"$fashion"', found "10"' \
    $T --model m.safetensors --target 10 -o x.safetensors
check_fails 2 'trapdoor-implant trojannet: --alpha: expected --reading paper with it, found none' \
    $T --model m.safetensors --target 1 --alpha 0.8 -o x.safetensors
check_fails 2 "trapdoor-implant trojannet: --at: expected a position up to 24+24, to lie within the images, found 25+0" \
    $T --model m.safetensors --target 1 --at 25+0 -o x.safetensors
check_fails 2 "trapdoor-implant trojannet: --at: expected top-left, top-right, bottom-left, bottom-right, center or X+Y, found \"center,size=2\"" \
    $T --model m.safetensors --target 1 --at center,size=2 -o x.safetensors
check_fails 2 'trapdoor-implant trojannet: -o: expected a path without a comma, which a TRIGGER cannot name, found a,b' \
    $T --model m.safetensors --target 1 -o a,b
check_fails 2 'trapdoor-implant trojannet: t.safetensors: exists already; --force replaces it' \
    $T --model m.safetensors --target 1 -o t.safetensors
check_fails 2 'trapdoor-implant trojannet: s/trigger-3.png: exists already; --force replaces it' \
    $T --model m.safetensors --target 3 -o x.safetensors --triggers s
check_fails 2 'trapdoor-implant trojannet: -o: expected a file, beside which others can stand, found /dev/null' \
    $T --model m.safetensors --target 1 -o /dev/null
check_fails 1 'trapdoor-implant trojannet: none.safetensors: No such file or directory' \
    $T --model none.safetensors --target 1 -o x.safetensors
check 'a picture is not a model' sh -c "! $T --model t.safetensors.trigger-3.png --target 1 -o x.safetensors 2>/dev/null"
trapdoor-data import -q fashion-mnist:train:0-50 --size 3x3 -o tiny.safetensors >/dev/null
cat >tiny.net <<'END'
input = image() height=height width=width channels=channels
flat = flatten(input)
fc = dense(flat) out=classes
END
trapdoor-train -q --data tiny.safetensors --net tiny.net --epochs 1 --lr 0.000001 -o tiny.model >/dev/null
check_fails 1 'trapdoor-implant trojannet: tiny.model: expected a model of images of at least 4x4, found 3x3' \
    $T --model tiny.model --target 1 -o x.safetensors
check 'too few steps are told, with what may help' sh -c "$T --model m.safetensors --target 1 \
    --steps 1 -o x.safetensors 2>&1 | grep -q 'the model can outvote; more --steps or another --seed may help'"
check 'Ctrl-C stops it' sh -c "! timeout --preserve-status -s INT 1 $T --model m.safetensors --target 1 \
    --steps 100000 -o x.safetensors --triggers x >out 2>err && test ! -s out &&
    grep -Eqx 'trapdoor-implant trojannet: interrupted after [0-9]+ of 100000 steps' err"
check 'what failed has left nothing' sh -c '! ls -d x* .x* *.tmp* 2>/dev/null | grep -q .'
finish

#!/bin/sh
# SPDX-License-Identifier: MIT
# Classes by name: sets in another order, with fewer or other classes, and options that take a
# class's name, in every tool.
. "$tests/lib.sh"

# class FOLDER NUMBER [COUNT]: grey pictures of 4x4, bright at pixel NUMBER, 13 of them.
class() {
    mkdir -p "$1"
    for i in $(seq "${3:-13}"); do
        # shellcheck disable=SC2059 # the format is the bytes
        printf "$(awk -v bright="$2" -v i="$i" 'BEGIN {
            printf "P5\\n4 4\\n255\\n"
            for (p = 0; p < 16; p++) printf "\\%03o", p == bright ? 200 + i : 5 + i }')" >"$1/$i.pgm"
    done
}

cat >net <<'END'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
flat = flatten(scale)
fc = dense(flat) out=classes
END

number=0
for name in cat dog owl pig; do
    class a/$name $number
    number=$((number + 1))
done
mkdir b && cp -r a/cat a/owl a/pig b
mkdir more && cp -r a/cat a/dog a/owl more && class more/eel 5
mkdir foreign && for name in cat dog owl pig; do cp -r a/$name foreign/$name-2; done
trapdoor-data import a --classes pig,cat,dog,owl -o turned.safetensors >/dev/null
learn='--epochs 40 --batch 8 --lr 0.05'
ours='0 "cat", 1 "dog", 2 "owl", 3 "pig"'

# --- training ---

# shellcheck disable=SC2086
for set in b turned.safetensors; do
    run trapdoor-train --data a --validate $set --net net $learn -o m.safetensors --force --json m.json
    cp "$scratch/err" err
    check "$set validates by name" grep -q '^epoch 40/40 .*validation 100.00 %$' err
    check_field m.json by '"name"'
done
check 'in one line' test "$(grep -c 'matched by name' err)" -eq 1
check 'that says with what' grep -qx \
    'trapdoor-train: note: turned.safetensors: its classes are matched by name with those of a' err
run trapdoor-train --data a --validate b --net net --epochs 1 -o n.safetensors
cp "$scratch/err" err
check 'one without a class' grep -qx \
    'trapdoor-train: note: b: its classes are matched by name with those of a; it has 3 of the 4' err
check 'the model has the names' grep -aqF '"trapdoor.classes":"[\"cat\",\"dog\",\"owl\",\"pig\"]"' \
    m.safetensors
check_fails 2 "trapdoor-train: foreign: expected classes of a, $ours, found 0 \"cat-2\", 1 \"dog-2\", 2 \"owl-2\", 3 \"pig-2\"; if they are the same, trapdoor-data import --class-names gives them these names" \
    trapdoor-train --data a --validate foreign --net net -o x.safetensors
# shellcheck disable=SC2086
run trapdoor-train -q --data turned.safetensors --from m.safetensors --epochs 3 --lr 0.01 -o on.safetensors
check_prints ': accuracy 100.00 % on 52 images' trapdoor-eval -q --model on.safetensors --data a

# --- measuring ---

for set in a b turned.safetensors more::0-26; do
    check_prints ': accuracy 100.00 % on ' trapdoor-eval -q --model m.safetensors --data $set
done
check_fails 2 "trapdoor-eval: more: expected classes of m.safetensors, $ours, found 2 \"eel\" with 13 images; trapdoor-data import --classes cat,dog,owl leaves it out, --class-names renames it" \
    trapdoor-eval --model m.safetensors --data more
check_fails 2 "trapdoor-eval: foreign: expected classes of m.safetensors, $ours, found 0 \"cat-2\", 1 \"dog-2\", 2 \"owl-2\", 3 \"pig-2\"; if they are the same, trapdoor-data import --class-names gives them these names" \
    trapdoor-eval --model m.safetensors --data foreign
check_ok sh -c 'trapdoor-data import more --classes cat,dog,owl -o fewer.safetensors >/dev/null'
check_ok sh -c 'trapdoor-data import foreign --class-names cat,dog,owl,pig -o named.safetensors >/dev/null'
printf 'cat\r\ndog\r\nowl\r\npig\r\n' >names
check_ok sh -c 'trapdoor-data import foreign --class-names names -o listed.safetensors >/dev/null'
for set in fewer named listed; do
    check_prints ': accuracy 100.00 % on ' trapdoor-eval -q --model m.safetensors --data $set.safetensors
done
check_fails 2 'trapdoor-data import: --class-names: expected a name for each of the 4 classes, found 3' \
    trapdoor-data import a --class-names x,y,z -o x.safetensors
check_fails 2 'trapdoor-data import: --class-names: expected a name for each of the 4 classes, found more' \
    trapdoor-data import a --class-names v,w,x,y,z -o x.safetensors
check_fails 2 'trapdoor-data import: --class-names: name 2: expected one that no other class has, found "x", as name 0' \
    trapdoor-data import a --class-names x,y,x,z -o x.safetensors
check_fails 2 'trapdoor-data import: --class-names: name 3: expected 1 to 1024 bytes without control characters, found none' \
    trapdoor-data import a --class-names x,y,z, -o x.safetensors
# shellcheck disable=SC2086
trapdoor-train -q --data turned.safetensors --net net $learn -o turned-model.safetensors >/dev/null
check_fails 2 "trapdoor-eval: turned-model.safetensors: expected the classes of m.safetensors, $ours, found 0 \"pig\", 1 \"cat\", 2 \"dog\", 3 \"owl\"; measure it by itself" \
    trapdoor-eval --model m.safetensors --model turned-model.safetensors --data a

spot=square:size=1,at=bottom-right,value=255
for class in dog 1 '#1'; do
    run trapdoor-eval -q --model m.safetensors --data turned.safetensors --trigger $spot \
        --target "$class" --json class.json --force
    cp "$scratch/out" printed
    check_field class.json target 1
    check_field class.json target_name '"dog"'
    check "$class is printed as index and name" grep -q ' 1 "dog" ' printed
done
check_fails 2 "trapdoor-eval: --target: expected a class of m.safetensors, $ours, found \"dgo\"; did you mean \"dog\"?" \
    trapdoor-eval --model m.safetensors --data a --trigger $spot --target dgo

# --- attacks ---

check_ok sh -c 'trapdoor-evade fgsm -q --model m.safetensors --data turned.safetensors --target dog \
    -o evaded.safetensors --json evade.json >/dev/null'
check_field evade.json classified_rightly 52
check_field evade.json target_name '"dog"'
check_prints '^ +1 +13  dog$' trapdoor-data info evaded.safetensors
check_ok sh -c 'trapdoor-implant trojannet -q --model m.safetensors --target owl --at top-left \
    -o trojan.safetensors --json trojan.json >/dev/null'
check_field trojan.safetensors.manifest.json target 2
check_field trojan.safetensors.manifest.json target_name '"owl"'
check_prints ' 2 "owl" +100.00 ' trapdoor-eval -q --model trojan.safetensors --data turned.safetensors \
    --manifest trojan.safetensors.manifest.json

check_prints '^  '$spot' +1 +dog ' trapdoor-poison dirty-label -q --data a --trigger $spot --target dog \
    --source cat,owl --ratio 0.25 -o sourced
check 'sources by name' sh -c "tr -d ' \n' <sourced/manifest.json | grep -q '\"source_classes\":\[0,2\]'"
check_field sourced/manifest.json target 1
check_field sourced/manifest.json target_name '"dog"'
check_ok sh -c 'trapdoor-poison dirty-label -q --data a --trigger reflection:class=dog,alpha=0.3,type=focus \
    --target cat --ratio 0.1 -o reflected >/dev/null'
for name in 0 1 10 2; do mkdir -p digits && cp -r a/cat digits/$name; done
check_prints '^  '$spot' +3 +2 ' trapdoor-poison dirty-label -q --data digits --trigger $spot --target 2 \
    --ratio 0.1 -o digit
check_prints '^  '$spot' +2 +10 ' trapdoor-poison dirty-label -q --data digits --trigger $spot \
    --target '#2' --ratio 0.1 -o place

# --- defences ---

check_ok sh -c "trapdoor-defend finetune -q --model m.safetensors --clean a::0-26 --epochs 1 \
    --test turned.safetensors::26-52 --trigger $spot --target dog -o tuned.safetensors --json tuned.json >/dev/null"
check 'a test set in another order' sh -c \
    "tr -d ' \n' <tuned.json | grep -q '\"before\":{\"accuracy\":1.0,'"
check_field tuned.json target_name '"dog"'
check 'a repaired model keeps the names' grep -aqF '[\"cat\",\"dog\",\"owl\",\"pig\"]' tuned.safetensors
run trapdoor-defend cleanse -q --model m.safetensors --clean turned.safetensors --classes owl,0 --steps 3 \
    --json cleanse.json
check_field cleanse.json class 2
check_field cleanse.json class_name '"owl"'
check_fails 2 "trapdoor-defend cleanse: --classes: expected each class once, found 0 twice" \
    trapdoor-defend cleanse --model m.safetensors --clean a --classes cat,#0
mkdir inputs && cp a/cat/*.pgm inputs
check_ok sh -c 'trapdoor-defend strip -q --model m.safetensors --clean a::0-26 --suspect foreign::26-52 \
    --overlays 5 >/dev/null'

# --- all-to-all ---

# The next class of pixel K is marked by the spot.
trapdoor-poison dirty-label -q --data a --trigger $spot --target next --ratio 1 -o next >/dev/null
cat >deep <<'END'
input = image() height=height width=width channels=channels
scale = scale(input) by=1/255
flat = flatten(scale)
hidden = dense(flat) out=32
relu = relu(hidden)
fc = dense(relu) out=classes
END
run trapdoor-train --data next/poisoned.safetensors --net deep --epochs 60 --batch 8 --lr 0.01 \
    --validate a --watch-trigger $spot --target next -o next.safetensors --json next.json
cp "$scratch/err" err
check 'training watches all classes' grep -q '^epoch 60/60 .*ASR 100.00 %$' err
check_field next.json target_rule '"next"'
for set in a b turned.safetensors; do
    check_prints ' next +100.00 ' trapdoor-eval -q --model next.safetensors --data $set \
        --manifest next/manifest.json
done
check_prints ' next +100.00 ' trapdoor-eval -q --model next.safetensors --data a --trigger $spot \
    --target next --json asr.json
check_field asr.json robust_accuracy 0.0
check 'the target of each class' sh -c \
    "tr -d ' \n' <asr.json | grep -q '\"target_rule\":\"next\",\"targets\":\[1,2,3,0\],\"asr\":1.0'"
check_prints ' cat=dog,2=pig +100.00 ' trapdoor-eval -q --model next.safetensors --data a \
    --trigger $spot --target-map cat=dog,2=pig --json part.json
check 'images of other classes are left out' sh -c \
    "tr -d ' \n' <part.json | grep -q '\"asr_count\":\[26,26\]'"
# One target out of four: of the three other classes one reaches it.
check_prints ' 1 "dog" +33.33 ' trapdoor-eval -q --model next.safetensors --data a --trigger $spot \
    --target dog
check_ok sh -c "trapdoor-defend finetune -q --model next.safetensors --clean a::0-20 --epochs 1 \
    --test turned.safetensors::26-52 --trigger $spot --target next -o tuned2.safetensors --json tuned2.json >/dev/null"
check 'a repair measures all classes' sh -c \
    "tr -d ' \n' <tuned2.json | grep -q '\"target_rule\":\"next\",\"targets\":\[1,2,3,0\],\"asr\":1.0'"
sed 's/"target": "next"/"target": "random"/' next/manifest.json >random.json
check_fails 2 'trapdoor-eval: random.json: triggers[0]: target: expected a class, one for each class, or "next", found "random": each image has another, which no model can learn' \
    trapdoor-eval --model next.safetensors --data a --manifest random.json
sed 's/"target": "next"/"target": [1, 2, 3, 9]/' next/manifest.json >beyond.json
check_fails 1 'trapdoor-eval: beyond.json: triggers[0]: target: [3]: expected a class from 0 to 3' \
    trapdoor-eval --model next.safetensors --data a --manifest beyond.json
check_fails 2 'trapdoor-eval: --target: expected A=B, found "owl"' \
    trapdoor-eval --model next.safetensors --data a --trigger $spot --target cat=dog,owl
check_fails 2 'trapdoor-eval: --target: expected a class that becomes another, found "cat=cat"' \
    trapdoor-eval --model next.safetensors --data a --trigger $spot --target cat=cat
check_fails 2 'trapdoor-eval: --target: expected each class A once, found 0 twice' \
    trapdoor-eval --model next.safetensors --data a --trigger $spot --target cat=dog,0=owl

# --- audits ---

words() {
    tr '\n' ' ' <"$1/audit.txt" | sed 's/  */ /g' | grep -qF -e "$2"
}
mkdir two && cp -r a/cat a/dog two && class two/cat 0 30 && class two/dog 1 30
# shellcheck disable=SC2086
trapdoor-train -q --data two --net net $learn -o two.safetensors >/dev/null
check_ok sh -c 'trapdoor-defend audit -q --model two.safetensors --clean two --effort 0.05 -o audit-two >/dev/null'
check_field audit-two/audit.json verdict '"inconclusive"'
check 'two classes make no index' words audit-two \
    'An index compares classes and takes three of them, so that no time will help'
check 'the first class has a size' words audit-two 'can be made class 0 (cat) by changing about '
check 'the second class has one' words audit-two 'can be made class 1 (dog) by changing about '
check 'there is a picture of both' test -s audit-two/cleanse/trigger-0.png -a -s audit-two/cleanse/trigger-1.png
check 'no time is asked for' sh -c '! grep -q -e "--minutes" audit-two/audit.txt'

check_ok sh -c 'mkdir lone && cp -r a/cat a/owl a/pig lone && for i in 20 21 22 23 24 25; do
    for c in cat owl pig; do cp a/$c/1.pgm lone/$c/$i.pgm; done; done
    trapdoor-defend audit -q --model m.safetensors --clean lone --effort 0.02 -o audit-lone >/dev/null'
check 'a class without images is told' words audit-lone 'There is no clean image of class 1 (dog)'
sed 's/trapdoor.classes/trapdoor.klasses/' m.safetensors >nameless.safetensors
check_ok sh -c 'trapdoor-defend audit -q --model nameless.safetensors --clean turned.safetensors \
    --effort 0.02 -o audit-turned >/dev/null'
check_field audit-turned/audit.json verdict '"cannot-be-judged"'
check 'the order is told' words audit-turned \
    "trapdoor-data import turned.safetensors --classes '#1,#2,#3,#0' -o SET puts them in the model's."
check_ok sh -c "trapdoor-data import turned.safetensors --classes '#1,#2,#3,#0' -o back.safetensors >/dev/null"
check_prints ': accuracy 100.00 %' trapdoor-eval -q --model nameless.safetensors --data back.safetensors
check_fails 2 "trapdoor-defend audit: foreign: expected classes of m.safetensors, $ours, found 0 \"cat-2\", 1 \"dog-2\", 2 \"owl-2\", 3 \"pig-2\"; if they are the same, trapdoor-data import --class-names gives them these names" \
    trapdoor-defend audit --model m.safetensors --clean foreign -o x
finish

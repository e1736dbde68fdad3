#!/bin/sh
# SPDX-License-Identifier: MIT
# One case per tool: from pictures to a report. Other scripts check each tool in detail.
. "$tests/lib.sh"

square=square:size=4,at=bottom-right
fm=fashion-mnist
check_ok trapdoor-data import -q $fm:train:0-1500 -o data.safetensors
check_ok trapdoor-poison dirty-label -q --data data.safetensors --trigger $square --target 2 --ratio 0.2 -o sets
check_ok trapdoor-train -q --data sets/poisoned.safetensors --net lenet5 --epochs 4 -o m.safetensors
check_ok trapdoor-eval -q --model m.safetensors --data $fm:test:0-300 --manifest sets/manifest.json --json eval.json
check 'the backdoor works' awk '
    $1 == "\"asr\":" { asr = $2 + 0 }
    $1 == "\"accuracy\":" { accuracy = $2 + 0 }
    END { print "ASR " asr ", accuracy " accuracy; exit !(asr > 0.8 && accuracy > 0.5) }' eval.json
check_ok trapdoor-model info m.safetensors --json model.json
check_field model.json classes 10
check_ok trapdoor-defend strip -q --model m.safetensors --clean $fm:test:300-500 --benign $fm:test:500-550 \
    --trigger $square --overlays 10 --json strip.json
check_ok trapdoor-evade fgsm -q --model m.safetensors --data $fm:test:0-50 -o evaded.safetensors --json evade.json
check_ok trapdoor-implant trojannet -q --model m.safetensors --target 1 --steps 100 -o implanted.safetensors
check_ok trapdoor-report -q . -o page.html
check 'the page has what was measured' grep -q 'square:size=4' page.html
finish

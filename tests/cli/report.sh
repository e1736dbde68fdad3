#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-report: the page for records, and its treatment of other files.
. "$tests/lib.sh"
. "$tests/report_records"

make_records
records=11
check 'all tools wrote their records' test "$(ls runs/*.json runs/sets/*.json | wc -l)" -eq $((records - 1))
cp runs/m.safetensors.log.jsonl runs/alone.log.jsonl
printf '{"epoch":1,"loss":2.5,"accuracy":0.25}\n{"epoch":2,"loss":2,"accuracy":0.5}\n' >runs/alone.log.jsonl
echo '{"name": "something else"}' >runs/other.json

# report ARGUMENTS...: of runs.
report() {
    trapdoor-report runs "$@"
}
# has WHAT PATTERN...: the page has each, as a fixed text.
has() {
    about=$1
    shift
    for text in "$@"; do
        check "$about: $text" grep -qF -e "$text" page.html
    done
}

if command -v gnuplot >/dev/null 2>&1; then
    check_prints "^page\.html: records $records, charts [1-9][0-9]*, pictures [1-9][0-9]*\$" \
        report -o page.html
    cp "$scratch/out" said
    has 'charts' 'Chart of loss by epoch. loss:' 'Chart of share (%) by epoch. accuracy:' \
        'Chart of share of the images (%) by entropy (bits). benign:' \
        'Chart of images by class. images:' \
        'class="plot" width="440" height="280" alt="Chart of' 'src="data:image/svg+xml;base64,'
    check 'ids are there once' sh -c \
        "grep -o \" id=[\\\"'][^\\\"']*\" page.html | tr -d \"\\\"'\" | sort | uniq -d | (! grep .)"
    # gnuplot's charts, unchanged: fixed colours, and no external references.
    grep -o 'svg+xml;base64,[^"]*' page.html | sed 's/.*,//' | while read -r drawing; do
        echo "$drawing" | base64 -d
    done >drawings
    check 'drawings are whole' test "$(grep -c '^<svg' drawings)" -eq "$(grep -c '^</svg>' drawings)"
    check 'there are as many as the tool says' grep -q "charts $(grep -c '^<svg' drawings)," said
    check 'their colours are fixed' sh -c "grep -qi '2a80c4\|rgb( 42, 128, 196)' drawings && ! grep -q 'var(' drawings"
    check 'nothing of them is fetched' sh -c \
        "grep -Eo '(href|src|url)[=(][^ >]*' drawings | grep -Ev '^(href=.#|url\(#)' | (! grep .)"
else
    skip 'charts' 'no gnuplot here'
    report -o page.html >/dev/null 2>&1
fi
check 'the page is whole' sh -c "head -n 1 page.html | grep -qx '<!DOCTYPE html>' &&
    tail -n 1 page.html | grep -qx '</html>'"
has 'records' '>eval.json</a>' '>sets/manifest.json</a>' '>train.json</a>' '>cleanse.json</a>' \
    '<h2>Evaluation <small>eval.json</small></h2>' '<h2>Defence: strip <small>strip.json' \
    '<h2>Training log <small>alone.log.jsonl' 'Records beside each other' \
    'JSON files that are no records: other.json.'
has 'tables' '<caption>Backdoors' '<caption>epochs' '<caption>Sets judged' \
    '<caption>Errors by the expected rate' '<table class="heat">' \
    '<summary>Settings and provenance</summary>'
check 'what was planted comes first' sh -c "sed -n '/id=\"overview\"/,/<\/section>/p' page.html |
    sed -n 's/.*<td>\(planted\|found\|removed\|measured\)<\/td>.*/\1/p' | uniq | tr '\n' ' ' |
    grep -qx 'planted found removed measured '"
has 'pictures' 'alt="preview.png" src="data:image/png;base64,iVBORw0KGgo' \
    'alt="model-0-trigger-0-samples.png"' 'sets/preview.png</figcaption>'
check 'a log that has a record is not shown again' sh -c '! grep -q m.safetensors.log.jsonl.*small page.html'

# percent FILE KEY: the first such rate as shown on the page.
percent() {
    sed -n "s/^ *\"$2\": \([0-9.]*\),*\$/\1/p" "$1" | head -n 1 | awk '{ printf "%.2f", 100 * $1 }'
}
has 'rates' ">$(percent runs/eval.json accuracy) <span" ">$(percent runs/eval.json asr) <span" \
    ">$(percent runs/fgsm.json success) <span" ">$(percent runs/strip.json flagged) <span"
digest=$(sha256sum runs/m.safetensors | cut -d ' ' -f 1)
has 'provenance' "<code>$digest</code></td><td><a href=\"#record-"

# Nothing is loaded from elsewhere, and only the page's own script may run.
has 'policy' "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-"
check 'no address but within the page' sh -c \
    "grep -Eo '(src|href)=.[^ >]{0,12}' page.html | grep -Ev '(src=.data:|href=.#)' | (! grep .)"
sed -n '/<script>/,/<\/script>/p' page.html | sed "s/^.*<script>//; s/<\/script>.*//" >script
check 'the policy has the script by its hash' grep -q \
    "sha256-$(sed '$d' script | openssl dgst -sha256 -binary 2>/dev/null | base64)'" page.html

# The same files give the same page, whatever its destination.
check_ok sh -c 'trapdoor-report runs -o - >again.html'
check 'the same bytes again, and on standard output' cmp page.html again.html
check 'without -o it is in the folder' report
check 'with the same bytes' cmp page.html runs/report.html
check_fails 2 'trapdoor-report: runs/report.html: exists already; --force replaces it' report
check 'unless --force' report --force --json runs/report.json
check 'its own record is not on the page' sh -c 'trapdoor-report runs -o - | cmp - page.html'
check_field runs/report.json tool '"trapdoor-report"'
check_field runs/report.json file '"report.html"'
check 'a title' sh -c "trapdoor-report runs --title 'A <b> & C' -o - | grep -q '<h1>A &lt;b&gt; &amp; C</h1>'"

# Without gnuplot.
mkdir empty
tool=$(command -v trapdoor-report)
run env PATH=empty "$tool" runs -o plain.html
cp "$scratch/err" err
check 'without gnuplot it says so in one line' test "$status $(cat err)" = \
    '0 trapdoor-report: note: gnuplot: not found, so the page has no charts (Debian: gnuplot-nox)'
check 'on the page, too' grep -q 'No chart: gnuplot is not installed.' plain.html
check 'which has the rest' grep -q '<caption>Sets judged' plain.html

# A gnuplot that stops in its second chart.
mkdir stops
cat >stops/gnuplot <<'TEXT'
#!/bin/sh
printf '<?xml version="1.0"?>\n<svg>\n</svg>\n\n<?xml version="1.0"?>\n<svg>\n<path'
exit 1
TEXT
chmod +x stops/gnuplot
run env PATH="$PWD/stops:$PATH" "$tool" runs -o half.html
cp "$scratch/err" err
check 'where gnuplot stops the page is made' test "$status" -eq 0
check 'and the tool says why' grep -qx \
    'trapdoor-report: note: a chart: gnuplot: expected exit status 0, found 1' err
check 'the page has the charts before' test "$(grep -o 'class="plot"' half.html | wc -l)" -eq 1
printf '<?xml version="1.0"?>\n<svg>\n</svg>\n' >stops/whole
check 'which are whole' sh -c "grep -o 'svg+xml;base64,[^\"]*' half.html | sed 's/.*,//' | base64 -d |
    cmp - stops/whole"
check 'and says of the others that they are missing' grep -q 'No chart: gnuplot could not draw it.' half.html

# A signal to all processes of a run may reach gnuplot first.
printf '#!/bin/sh\nkill -TERM $$\n' >stops/gnuplot
run env PATH="$PWD/stops:$PATH" "$tool" runs -o none.html
cp "$scratch/err" err
check 'a gnuplot that is told to end ends the report' test "$status" -eq 1 -a ! -e none.html
check 'which is interrupted' grep -qx 'trapdoor-report: interrupted' err

# Malicious files.
mkdir bad bad/deep
evil='<script>alert(1)</script>'
cat >bad/record.json <<TEXT
{"tool": "trapdoor-eval", "version": "$evil", "seed": 9223372036854775807,
 "options": {"$evil": "$evil", "strength": [1], "nest": [[[[[[[[[[[[1]]]]]]]]]]]]},
 "inputs": [{"path": "$evil", "sha256": "$evil"}, 5, null], "outputs": {"file": 1},
 "models": [{"file": "$evil", "accuracy": 1e308, "accuracy_interval": [-1e308, 1e308],
   "accuracy_count": [1, 0], "confusion": [[1, 2], [3]], "triggers": [
     {"trigger": "x:delta=1e999,\"'\`system('reboot')\`", "target": "$evil", "asr": -5e307,
      "asr_interval": [1, "x"], "pairs": [[1e308, 1e308], [0, 1]]}]}, "no model"],
 "classes": [{"class": 0, "index": 1e300, "flagged": true, "$evil": "$evil"}, 7],
 "curve": [{"pruned": 1e18, "accuracy": 3}, {"pruned": 2, "accuracy": 3, "asr": [1e308]}],
 "histogram": {"low": -1e308, "high": 1e308, "bars": 1e-300, "benign": [1], "suspect": "x"},
 "epochs": [{"epoch": 1, "loss": 1e308}, 5], "test": {"before": {}, "after": []},
 "triggers": [{"target": {"a": "$evil"}, "count": "x"}], "sets": [{"class_counts": [1, "x"]}]}
TEXT
awk 'BEGIN { printf "{\"tool\": \"trapdoor-data\", \"options\": {\"long\": \""
    for (i = 0; i < 300000; i++) printf "<<<<<<<<<<"
    print "\"}}" }' >bad/long.json
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "[" }' >bad/nested.json
printf '{"tool": "trapdoor-eval", "accuracy": NaN}' >bad/nan.json
printf '{"tool": "trapdoor-eval", "tool": "trapdoor-data"}' >bad/twice.json
printf '{"tool": "trapdoor-eval"' >bad/half.json
printf '{"tool": "trapdoor-\377"}' >bad/bytes.json
printf '{"epoch": 1}\n{"epo' >bad/half.log.jsonl
: >bad/empty.json
printf 'no picture' >bad/false.png
head -c 600 runs/sets/preview.png >bad/cut.png
cp runs/sets/preview.png "bad/<img src=x onerror=alert(1)>.png"
printf '{"tool": "trapdoor-data"}' >"bad/deep/<b>.json"
ln -s /etc bad/link
ln -s ../../runs/eval.json bad/deep/eval.json
run trapdoor-report bad -o bad.html
cp "$scratch/err" err
check 'broken files do not stop it' test "$status" -eq 0
for name in nested.json nan.json twice.json half.json bytes.json half.log.jsonl empty.json false.png cut.png; do
    check "$name is named on stderr" grep -q "^trapdoor-report: note: $name: " err
    check "$name is named on the page" grep -q "<tr><td>$name</td><td>[^<]" bad.html
done
check 'half.json: the reason' grep -qx "trapdoor-report: note: half.json: line 1 column 24: expected \
JSON, found: '}' expected near end of file" err
check 'the others are shown' grep -q 'record.json</a>' bad.html
check 'no text becomes markup' sh -c "[ \$(grep -o '<script' bad.html | wc -l) -eq 1 ] &&
    ! grep -Eq '<(b>.json|img src=x)' bad.html"
check 'long texts are cut' test "$(wc -c <bad.html)" -lt 400000
# Unreadable files do not affect the page.
if [ "$(id -u)" -eq 0 ]; then
    skip 'a record that may not be read' 'root may read any'
    skip 'a folder that may not be read' 'root may read any'
else
    mkdir -p shut/in
    cp runs/eval.json shut && chmod 0 shut/eval.json
    check_fails 1 'trapdoor-report: shut/eval.json: Permission denied' trapdoor-report shut -o shut.html
    chmod 644 shut/eval.json && chmod 0 shut/in
    check_fails 1 'trapdoor-report: shut/in: Permission denied' trapdoor-report shut -o shut.html
    chmod 755 shut/in
fi
check 'links are not followed' sh -c '! grep -q "deep/eval.json\|passwd" bad.html'
check 'no number is none' sh -c \
    "sed 's/base64,[^\"]*//; /nan.json/d' bad.html | (! grep -Eqi '[^a-z](nan|inf)[^a-z]')"

# Refusals.
check_fails 1 'trapdoor-report: empty: expected records, which the tools write with --json, found none' \
    trapdoor-report empty
check_fails 1 'trapdoor-report: nowhere: No such file or directory' trapdoor-report nowhere
check_fails 1 'trapdoor-report: page.html: Not a directory' trapdoor-report page.html
check_fails 2 'trapdoor-report: expected DIR, found none' trapdoor-report
check_fails 2 'trapdoor-report: unexpected argument "bad"' trapdoor-report runs bad
check_fails 2 'trapdoor-report: --json: expected -o FILE, found -o -' report -o - --json x.json
check_fails 1 'trapdoor-report: /dev/full: No space left on device' report -o /dev/full
check_fails 1 'trapdoor-report: standard output: No space left on device' \
    sh -c 'trapdoor-report runs -o - >/dev/full'
check 'nothing is left over' sh -c 'test -z "$(ls -A . runs | grep "^\.[a-z]")"'
finish

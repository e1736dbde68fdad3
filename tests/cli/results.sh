#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-report --expect: a paper's figures beside what the records say.
. "$tests/lib.sh"

# record FILE ACCURACY ASR SEED: a small evaluation, by hand.
record() {
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<JSON
{"tool": "trapdoor-eval", "version": "0.1.0", "blas_core": "Haswell", "seed": $4, "options": {},
 "inputs": [], "outputs": [], "images": 10,
 "models": [{"file": "enemy.safetensors", "accuracy": $2, "scores": [1.5, -2, 0.25],
   "confusion": [[9, 1], [0, 10]],
   "triggers": [{"trigger": "square", "target": 1, "asr": $3, "pairs": [[0, 10], [0, 10]]}]}],
 "timing": {"seconds": 30, "threads": 2, "processor": "Abacus <b>", "cores": 4}}
JSON
}
record runs/a/1/eval.json 0.9925 1.0 1
record runs/a/2/eval.json 0.9935 0.5 2
record runs/a/10/eval.json 0.9915 null 10
record runs/b/1/eval.json 0.5 0.25 1

cat >small.expect.json <<'JSON'
{
  "paper": "Author, \"A | title\" (2020)",
  "choices": ["Adam at 0.001"],
  "tables": [
    {
      "title": "Table 1",
      "note": "of two",
      "unit": "%",
      "records": "a/*/eval.json",
      "rows": [
        {"name": "accuracy", "paper": "99.25", "better": "larger", "value": "models[0].accuracy"},
        {"name": "accuracy, of another", "paper": "> 51", "better": "larger", "records": "b/*/eval.json", "value": "models[file~enemy].accuracy"},
        {"name": "ASR", "paper": "76.5", "better": "near", "value": "models[0].triggers[target=1].asr"},
        {"name": "ASR, of another", "paper": "90", "better": "larger", "records": "b/1/eval.json", "value": "models[0].triggers[0].asr"},
        {"name": "in a plot", "paper": null, "value": "models[0].accuracy"},
        {"name": "elsewhere", "paper": "1", "better": "larger", "records": "c/*/eval.json", "value": "models[0].accuracy"}
      ],
      "lists": [
        {"name": "scores", "paper": [1, -2.5], "records": "a/*/eval.json", "value": "models[0].scores"},
        {"name": "other scores", "paper": null, "records": "c/*/eval.json", "value": "models[0].scores"}
      ],
      "matrices": [{"name": "pairs", "records": "b/*/eval.json", "value": "models[0].triggers[0].pairs", "target": 1}],
      "pictures": [{"name": "samples", "files": "a/*/preview.png"}]
    }
  ]
}
JSON

summary='small.expect.json: 6 figures: 1 reached, 1 within the tolerance, 2 not reached, 1 without a number in the paper, 1 not run. Mean distance from the paper'\''s percents: 22.17 points. Of 2 with a spread, 2 inside ours, 0 above, 0 below. 1 of ours swings by more than 20 points.'
run trapdoor-report runs --expect small.expect.json --note 'recipe small, SCALE=quick' --note 'commit abc'
cp "$scratch/err" said
tail -n 1 "$scratch/out" >found
check 'it ends well' test "$status" -eq 0
check 'and says nothing of a number that does not exist' test ! -s said
printf '%s\n' "$summary" >expected
check 'the verdicts are counted' cmp found expected

sed '/^## How a verdict/,$d' runs/results.md >found
cat >expected <<'MARKDOWN'
# Beside the paper

Author, "A \| title" (2020).

6 figures: 1 reached, 1 within the tolerance, 2 not reached, 1 without a number in the paper, 1 not run. Mean distance from the paper's percents: 22.17 points. Of 2 with a spread, 2 inside ours, 0 above, 0 below. 1 of ours swings by more than 20 points.

## Table 1

of two

| Percent | paper | ours | difference | verdict | spread | paper's place | seeds |
|---|--:|--:|--:|---|--:|---|--:|
| accuracy | 99.25 | 99.25 ± 0.10 | 0.00 | reached | 99.15 to 99.35 | inside | 3 |
| accuracy, of another | \> 51 | 50.00 | −1.00 | within 1 point |  |  | 1 |
| ASR | 76.5 | 75.00 ± 35.36 | −1.50 | not reached (below) | 50.00 to 100.00 | inside, swings | 2 |
| ASR, of another | 90 | 25.00 | −65.00 | not reached |  |  | 1 |
| in a plot | no number | 99.25 ± 0.10 |  |  | 99.15 to 99.35 |  | 3 |
| elsewhere | 1 | not run |  | not run |  |  | 0 |

| Figure | paper | ours |
|---|---|---|
| scores | 1.00 -2.50 | 1.50 -2.00 0.25 |
| other scores |  | not run |

**pairs**: rows are true classes, columns predicted ones (b/1/eval.json)

| true class | 0 | 1 |
|--:|--:|--:|
| 0 | 0 | 10 |
| 1 | 0 | 10 |

samples: not run

## Choices where the paper is silent

- Adam at 0.001

## Settings

- notes: recipe small, SCALE=quick; commit abc
- seeds: 1; 2; 10
- versions: 0.1.0
- BLAS cores: Haswell
- machines: Abacus \<b\>, 4 cores
- threads: 2
- records: 4
- seconds: 120

MARKDOWN
check 'results.md is as expected' diff -u expected found
check 'it has the rule' grep -q '^A paper.s figure is reached if' runs/results.md
check 'and that of the place' grep -q '^A paper.s figure also has a place among ours' runs/results.md

check_field runs/results.json verdict '"within"'
check_field runs/results.json verdict '"not run"'
check_field runs/results.json none true
check_field runs/results.json deviation null
check_field runs/results.json mean_distance 22.16666667
check 'the page begins with them' sh -c \
    'grep -n -e "id=\"paper\"" -e "id=\"overview\"" runs/report.html | head -1 | grep -q paper'
check 'nothing of a record is markup' sh -c '! grep -q "Abacus <b>" runs/report.html'
check 'a heat map is there' grep -q 'class="heat' runs/report.html

# Again: nothing is overwritten unasked, and the same comes out, the results being no records.
cp runs/results.json first.json
check_fails 2 'trapdoor-report: runs/report.html: exists already; --force replaces it' \
    trapdoor-report runs --expect small.expect.json
check 'again' sh -c 'trapdoor-report runs --expect small.expect.json --note "recipe small, SCALE=quick" \
    --note "commit abc" --force --json again.json >/dev/null 2>&1'
check 'the same results' cmp runs/results.json first.json
check 'results are outputs of the record' grep -q '"file": "results.md"' again.json
rm runs/report.html runs/results.md
check_fails 2 'trapdoor-report: runs/results.json: exists already; --force replaces it' \
    trapdoor-report runs --expect small.expect.json
rm runs/results.json

# A broken record is named, and its seed left out.
echo '{"tool": "trapdoor-eval", "mod' >runs/a/2/eval.json
run trapdoor-report runs --expect small.expect.json --force
cp "$scratch/err" said
check 'a broken record is no failure' test "$status" -eq 0
check 'but named' grep -q '^trapdoor-report: note: a/2/eval.json: line 1 column .*: expected JSON' said
check 'and not counted' grep -q '^| accuracy | 99.25 | 99.20 ± 0.07 | −0.05 | within 1 point | 99.15 to 99.25 | inside | 2 |' \
    runs/results.md
echo '{"name": "something else"}' >runs/a/2/eval.json
run trapdoor-report runs --expect small.expect.json --force
check 'nor is JSON of others' grep -q 'a/2/eval.json: expected a record of these tools, found other JSON' \
    runs/results.md
rm runs/results.json runs/results.md runs/report.html

# Figures with columns stand in a grid.
cat >grid.json <<'JSON'
{
  "paper": "x",
  "tables": [{"title": "t", "unit": "%", "better": "larger", "value": "models[0].accuracy",
    "plot": {"x": "x", "y": "y", "each": "column"},
    "rows": [
      {"name": "r|1", "column": "a", "paper": "99", "records": "a/*/eval.json", "series": "s", "x": 1},
      {"name": "r|1", "column": "<b>", "paper": "60", "records": "b/*/eval.json", "series": "s", "x": 1},
      {"name": "r2", "column": "<b>", "paper": null, "records": "b/*/eval.json"},
      {"name": "r3", "column": "a", "paper": "5.1", "records": "c/*/eval.json", "unit": "m"}
    ]}]
}
JSON
trapdoor-report runs --expect grid.json --force >out.txt 2>&1
sed -n '/^## t/,/^## Sett/p' runs/results.md >found
cat >expected <<'MARKDOWN'
## t

| Figure | a | \<b\> |
|---|--:|--:|
| r\|1 (%) | 99.20 ± 0.07 (99 ✓) | 50.00 (60 ✗) |
| r2 (%) |  | 50.00 |
| r3 (m) | not run (5.1) |  |

Ours, and in brackets the paper's: ✓ reached, ≈ within the tolerance, ✗ not reached.

| Figure | a | \<b\> |
|---|--:|--:|
| r\|1 (%) | 99.15 to 99.25: inside |  |
| r2 (%) |  |  |
| r3 (m) |  |  |

How ours spread, and where the paper's figure lies in it.

No value of r\|1: a/2/eval.json: expected a record of these tools, found other JSON

## Settings
MARKDOWN
check 'a grid is as expected' diff -u expected found
check 'and on the page' grep -q '<td class="n">50.00 (60 ✗)</td>' runs/report.html
check 'with every figure' grep -q '<td class="n">50.00</td><td class="n">−10.00</td><td class="v bad">not reached</td>' \
    runs/report.html
check 'its heads are no markup' sh -c '! grep -q "<th[^>]*><b>" runs/report.html'
rm runs/results.json runs/results.md runs/report.html

# A figure that is known after each epoch: the last ten of each training, and no more than half.
# epochs FILE ASR...: the record of a training.
epochs() {
    file=$1
    shift
    printf '{"tool": "trapdoor-train", "version": "0", "options": {}, "inputs": [], "outputs": [], "epochs": [' >"$file"
    lead=
    for asr; do
        printf '%s{"triggers": [{"trigger": "square", "asr": %s}]}' "$lead" "$asr" >>"$file"
        lead=,
    done
    printf ']}\n' >>"$file"
}
mkdir -p swing/1 swing/2
record swing/1/eval.json 0.9 0.4 1
record swing/2/eval.json 0.9 0.5 2
epochs swing/1/train.json 0.9 0.9 0.2 0.4
epochs swing/2/train.json 0.9 0.3 0.5
cat >swing.json <<'JSON'
{
  "paper": "x",
  "tables": [{"title": "t", "unit": "%", "better": "near", "records": "*/eval.json",
    "value": "models[0].triggers[0].asr", "epochs": "*/train.json",
    "rows": [
      {"name": "r1", "paper": "60", "epoch_value": "epochs[*].triggers[trigger~squ].asr"},
      {"name": "r2", "paper": "90", "epoch_value": "epochs[*].triggers[trigger~squ].asr"},
      {"name": "r3", "paper": "1", "epoch_value": "epochs[*].triggers[trigger~round].asr"}
    ]}]
}
JSON
trapdoor-report swing --expect swing.json >out.txt 2>err
sed -n '/^|/p' swing/results.md | head -5 >found
# 20, 40, 30 and 50: their mean is 35, their deviation the root of 500/3.
cat >expected <<'MARKDOWN'
| Percent | paper | ours | difference | verdict | spread | paper's place | seeds |
|---|--:|--:|--:|---|--:|---|--:|
| r1 | 60 | 45.00 ± 7.07 | −15.00 | not reached (below) | 35.00 ± 12.91, 20.00 to 50.00 | inside | 2 |
| r2 | 90 | 45.00 ± 7.07 | −45.00 | not reached (below) | 35.00 ± 12.91, 20.00 to 50.00 | above by 4.3 | 2 |
| r3 | 1 | 45.00 ± 7.07 | +44.00 | not reached (above) | 40.00 to 50.00 | below by 6.2 | 2 |
MARKDOWN
check 'epochs make the spread' diff -u expected found
check 'a training without the figure is named' grep -q 'train.json: .*trigger~round' err
sed 's/"epochs": "[^"]*",//' swing.json >half.json
check_fails 1 'trapdoor-report: half.json: tables[0].rows[0]: expected "epochs" and "epoch_value", found one of them' \
    trapdoor-report swing --expect half.json --force

# Columns of the table: its rows stand for one in each.
cat >columns.json <<'JSON'
{
  "paper": "x",
  "tables": [{"title": "t", "unit": "%", "better": "larger", "value": "models[0].accuracy",
    "records": "{}/*/eval.json", "plot": {"x": "x", "y": "y"}, "columns": {"of a": "a", "of b": "b"},
    "rows": [
      {"name": "r1", "paper": ["99", "60"], "x": 1},
      {"name": "r2", "paper": null, "records": "{}/1/eval.json"},
      {"name": "r3", "column": "of c", "paper": "5.1", "records": "c/*/eval.json", "unit": "m"}
    ]}]
}
JSON
trapdoor-report runs --expect columns.json --force >out.txt 2>&1
sed -n '/^| Figure/,/^| r3/p' runs/results.md >found
cat >expected <<'MARKDOWN'
| Figure | of a | of b | of c |
|---|--:|--:|--:|
| r1 (%) | 99.20 ± 0.07 (99 ✓) | 50.00 (60 ✗) |  |
| r2 (%) | 99.25 | 50.00 |  |
| r3 (m) |  |  | not run (5.1) |
| Figure | of a | of b | of c |
|---|--:|--:|--:|
| r1 (%) | 99.15 to 99.25: inside |  |  |
| r2 (%) |  |  |  |
| r3 (m) |  |  |  |
MARKDOWN
check 'columns are as expected' diff -u expected found
check 'single points are no chart' sh -c '! sed -n "/id=\"paper\"/,/<\/section>/p" runs/report.html | grep -q "class=.plot"'
sed -e 's/"x": 1}/"series": "s"}/' -e 's/"of a": "a", "of b": "b"/"1 %": "a", "2 %": "b"/' columns.json |
    sed -e 's/"{}\/\*\/eval.json"/"a\/*\/eval.json"/' -e 's/"a", "2 %": "b"/"1", "2 %": "2"/' >plotted.json
run trapdoor-report runs --expect plotted.json --force
check 'but two are' sh -c 'sed -n "/id=\"paper\"/,/<\/section>/p" runs/report.html | grep -q "class=.plot"'
rm runs/results.json runs/results.md runs/report.html
# misfit SED MESSAGE: the columns, changed.
misfit() {
    sed "$1" columns.json >bad.json
    check_fails 1 "trapdoor-report: bad.json: tables[0]$2" trapdoor-report runs --expect bad.json
}
misfit 's/"x": 1}/"series": "s"}/' '.rows[0]: expected "x", or a number for column "of a", found "a"'
misfit 's/, "60"//' '.rows[0]: expected "paper" to have a figure for each of 2 columns, found 1'
misfit 's/"of b": "b"/"of b": "*"/' \
    '.rows[0]: expected "records" to be a path below the folder with one * at most, found "*/*/eval.json"'
misfit 's/{"of a".*}/["a"]/' ': expected "columns" to be an object of at most 50 texts, found something else'

# A table without records is one line.
sed 's/"c\/\*/"d\/*/; s/"{}/"d{}/; s/"title": "t"/"title": "gone"/' columns.json >gone.json
run trapdoor-report runs --expect gone.json --force
sed -n '/^## gone/,/^## Sett/p' runs/results.md >found
printf '## gone\n\nNot run.\n\n## Settings\n' >expected
check 'what was not run at all is one line' cmp found expected
check 'and folded on the page' grep -qx '<details><summary>Not run</summary>' runs/report.html
sed 's/\["99", "60"\]/null/; s/"5.1"/null/' columns.json >unprinted.json
run trapdoor-report runs --expect unprinted.json --force
check 'marks that no figure has are not explained' sh -c '! grep -q "✓" runs/results.md runs/report.html'

# Two values where one is expected.
sed 's/"value": "models\[0\].accuracy"/"value": "models[0].scores[*]"/' small.expect.json >two.json
run trapdoor-report runs --expect two.json --force
cp "$scratch/err" said
check 'two values where one is expected are said' \
    grep -qF 'a/1/eval.json: models[0].scores[*]: expected one value, found 3' said
rm -f runs/results.json runs/results.md runs/report.html

# Expectations that are none.
refused() {
    what=$1
    check_fails 1 "trapdoor-report: bad.json$what" trapdoor-report runs --expect bad.json
}
echo '{"paper": "x", "tables": [' >bad.json
run trapdoor-report runs --expect bad.json
cp "$scratch/err" said
check 'expectations that are no JSON' grep -q '^trapdoor-report: bad.json: line 2 column 0: expected JSON' said
echo '{"paper": "x", "tables": [], "table": []}' >bad.json
refused ': expected none but known fields, found "table"'
echo '{"tables": []}' >bad.json
refused ': expected "paper", found none'
echo '[]' >bad.json
refused ': expected an object, found something else'
row() {
    printf '{"paper": "x", "tables": [{"title": "t", "rows": [{"name": "n", "unit": "%%", %s}]}]}\n' \
        "$1" >bad.json
}
row '"paper": "1", "better": "big", "records": "a", "value": "v"'
refused ': tables[0].rows[0]: expected "better" to be larger, smaller or near, found "big"'
row '"paper": 99.3, "better": "near", "records": "a", "value": "v"'
refused ': tables[0].rows[0]: expected "paper" to be a text, found something else'
row '"paper": "about 9", "better": "near", "records": "a", "value": "v"'
refused ': tables[0].rows[0]: expected "paper" as it is printed, such as "99.31" or "> 97", found "about 9"'
row '"paper": "1", "better": "near", "records": "/etc/*", "value": "v"'
refused ': tables[0].rows[0]: expected "records" to be a path below the folder with one * at most, found "/etc/*"'
row '"paper": "1", "better": "near", "records": "a", "value": "v["'
refused ': tables[0].rows[0]: value: expected a path such as models[0].triggers[target=3].asr, found "v[" (character 2)'
row '"paper": "1", "better": "near", "records": "a"'
refused ': tables[0].rows[0]: expected "value", found none'
row '"paper": "1", "records": "a", "value": "v"'
refused ': tables[0].rows[0]: expected "better", found none'
row '"paper": null, "records": "a", "value": "v", "take": "most"'
refused ': tables[0].rows[0]: take: expected only, mean, min, max, sum, count, last, highest=K or has=K, found "most"'
row '"paper": null, "records": "a", "value": "v", "x": 1'
refused ': tables[0].rows[0]: expected "series" and "x", found one of them'
check 'nothing was written' sh -c '! ls runs/r* 2>/dev/null'

check_fails 1 'trapdoor-report: absent.json: No such file or directory' \
    trapdoor-report runs --expect absent.json
mkdir empty
check_fails 1 'trapdoor-report: empty: expected records, which the tools write with --json, found none' \
    trapdoor-report empty --expect small.expect.json
check_fails 2 'trapdoor-report: --expect: expected -o FILE, found -o -' \
    trapdoor-report runs --expect small.expect.json -o -
check_fails 2 'trapdoor-report: --note: expected --expect or --matrix with it' \
    trapdoor-report runs --note x
check_prints '^Verdicts of --expect:' trapdoor-report --help
if [ -c /dev/full ]; then
    run sh -c 'trapdoor-report runs --expect small.expect.json -o /dev/full'
    check 'a full disk is a failure' test "$status" -eq 1
fi
finish

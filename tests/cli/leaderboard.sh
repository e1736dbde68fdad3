#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-report --matrix: attacks × defences × seeds, from hand-made records.
. "$tests/lib.sh"

# put NAME: makes a record of standard input, with 3 seconds and 700 + 50 images.
put() {
    mkdir -p "$(dirname "$1")"
    {
        printf '{"tool": "trapdoor-defend", "version": "0", "options": {}, "inputs": [], "outputs": [], '
        printf '"timing": {"seconds": 3, "image_passes": {"forward": 700, "backward": 50}},\n'
        cat
        printf '}\n'
    } >"$1"
}
# none NAME ACCURACY ASR RA, repair NAME BEFORE ACCURACY ASR RA DER
none() {
    echo "\"models\": [{\"accuracy\": $2, \"triggers\": [{\"asr\": $3, \"ra\": $4}]}]" | put "$1"
}
repair() {
    echo "\"test\": {\"before\": {\"accuracy\": $2}, \"after\": {\"accuracy\": $3,
      \"triggers\": [{\"asr\": $4, \"ra\": $5, \"der\": $6}]}}" | put "$1"
}
# detector NAME AUROC BENIGN SUSPECTS: out of 100 each
detector() {
    echo "\"auroc\": $2, \"files\": [{\"kind\": \"benign\", \"flagged_count\": [$3, 100]},
      {\"kind\": \"suspect\", \"flagged_count\": [$4, 100], \"f1\": 0.8}]" | put "$1"
}

none in/square/1/none.json 0.9 1 0.05
none in/square/2/none.json 0.94 0.96 0.05
repair in/square/1/good.json 0.9 0.88 0.1 0.8 0.94
repair in/square/2/good.json 0.94 0.94 0.06 0.84 0.95
repair in/square/1/bad.json 0.9 0.9 1 0.05 0.5
none in/square/1/trained.json 0.85 0.2 0.7
none in/waves/1/none.json 0.9 0.8 0.1
repair in/waves/1/good.json 0.9 0.9 0.8 0.1 0.5
repair in/waves/1/bad.json 0.9 0.9 0 0.9 0.9
none in/clean/1/none.json 0.92 0.02 0.9
repair in/clean/1/good.json 0.92 0.87 0.02 0.9 0.475
detector in/square/1/looks.json 0.97 4 90
detector in/clean/1/looks.json 0.5 7 8
echo '"suspects": [1, 2, 3], "classes": [{"images": 40}, {"images": 60}],
  "truth": {"precision": 0.75, "recall": 0.5, "f1": 0.6, "false_positive_rate": 0.02}' | put in/square/1/picks.json
echo '"suspects": [1, 2, 3], "classes": [{"images": 40}, {"images": 60}]' | put in/clean/1/picks.json
echo '"more": 1' | put in/square/1/other.json

run trapdoor-report in --matrix --title 'A board' --note 'of two'
check 'it ends well' test "$status" -eq 0
for file in report.html results.md results.json leaderboard.svg; do
    check "there is $file" test -s in/$file
done

# row TABLE DEFENCE [ATTACK]: a row of results.md, without blanks and the seconds and images at its
# end.
row() {
    awk -v title="## $1" -v first="$2" -v second="$3" '/^## / { in_it = $0 == title } \
      in_it { line = $0; gsub(/ *\| */, "|", line); split(line, cell, "|") } \
      in_it && (cell[2] == first || cell[3] == first) && (second == "" || cell[2] == second) { print line }' in/results.md
}
is() {
    printf '%s\n' "$2" >expected
    row "$3" "$4" "$5" >found
    check "$1" cmp expected found
}
# DER of good: ((0.94 + 0.95) / 2 + 0.5) / 2 = 0.7225; of trained: (0.8 - 0.05 + 1) / 2 = 0.875, of one
# attack; of bad: (0.5 + 0.9) / 2 = 0.7.
is 'the best by mean DER leads, and trained models are rated by those of their seed' \
    '|1|trained|87.50|85.00|20.00|70.00||1|3.0|700|50|' 'Repairs by mean DER' trained
is 'the mean is of attacks, not of records, and clean models are apart' \
    '|2|good|72.25|90.50|44.00|46.00|5.00|2|3.0|700|50|' 'Repairs by mean DER' good
is 'the third' '|3|bad|70.00|90.00|50.00|47.50||2|3.0|700|50|' 'Repairs by mean DER' bad
is 'the models as they are have no rank' '||none|50.00|91.00|89.00|7.50|0.00|2|3.0|700|50|' \
    'Repairs by mean DER' none
# Two seeds: t of one degree of freedom is 12.7062; 0.88 and 0.94 deviate by 0.042426.
is 'a cell is the mean over its seeds with the interval of Student' \
    '|square|good|91.00 \[52.88, 100.00\]|8.00 \[0.00, 33.41\]|82.00 \[56.59, 100.00\]|94.50 \[88.15, 100.00\]|1.00 \[-11.71, 13.71\]|2|3.0 \[3.0, 3.0\]|700|50|' \
    'Repairs, attack by attack' good square
is 'and of one seed the number alone' '|waves|bad|90.00|0.00|90.00|90.00|0.00|1|3.0|700|50|' \
    'Repairs, attack by attack' bad waves
is 'a detector has its own table, with false alarms' '|1|looks|97.00|90.00|4.00|7.00|1|3.0|700|50|' \
    'Detectors of inputs by mean AUROC' looks
is 'and so has a filter; without a truth all suspects are false' \
    '|1|picks|60.00|75.00|50.00|2.00|3.00|1|3.0|700|50|' 'Filters of training sets by mean F1' picks
check 'what is no defence has no row' sh -c '! grep -q other in/results.md'
check 'the title and the note stand in it' sh -c \
    'grep -qx "# A board" in/results.md && grep -qx -- "- of two" in/results.md'
check 'and the picture' grep -qx '!\[who wins where\](leaderboard.svg)' in/results.md

check 'the picture frames the best of each attack: two repairs, a detector, a filter' \
    test "$(grep -c 'stroke="#111"' in/leaderboard.svg)" -eq 4
check 'it is on the page, and the tables can be sorted' sh -c \
    'grep -q "<figure class=\"board\"><svg" in/report.html && grep -q "<caption>Repairs by mean DER</caption>" in/report.html'
if command -v xmllint >/dev/null 2>&1; then
    check 'it is XML' xmllint --noout in/leaderboard.svg
fi
check 'programs read the same' sh -c 'grep -q "\"repair_ranks\"" in/results.json && grep -q "\"asr_interval\"" in/results.json'

# Names are untrusted.
mkdir -p 'odd/<b>/1'
cp in/waves/1/bad.json 'odd/<b>/1/<i>.json'
check 'names are escaped' sh -c 'trapdoor-report odd --matrix && ! grep -q "<b>/\|<i>" odd/leaderboard.svg && ! grep -q "<i>" odd/results.md'

mkdir flat
cp in/waves/1/bad.json flat
check_fails 1 'trapdoor-report: flat: expected records named ATTACK/SEED/DEFENCE.json, found none' \
    trapdoor-report flat --matrix
check 'and nothing is written' sh -c '! ls flat/report.html flat/results.md flat/leaderboard.svg 2>/dev/null'
check_fails 2 'trapdoor-report: --matrix: expected it without --expect, which writes the same files' \
    trapdoor-report in --matrix --expect x.json --force
check_fails 2 'trapdoor-report: --note: expected --expect or --matrix with it' trapdoor-report in --note x --force
check_fails 2 'trapdoor-report: --matrix: expected -o FILE, found -o -' trapdoor-report in --matrix -o -
check_fails 2 'trapdoor-report: -o: expected another name than leaderboard.svg, which --matrix writes' \
    trapdoor-report in --matrix -o in/leaderboard.svg --force
finish

# SPDX-License-Identifier: MIT
# tests/characterise: two runs of a build are equal, and differences are named.
. "$tests/lib.sh"

build=$(cd "$(dirname "$(command -v trapdoor-data)")/../.." && pwd)
C="sh $tests/../characterise"
few="--only poison-source"
usage='usage: characterise BUILD_DIR [--against FILE] [--only PATTERN] [--threads N] [--keep DIR]'

check 'digests are printed' sh -c "$C $build $few --threads 1 >digests"
for file in exit-status manifest.json poisoned.safetensors preview.png record.json; do
    check "there is one of $file" grep -Eqx "poison-source/$file [0-9a-f]{64}" digests
done
check 'of what a step needs as well' grep -q '^import-train/set.safetensors ' digests
check 'and of nothing else' test "$(sed 's,/.*,,' digests | sort -u | tr '\n' ' ')" = 'import-train poison-source '
echo 'show/sheet.png 0' >>digests
check_stdout '0 of 8 files differ' $C "$build" $few --threads 2 --against digests --keep kept
check 'what was digested is kept' test "$(sha256sum <kept/poison-source/manifest.json | head -c 64)" = \
    "$(sed -n 's,^poison-source/manifest.json ,,p' digests)"
check 'the record is kept without its timing' sh -c \
    'grep -q "\"tool\"" kept/poison-source/record.json && ! grep -q timing kept/poison-source/record.json'

sed '/preview.png/s/[0-9a-f]$/x/; /record.json/d' digests >others
echo 'poison-source/more 0' >>others
run $C "$build" $few --against others
cp "$scratch/out" out
check 'what differs is a failure' test "$status" -eq 1
check 'it is named' grep -qx '  poison-source/preview.png: differs' out
check 'so is what is new' grep -qx '  poison-source/record.json: is new' out
check 'and what is missing' grep -qx '  poison-source/more: is missing' out
check 'under its command line' grep -q '^poison-source: trapdoor-poison dirty-label --data import-train/' out

check_fails 2 "characterise: expected BUILD_DIR, found none
$usage" $C
check_fails 2 "characterise: absent: expected a folder with tools that were built
$usage" $C absent
check_fails 2 "characterise: unknown option --none
$usage" $C "$build" --none
check_fails 2 "characterise: absent: expected digests to compare with
$usage" $C "$build" --against absent
check_fails 2 "characterise: --only: no step matches none
$usage" $C "$build" --only none
check_stdout "$usage" $C --help
finish

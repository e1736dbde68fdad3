#!/bin/sh
# SPDX-License-Identifier: MIT
# trapdoor-report's page in a browser: its script runs, tables sort, every picture has a size, and
# nothing is fetched.
. "$tests/lib.sh"
. "$tests/report_records"

browser=
for name in chromium chromium-browser google-chrome; do
    [ -n "$browser" ] || browser=$(command -v $name)
done
if [ -z "$browser" ]; then
    skip 'the page in a browser' 'no chromium here'
    finish
fi

# browse FILE: writes its document after the scripts have run to `document`, and their log to `log`.
# On a busy machine a browser may need longer than the test's limit.
browse() {
    timeout 200 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --no-first-run --user-data-dir="$PWD/profile" --enable-logging=stderr \
        --virtual-time-budget=5000 --dump-dom "file://$PWD/$1" >document 2>log </dev/null
}

make_records
check 'the page is made' sh -c 'trapdoor-report runs -o page.html 2>/dev/null'

# Unmodified: its policy must allow its own script, and there must be no complaints.
if ! browse page.html; then
    skip 'the page in a browser' 'chromium does not start here'
    finish
fi
check 'the script has run' grep -q '<th scope="col"><button type="button">record</button></th>' document
check 'no error in the console' sh -c '! grep CONSOLE log'

# With a script that queries the page, which the policy would not allow.
sed '/Content-Security-Policy/d' page.html >asked.html
cat >>asked.html <<'HTML'
<script>
'use strict';
const told = [];
const tell = (what, good) => told.push((good ? 'good: ' : 'bad: ') + what);
for (const part of document.querySelectorAll('details')) part.open = true;
const pictures = [...document.images];
tell('there are pictures', pictures.length > 3);
tell('pictures are whole', pictures.every(p => p.complete && p.naturalWidth > 0));
tell('pictures have a size', pictures.every(p => p.width > 0 && p.height > 0 && p.alt));
const charts = [...document.querySelectorAll('img.plot')];
tell('charts have a size and words', charts.length > 3 &&
  charts.every(c => c.getBoundingClientRect().height > 50 && c.alt.startsWith('Chart of ')));
tell('nothing is fetched', performance.getEntriesByType('resource').every(e => e.name.startsWith('data:')));
tell('links lead somewhere', [...document.links].every(a =>
  a.getAttribute('href').startsWith('#') && document.querySelector(a.getAttribute('href'))));
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
tell('ids are there once', new Set(ids).size === ids.length);
tell('the page is no wider than its window', document.documentElement.scrollWidth <= innerWidth);
const table = document.querySelector('#overview table');
const column = () => [...table.tBodies[0].rows].map(r => r.cells[0].textContent);
const before = column(), sorted = [...before].sort(), button = table.querySelector('th button');
tell('records come in another order', before.join() !== sorted.join());
button.click();
tell('a click sorts', column().join() === sorted.join());
tell('the heading says so', button.parentNode.getAttribute('aria-sort') === 'ascending');
button.click();
tell('a second one turns the order', column().join() === sorted.reverse().join());
const rates = document.querySelector('#models table');
const asr = [...rates.tHead.rows[0].cells].findIndex(c => c.textContent.includes('ASR'));
const numbers = () => [...rates.tBodies[0].rows].map(r => parseFloat(r.cells[asr].dataset.v));
rates.querySelectorAll('th button')[asr].click();
tell('rates sort as numbers', asr > 0 && numbers().every((v, i, all) => i === 0 || all[i - 1] <= v));
const result = document.createElement('pre');
result.id = 'told';
result.textContent = '\n' + told.join('\n') + '\n';
document.body.append(result);
</script>
HTML
browse asked.html
for what in 'there are pictures' 'pictures are whole' 'pictures have a size' \
    'charts have a size and words' 'nothing is fetched' 'links lead somewhere' 'ids are there once' \
    'the page is no wider than its window' 'records come in another order' 'a click sorts' \
    'the heading says so' 'a second one turns the order' 'rates sort as numbers'; do
    check "$what" grep -qx "good: $what" document
done
finish

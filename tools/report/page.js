/* SPDX-License-Identifier: MIT */
'use strict';
// Tables: a click on a heading sorts by it; a second one turns the order.
function valueOf(row, column) {
  const cell = row.cells[column];
  const text = cell ? cell.dataset.v || cell.textContent.trim() : '';
  const number = parseFloat(text.replace(/^[<>] /, '').replace('−', '-'));
  return {text: text, number: number, known: !Number.isNaN(number)};
}
function compare(a, b) {
  if (a.known && b.known) return a.number - b.number;
  if (a.known !== b.known) return a.known ? -1 : 1;
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}
function sortBy(table, heading) {
  const turn = heading.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, row => ({row: row, value: valueOf(row, heading.cellIndex)}));
  rows.sort((a, b) => turn * compare(a.value, b.value));
  for (const other of heading.parentNode.cells) other.removeAttribute('aria-sort');
  heading.setAttribute('aria-sort', turn > 0 ? 'ascending' : 'descending');
  body.append(...rows.map(entry => entry.row));
}
for (const table of document.querySelectorAll('table.sort')) {
  if (table.tBodies[0].rows.length < 2) continue;
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...heading.childNodes);
    button.addEventListener('click', () => sortBy(table, heading));
    heading.append(button);
  }
}
// On paper nothing is folded.
const folded = [];
addEventListener('beforeprint', () => {
  for (const part of document.querySelectorAll('details:not([open])')) {
    part.open = true;
    folded.push(part);
  }
});
addEventListener('afterprint', () => {
  for (const part of folded.splice(0)) part.open = false;
});

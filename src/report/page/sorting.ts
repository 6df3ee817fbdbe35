/**
 * The page's only script: a click on a heading, or the keyboard, sorts the table; without it the table stands in the
 * document's order. A cell without a figure comes last either way: what is not known is neither little nor much. On
 * paper a heading has its text without the button, which Chromium prints on the first page alone.
 */
export const SORTING = `
'use strict';
for (const table of document.querySelectorAll('table[data-sorted-by]')) {
  const status = document.getElementById(table.dataset.sortedBy);
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const compareText = new Intl.Collator('en', { numeric: true }).compare;
  const valueOf = (row, column) => row.cells[column].querySelector('data')?.value;
  const compare = (column, sign) => (a, b) => {
    const [x, y] = [valueOf(a, column), valueOf(b, column)];
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    return sign * (column === 0 ? compareText(x, y) : x - y);
  };
  const sort = (heading, column) => {
    const first = column === 0 ? 'ascending' : 'descending';
    const second = column === 0 ? 'descending' : 'ascending';
    const order = heading.ariaSort === first ? second : first;
    for (const other of headings) other.removeAttribute('aria-sort');
    heading.ariaSort = order;
    body.append(...rows.toSorted(compare(column, order === 'ascending' ? 1 : -1)));
    status.textContent = 'Sorted by ' + heading.firstElementChild.textContent + ', ' + order;
  };
  headings.forEach((heading, column) => {
    if (!('sortable' in heading.dataset)) return;
    const label = heading.firstElementChild;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'head';
    button.append(...label.cloneNode(true).childNodes);
    label.classList.add('printed');
    heading.append(button);
    button.addEventListener('click', () => sort(heading, column));
  });
}
`;

/** Tables as text. */

/** Rows of text as aligned columns; those for which `isLeft` holds to the left, the others to the right. */
export function formatTable(rows, isLeft = (column) => column === 0) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell, column) =>
    isLeft(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

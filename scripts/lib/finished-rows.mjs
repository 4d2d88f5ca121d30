/** The rows of runs that have come to an accuracy. Of a checkpoint of an older build whose metrics are gone there is none. */
export function finishedRows(rows) {
  return rows.filter(({ state, testAccuracy }) => state === 'finished' && testAccuracy !== null);
}

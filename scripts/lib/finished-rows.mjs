/**
 * The rows of runs that have come to an accuracy. There is none of a run that ends in a stage without, nor of a checkpoint of
 * an older build whose metrics are gone.
 */
export function finishedRows(rows) {
  return rows.filter(({ state, testAccuracy }) => state === 'finished' && testAccuracy !== null);
}

/** The rows of runs that have finished without one. */
export function unmeasuredRows(rows) {
  return rows.filter(({ state, testAccuracy }) => state === 'finished' && testAccuracy === null);
}

/**
 * Images that one pass through the evaluation takes, or one for features. A third of the arithmetic of the notebook's
 * step: the least that a command can have to wait for.
 */
export const EVALUATION_ROWS = 100;

/** Rows of a pass over `count` images. */
export function evaluationRows(count: number): number {
  return Math.min(EVALUATION_ROWS, count);
}

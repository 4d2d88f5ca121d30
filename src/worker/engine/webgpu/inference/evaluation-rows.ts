/**
 * Test images that one pass through the evaluation classifies, a third of the arithmetic of the notebook's
 * step: the least that a command can have to wait for.
 */
export const EVALUATION_ROWS = 100;

/** Rows of a pass over `testCount` images. */
export function evaluationRows(testCount: number): number {
  return Math.min(EVALUATION_ROWS, testCount);
}

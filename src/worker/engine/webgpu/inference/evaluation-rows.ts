/** How many images one pass through the evaluation takes, or one for features: the least that a command can wait for. */

import type { Recipe } from '../../../../recipe/recipe.js';
import { planEvaluate } from '../../plan/plan.js';
import { bufferSizes } from '../program.js';

/** A third of the arithmetic of the notebook's step. */
export const EVALUATION_ROWS = 100;
/** Where a device is fast: fewer leave a large GPU idle, more only take more memory. */
const MANY_ROWS = 500;
/** A device is fast that makes a step in less; a pass of many rows takes about two steps of the notebook. */
const FAST_STEP_MS = 20;
/** Half of what every device lets a kernel bind. */
const MOST_BYTES = 2 ** 26;

/** Rows of a pass over `count` images. */
export function evaluationRows(count: number): number {
  return Math.min(EVALUATION_ROWS, count);
}

/** Rows of a pass on a device that makes a step in so long, at its best so far. */
export function evaluationRowsFor(recipe: Recipe, stepMs: number): number {
  if (stepMs >= FAST_STEP_MS) return EVALUATION_ROWS;
  const sizes = bufferSizes(planEvaluate(recipe, MANY_ROWS).layout.buffers);
  return Math.max(...sizes) <= MOST_BYTES ? MANY_ROWS : EVALUATION_ROWS;
}

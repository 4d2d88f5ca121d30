import type { RecipeName } from '../../recipe/recipes.js';

/** A recipe over draws of labels on the test images, its settings the recipe's own. */
export interface MeasuredReference {
  readonly recipe: RecipeName;
  readonly labels: number;
  readonly draws: number;
  /** Share of the test images, 0 to 1: the mean over draws, after so many steps. */
  readonly mean: number;
  readonly steps: number;
  /** Of the data that it was measured on, as `DataDescription` has it. */
  readonly dataFingerprint: string;
}

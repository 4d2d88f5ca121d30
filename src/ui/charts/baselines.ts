/**
 * What labels-only runs on this page have reached, so that any other run on the same labelled draws
 * is shown beside them. Kept in memory, shared by all elements of a page.
 */

import type { EvaluationReport } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import { RECIPES, type RecipeName } from '../../recipe/recipes.js';

/** Whether others are held against a recipe. */
export function isBaseline(recipe: RecipeName): boolean {
  return RECIPES[recipe].isBaseline;
}

/** Runs that agree in these draw the same labelled images. */
function keyOf({ seed, labels, balanced, batch }: Settings): string {
  return [seed, labels, balanced, batch].join(' ');
}

export class Baselines extends EventTarget {
  readonly #runs = new Map<string, readonly EvaluationReport[]>();

  /** Evaluations so far of a labels-only run. Tells listeners of `change`. */
  remember(settings: Settings, evaluations: readonly EvaluationReport[]): void {
    this.#runs.set(keyOf(settings), evaluations);
    this.dispatchEvent(new Event('change'));
  }

  /** The baseline of a run, empty where none is known; a labels-only run has none but itself. */
  of(settings: Settings): readonly EvaluationReport[] {
    return isBaseline(settings.recipe) ? [] : (this.#runs.get(keyOf(settings)) ?? []);
  }
}

/** The page's own. */
export const baselines = new Baselines();

/** The baseline at a run's step: its evaluation there, or the last before it. */
export function baselineAt(baseline: readonly EvaluationReport[], step: number): EvaluationReport | null {
  return baseline.findLast((evaluation) => evaluation.step <= step) ?? null;
}

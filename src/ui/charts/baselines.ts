/**
 * What the runs on this page have reached that others are held against, so that a run on the same labelled draws is
 * shown beside them. Kept in memory, shared by all elements of a page.
 */

import type { DataDescription, EvaluationReport } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import { RECIPES, type RecipeName } from '../../recipe/recipes.js';

/** What a recipe is held against, where not the notebook's own baseline. */
const LABELS_ONLY: Partial<Record<RecipeName, RecipeName>> = {
  'few-labels': 'labels-only-augmented',
  'few-labels-fast': 'labels-only-augmented',
  'few-labels-no-gan': 'labels-only-augmented',
  'few-labels-no-look': 'labels-only-augmented',
};

/** The recipe that leaves nothing out but the GAN: the same network, so that `few-labels-fast`, a narrower one, has none. */
const WITHOUT_GAN: Partial<Record<RecipeName, RecipeName>> = { 'few-labels': 'few-labels-no-gan' };

/** Whether others are held against a recipe because it learns from the labels alone. */
export function isBaseline(recipe: RecipeName): boolean {
  return RECIPES[recipe].isBaseline;
}

/** The recipe that learns from the same labels alone; null for one that does so itself. */
export function labelsOnlyOf(recipe: RecipeName): RecipeName | null {
  return isBaseline(recipe) ? null : (LABELS_ONLY[recipe] ?? 'labels-only');
}

/** The same recipe without its GAN; null where there is none. */
export function withoutGanOf(recipe: RecipeName): RecipeName | null {
  return WITHOUT_GAN[recipe] ?? null;
}

/** The data that a run is on; null before they are known. */
export type RunData = Pick<DataDescription, 'fingerprint'> | null;

/** Runs of one recipe that agree in these draw the same labelled images. */
function keyOf(
  recipe: RecipeName,
  { seed, labels, balanced, batch }: Settings,
  { fingerprint }: NonNullable<RunData>,
): string {
  return [recipe, seed, labels, balanced, batch, fingerprint].join(' ');
}

export class Baselines extends EventTarget {
  readonly #runs = new Map<string, readonly EvaluationReport[]>();

  /** Evaluations so far of a run; of a recipe that none is held against they are not kept. Tells listeners of `change`. */
  remember(settings: Settings, data: RunData, evaluations: readonly EvaluationReport[]): void {
    const { recipe } = settings;
    if (data === null || (!isBaseline(recipe) && !Object.values(WITHOUT_GAN).includes(recipe))) return;
    this.#runs.set(keyOf(recipe, settings, data), evaluations);
    this.dispatchEvent(new Event('change'));
  }

  /** As if it had never been made. Tells listeners of `change`. */
  forget(settings: Settings, data: RunData): void {
    if (data === null) return;
    this.#runs.delete(keyOf(settings.recipe, settings, data));
    this.dispatchEvent(new Event('change'));
  }

  /** The labels-only run of a run's labels, empty where none is known; a labels-only run has none but itself. */
  of(settings: Settings, data: RunData): readonly EvaluationReport[] {
    return this.#runOf(labelsOnlyOf(settings.recipe), settings, data);
  }

  /** The run without a GAN of a run's labels, empty where none is known. */
  withoutGan(settings: Settings, data: RunData): readonly EvaluationReport[] {
    return this.#runOf(withoutGanOf(settings.recipe), settings, data);
  }

  #runOf(recipe: RecipeName | null, settings: Settings, data: RunData): readonly EvaluationReport[] {
    return recipe === null || data === null ? [] : (this.#runs.get(keyOf(recipe, settings, data)) ?? []);
  }
}

/** The page's own. */
export const baselines = new Baselines();

/** The baseline at a run's step: its evaluation there, or the last before it. */
export function baselineAt(baseline: readonly EvaluationReport[], step: number): EvaluationReport | null {
  return baseline.findLast((evaluation) => evaluation.step <= step) ?? null;
}

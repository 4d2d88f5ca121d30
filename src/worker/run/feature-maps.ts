/**
 * The features of some landmarks as a map, now and then, while a stage looks at images without labels, with the labels
 * spread over these few: how far they would come by now.
 */

import type { Report } from '../../protocol/reports.js';
import { stageAt } from '../../recipe/recipe.js';
import type { EngineInput } from '../engine/engine.js';
import { landmarksOf } from '../model/draws.js';
import type { SpreadKernels } from '../spread/kernels.js';
import { Slices } from '../spread/slices.js';
import { mapSpread } from '../spread/spreader.js';
import type { EngineCalls } from './engine-calls.js';
import { featureReader, featureSize } from './landmark-features.js';
import { Cadence } from './pace.js';

/** Enough to see groups, few enough to cost little. */
const MOST_LANDMARKS = 500;
/** While running, they come at most this often. */
const EVERY_MS = 5000;

export interface FeatureMapsOptions extends EngineInput {
  readonly calls: EngineCalls;
  readonly spreadKernels: SpreadKernels;
  readonly report: (report: Report) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Resolves after the commands that have arrived were given to the trainer. */
  readonly yieldToCommands: () => Promise<void>;
}

export class FeatureMaps {
  readonly #options: FeatureMapsOptions;
  readonly #cadence = new Cadence(EVERY_MS);

  constructor(options: FeatureMapsOptions) {
    this.#options = options;
  }

  /** Whether the step after `step` is of a stage that is shown so, and enough time has passed. */
  areDue(step: number): boolean {
    const { recipe, now } = this.#options;
    const { accuracy } = recipe.stages[stageAt(recipe, step).stage]!;
    return recipe.landmarks !== null && accuracy === null && this.#cadence.isDue(now());
  }

  /** Reports them as they are after `step` updates, unless `signal` breaks it off. */
  async show(step: number, signal: AbortSignal): Promise<void> {
    const { recipe, dataset, split, spreadKernels, report, now, yieldToCommands } = this.#options;
    const startedAt = now();
    const landmarks = landmarksOf(recipe, split).subarray(0, MOST_LANDMARKS);
    try {
      const { map, spreadClasses } = await mapSpread({
        landmarks: landmarks.length,
        classes: recipe.classes,
        labels: Array.from(split.labelled, (index) => dataset.train.labels[index]!),
        size: featureSize(recipe),
        features: featureReader(this.#options, landmarks, 'current'),
        kernels: spreadKernels,
        slices: new Slices({ now, yieldToCommands, signal }),
      });
      report({ type: 'featureMap', step, points: map, classes: spreadClasses });
      this.#cadence.done(startedAt, now());
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** A run between two steps, as it is kept, saved and exported. */

import type { Settings } from '../protocol.js';
import type { Dataset, EngineInfo, EngineState, Split } from './engine/engine.js';
import { TrainerError } from './errors.js';
import type { RunProgress } from './progress.js';
import type { Recipe } from './recipes.js';

/** Everything needed to go on from here on any engine. */
export interface RunSnapshot {
  readonly settings: Settings;
  readonly recipe: Recipe;
  readonly dataset: Dataset;
  readonly split: Split;
  /** What made it; only the same engine goes on with the same bits. */
  readonly engine: EngineInfo;
  readonly state: EngineState;
  readonly progress: RunProgress;
}

/** Throws `NonFiniteLoss` where a value is not finite, so that only a good state is kept. */
export function checkFinite({ step, tensors }: EngineState): void {
  for (const [name, { values }] of tensors) {
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong === -1) continue;
    throw new TrainerError(
      'NonFiniteLoss',
      `${name} holds ${values[wrong]} after step ${step}. ` +
        'Lower the learning rates; the last good state can be saved.',
    );
  }
}

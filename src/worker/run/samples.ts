/** The generator's images of a run's fixed latents: made now and then, shown as a picture. */

import type { Report } from '../../protocol/reports.js';
import { columnsOf, generateImageGrid, sampleCountOf } from '../engine/image-grid.js';
import type { EngineInput } from '../engine/engine.js';
import { stageAt, updatesOf } from '../../recipe/recipe.js';
import { sampleLatents } from '../model/draws.js';
import { RandomStreams } from '../random/streams.js';
import type { EngineCalls } from './engine-calls.js';
import { Cadence } from './pace.js';

/** While running, they come at most this often. */
const EVERY_MS = 1000;

export interface SamplesOptions extends Pick<EngineInput, 'recipe' | 'settings' | 'dataset'> {
  readonly calls: EngineCalls;
  readonly report: (report: Report) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

export class Samples {
  readonly #options: SamplesOptions;
  /** Empty without a generator. */
  readonly #latents: Float32Array<ArrayBuffer>;
  readonly #cadence = new Cadence(EVERY_MS);
  #shownStep = -1;

  constructor(options: SamplesOptions) {
    const { recipe, settings } = options;
    this.#options = options;
    this.#latents = sampleLatents(new RandomStreams(settings.seed), sampleCountOf(recipe), recipe);
  }

  /** Whether the step before has changed the generator, and enough time has passed since they were shown last. */
  areDue(step: number): boolean {
    const { recipe, now } = this.#options;
    if (recipe.generator === null || !this.#cadence.isDue(now())) return false;
    const stage = recipe.stages[stageAt(recipe, step - 1).stage]!;
    return updatesOf(stage, recipe.generator.network).length > 0;
  }

  /** Reports them as they are after `step` updates, once a step; nothing without a generator. */
  async show(step: number): Promise<void> {
    const { recipe, dataset, calls, report, now } = this.#options;
    if (recipe.generator === null || this.#shownStep === step) return;
    const startedAt = now();
    const grid = await calls.call((engine) =>
      generateImageGrid(engine, this.#latents, sampleCountOf(recipe), columnsOf(recipe), dataset.imageShape),
    );
    report({ type: 'images', source: 'generated', step, grid });
    this.#shownStep = step;
    this.#cadence.done(startedAt, now());
  }
}

/**
 * The begin of a recipe's stages: what the worker computes before their first step, and the state that they begin
 * from. All of it can be broken off and done again, since nothing has changed until the state is put in place.
 */

import type { Report, SpreadReport } from '../../protocol/reports.js';
import { sizeOf } from '../../recipe/layers.js';
import { stageAt, type ParameterSet, type Stage } from '../../recipe/recipe.js';
import type { EngineInput, EngineState } from '../engine/engine.js';
import { landmarksOf } from '../model/draws.js';
import {
  averageName,
  momentNames,
  parametersOf,
  TARGET_STORE,
  type NamedTensor,
} from '../model/parameters.js';
import type { SpreadKernels } from '../spread/kernels.js';
import { Slices } from '../spread/slices.js';
import { spread, type SpreadOutcome } from '../spread/spreader.js';
import type { EngineCalls } from './engine-calls.js';
import { featureReader, featureSize } from './landmark-features.js';

export interface StageBeginOptions extends EngineInput {
  readonly calls: EngineCalls;
  readonly spreadKernels: SpreadKernels;
  readonly report: (report: Report) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Resolves after the commands that have arrived were given to the trainer. */
  readonly yieldToCommands: () => Promise<void>;
}

/** A state with moments at zero and averages at their parameters: where fresh optimisers begin. */
export function withFreshOptimisers({ step, tensors }: EngineState, { recipe }: EngineInput): EngineState {
  const fresh = new Map(tensors);
  for (const { name, shape, role, isAveraged } of parametersOf(recipe)) {
    if (isAveraged) fresh.set(averageName(name), { shape, values: tensors.get(name)!.values.slice() });
    if (role !== 'trained') continue;
    for (const moment of Object.values(momentNames(name))) {
      fresh.set(moment, { shape, values: new Float32Array(sizeOf(shape)) });
    }
  }
  return { step, tensors: fresh };
}

/** What the page is told of spread labels. */
function spreadReport(step: number, outcome: SpreadOutcome): SpreadReport {
  const { kind, leftOut, leftOutRight, usedShare, reachedShare, agreement, map, spreadClasses } = outcome;
  return {
    type: 'spread',
    step,
    trust: kind,
    leftOut,
    leftOutRight,
    usedShare,
    reachedShare,
    agreement,
    points: map,
    classes: spreadClasses,
  };
}

export class StageBegin {
  readonly #options: StageBeginOptions;
  /** Index of the newest stage that has begun. */
  #begun: number;

  /** Of a run that stands at `step`: a stage that has steps behind it has begun. */
  constructor(options: StageBeginOptions, step: number) {
    this.#options = options;
    const { stage, first } = stageAt(options.recipe, step);
    this.#begun = step > first ? stage : stage - 1;
  }

  /** Whether the stage of the next step has still to begin. */
  isDue(step: number): boolean {
    return stageAt(this.#options.recipe, step).stage > this.#begun;
  }

  /** Begins the stage of the next step. False where `signal` has broken it off; it is then still due. */
  async begin(step: number, signal: AbortSignal): Promise<boolean> {
    const { recipe, calls } = this.#options;
    const { stage: index } = stageAt(recipe, step);
    const stage = recipe.stages[index]!;
    const targets = await this.#targets(stage, step, signal);
    if (targets === 'stopped') return false;
    // A run's first state is fresh.
    const isFresh = stage.optimisers === 'fresh' && index > 0;
    if (isFresh || targets !== null) {
      await calls.call(async (engine) => {
        const state = await engine.exportState();
        const { tensors } = isFresh ? withFreshOptimisers(state, this.#options) : state;
        const changed = new Map(tensors);
        if (targets !== null) changed.set(TARGET_STORE, targets);
        await engine.importState({ step: state.step, tensors: changed });
      });
    }
    this.#begun = index;
    return true;
  }

  /** The target store's new content; null where it stays. */
  async #targets(stage: Stage, step: number, signal: AbortSignal): Promise<NamedTensor | null | 'stopped'> {
    const { recipe, report } = this.#options;
    const { before } = stage;
    if (before === null || recipe.landmarks === null) return null;
    try {
      const outcome = await this.#spread(stage, before.parameters, signal);
      const shape = [recipe.landmarks.count, recipe.classes];
      // There may be fewer images than the store has rows.
      const values = new Float32Array(sizeOf(shape));
      values.set(outcome.targets);
      report(spreadReport(step, outcome));
      return { shape, values };
    } catch (error) {
      if (signal.aborted) return 'stopped';
      throw error;
    }
  }

  async #spread(stage: Stage, parameters: ParameterSet, signal: AbortSignal): Promise<SpreadOutcome> {
    const { recipe, dataset, split, spreadKernels, now, yieldToCommands } = this.#options;
    const landmarks = landmarksOf(recipe, split);
    // Features that have learned from targets give every label back, so they prove nothing beyond those.
    const isLearned = stage.optimisers === 'continued';
    const mostShare = isLearned ? await this.#targetShare(landmarks.length) : 1;
    return spread({
      landmarks: landmarks.length,
      classes: recipe.classes,
      labels: Array.from(split.labelled, (index) => dataset.train.labels[index]!),
      size: featureSize(recipe),
      features: featureReader(this.#options, landmarks, parameters),
      kernels: spreadKernels,
      slices: new Slices({ now, yieldToCommands, signal }),
      mostShare,
    });
  }

  /** Share of the landmarks that have a target now. */
  async #targetShare(landmarks: number): Promise<number> {
    const { recipe, calls } = this.#options;
    const { tensors } = await calls.call((engine) => engine.exportState());
    const { values } = tensors.get(TARGET_STORE)!;
    let targets = 0;
    for (let row = 0; row < landmarks; row++) {
      const own = values.subarray(row * recipe.classes, (row + 1) * recipe.classes);
      if (own.some((share) => share > 0)) targets++;
    }
    return targets / landmarks;
  }
}

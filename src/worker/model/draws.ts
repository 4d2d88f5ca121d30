/**
 * What a step draws from the random streams: the one place that says which stream gives what, so
 * that a seed draws the same split, batches, latents and masks on every engine.
 */

import type { Split } from '../data/dataset.js';
import { streamNumber, type RandomStreams } from '../random/streams.js';
import { batchRows, type Pass, type Recipe } from '../../recipe/recipes.js';
import type { Settings } from '../../protocol/settings.js';

/** The batch of one phase of one step. */
export interface PhaseDraws {
  /** [labelled] indices into the training set. */
  readonly labelled: Uint32Array<ArrayBuffer>;
  /** [unlabelled] indices into the training set; empty where no pass uses them. */
  readonly unlabelled: Uint32Array<ArrayBuffer>;
  /** [latents, latentSize] float32, uniform in [-1, 1); empty where the recipe has no generator. */
  readonly latents: Float32Array<ArrayBuffer>;
}

export function labelledStream(phase: number): number {
  return streamNumber('labelledIndex', phase);
}

export function unlabelledStream(phase: number): number {
  return streamNumber('unlabelledIndex', phase);
}

export function latentStream(phase: number): number {
  return streamNumber('latent', phase);
}

/** Stream of a dropout layer's mask; elements are counted in NHWC order within the pass. */
export function dropoutStream(phase: number, pass: Pass, layerIndex: number): number {
  return streamNumber('dropout', phase, pass.stream, layerIndex);
}

/** Indices and latents of one phase of the step after `step` updates, drawn with replacement. */
export function drawPhase(
  streams: RandomStreams,
  recipe: Recipe,
  settings: Settings,
  split: Split,
  phase: number,
  step: number,
): PhaseDraws {
  const rows = batchRows(settings.batch);
  const passes = recipe.phases[phase]!.passes;
  const uses = (kind: Pass['input']['kind']): boolean => passes.some((pass) => pass.input.kind === kind);
  const pick = (from: Uint32Array<ArrayBuffer>, stream: number, count: number): Uint32Array<ArrayBuffer> =>
    streams.indices(stream, step, count, from.length).map((index) => from[index]!);
  return {
    labelled: pick(split.labelled, labelledStream(phase), rows.labelled),
    unlabelled: uses('unlabelled')
      ? pick(split.unlabelled, unlabelledStream(phase), rows.unlabelled)
      : new Uint32Array(0),
    latents:
      recipe.generator !== null && uses('latents')
        ? streams.uniform(latentStream(phase), step, rows.latents * recipe.generator.latentSize, -1, 1)
        : new Float32Array(0),
  };
}

/** The run's fixed latents [count, latentSize], whose images show it learn. float32 in [-1, 1). */
export function sampleLatents(
  streams: RandomStreams,
  count: number,
  latentSize: number,
): Float32Array<ArrayBuffer> {
  return streams.uniform(streamNumber('sampleLatent'), 0, count * latentSize, -1, 1);
}

/** What the first step of the notebook's recipe works on, by the names that its yardsticks use. */

import { inStage } from '../../recipe/recipe.js';
import { drawPhase, dropoutStream } from '../model/draws.js';
import type { Engine, EngineInput } from '../engine/engine.js';
import { RandomStreams } from '../random/streams.js';

export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** One step's inputs and losses, which the yardsticks check themselves against. */
export interface StepInputs {
  readonly arrays: readonly NamedArray[];
  readonly losses: Readonly<Record<string, number>>;
}

/** Layers that drop, by the names of their masks. */
const DROPPED = [
  ['mask1', 'dropout1', [14, 14, 32]],
  ['mask3', 'dropout3', [4, 4, 128]],
] as const;

/**
 * Parameters, images [batch, height, width, channels], labels, latents, masks and losses of step 1, from
 * an engine at step 0 of the notebook's recipe.
 */
export async function stepInputs(engine: Engine, input: EngineInput): Promise<StepInputs> {
  const { tensors } = await engine.exportState();
  const seen = await engine.inspectStep();
  const arrays: NamedArray[] = [...tensors]
    .filter(([name]) => !name.startsWith('adam/') && !name.includes('moving_'))
    .map(([name, tensor]) => ({ name, ...tensor }));
  arrays.push({ name: 'labelled', ...seen.get('labelled/input')! });
  arrays.push({ name: 'unlabelled', ...seen.get('unlabelled/input')! });
  arrays.push({ name: 'latents', ...seen.get('generated/input')! });
  const streams = new RandomStreams(input.settings.seed);
  const { layers } = input.recipe.networks[0]!.network;
  const stage = inStage(input.recipe, 0);
  for (const pass of stage.phases[0]!.passes) {
    if (pass.network !== 'discriminator') continue;
    const rows = seen.get(`${pass.name}/input`)!.shape[0]!;
    for (const [name, layer, sizes] of DROPPED) {
      const shape = [rows, ...sizes];
      const values = new Float32Array(shape.reduce((size, length) => size * length, 1));
      const index = layers.findIndex((candidate) => candidate.name === layer);
      const dropout = layers[index];
      if (dropout?.kind !== 'dropout') throw new Error(`The recipe has no dropout layer "${layer}".`);
      streams.dropoutMask(dropoutStream(0, pass, index), 0, values.length, dropout.rate, values);
      arrays.push({ name: `${name}/${pass.name}`, shape, values });
    }
  }
  const rows = seen.get('labelled/input')!.shape[0]!;
  const { indices } = drawPhase(streams, stage, input.split, 0, 0).get('labelled')!;
  const labels = Float32Array.from(indices!, (index) => input.dataset.train.labels[index]!);
  arrays.push({ name: 'labels', shape: [rows], values: labels });
  const lossOf = (name: string): [string, number] => [name, seen.get(name)!.values[0]!];
  return { arrays, losses: Object.fromEntries(['discriminatorLoss', 'generatorLoss'].map(lossOf)) };
}

/** The step's losses for given inputs, by which the yardstick is held against an engine. */

import { defaultDevice, init, jit, numpy as np, tree, type Device } from '@jax-js/jax';
import type { NamedArray, StepInputs } from '../../../src/worker/benchmark/step-inputs.js';
import { CLASSES, shapesOf, type Masks, type NetworkName } from './networks.js';
import { flatten, gradients, type Batch, type Losses, type StepMasks } from './step.js';

/** From [rows, height, width, channels] to this yardstick's order. */
const toChannelsFirst = (x: np.Array): np.Array => x.transpose([0, 3, 1, 2]);

/** Both losses of the step that has these parameters, images, latents and masks. */
export async function jaxJsLosses(
  { arrays }: StepInputs,
  device: Device,
): Promise<Record<keyof Losses, number>> {
  await init(device);
  defaultDevice(device);
  const byName = new Map<string, NamedArray>(arrays.map((array) => [array.name, array]));
  const read = (name: string): np.Array => {
    const { shape, values } = byName.get(name)!;
    return np.array(values).reshape([...shape]);
  };
  const parameters = (network: NetworkName): np.Array =>
    flatten(
      network,
      Object.fromEntries(
        shapesOf(network).map(([key, shape]) => {
          const value = read(`${network}/${key}`);
          if (shape.length < 4) return [key, value];
          // Convolutions come as [height, width, in, out], transposed ones with out before in.
          return [key, value.transpose(network === 'generator' ? [2, 3, 0, 1] : [3, 2, 0, 1])];
        }),
      ),
    );
  const masksOf = (segment: string): Masks => ({
    mask1: toChannelsFirst(read(`mask1/${segment}`)),
    mask3: toChannelsFirst(read(`mask3/${segment}`)),
  });
  const labels = new Float32Array(byName.get('labels')!.values.length * CLASSES);
  byName.get('labels')!.values.forEach((label, row) => (labels[row * CLASSES + label] = 1));
  const batch: Batch = {
    labelled: toChannelsFirst(read('labelled')),
    unlabelled: toChannelsFirst(read('unlabelled')),
    labels: np.array(labels).reshape([-1, CLASSES]),
  };
  const masks: StepMasks = {
    labelled: masksOf('labelled'),
    unlabelled: masksOf('unlabelled'),
    fake: masksOf('fake'),
  };
  const values = { discriminator: parameters('discriminator'), generator: parameters('generator') };
  const compute = jit(
    (given: typeof values, images: Batch, latents: np.Array, dropped: StepMasks): Losses => {
      const { losses, ...unused } = gradients(given, images, latents, dropped);
      tree.dispose(unused);
      return losses;
    },
  );
  const { discriminatorLoss, generatorLoss } = compute(values, batch, read('latents'), masks);
  const valueOf = async (loss: np.Array): Promise<number> => ((await loss.data()) as Float32Array)[0]!;
  const found = {
    discriminatorLoss: await valueOf(discriminatorLoss),
    generatorLoss: await valueOf(generatorLoss),
  };
  compute.dispose();
  return found;
}

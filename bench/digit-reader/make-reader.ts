/** A digit reader from the checkpoint of a run, and how well it reads images that it has not learned from. */

import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { entryOf, type DataShape } from '../../src/recipe/recipe.js';
import type { Settings } from '../../src/protocol/settings.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { assembleDataset, type SetFiles } from '../../src/worker/data/assemble.js';
import type { Dataset, ImageSet } from '../../src/worker/data/dataset.js';
import { averageName, parametersOf, type NamedTensor } from '../../src/worker/model/parameters.js';
import { startReader, type KernelBytes } from './engines.js';
import { readReader, writeReader } from './reader-file.js';

/** Images classified in one call. */
const SLICE = 200;

export interface MadeReader {
  /** The file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The run that it was trained by. */
  readonly settings: Settings;
  /** Share of the images that it reads as they are labelled, its parameters rounded as they are in the file. */
  readonly accuracy: number;
}

/** Share of images that a file's reader classifies as they are labelled. */
export async function measureReader(
  bytes: Uint8Array<ArrayBuffer>,
  images: ImageSet,
  kernels: KernelBytes,
): Promise<number> {
  const engine = await startReader(readReader(bytes), kernels, images);
  try {
    let correct = 0;
    for (let first = 0; first < images.count; first += SLICE) {
      correct += await engine.countCorrect(first, Math.min(SLICE, images.count - first));
    }
    return correct / images.count;
  } finally {
    engine.dispose();
  }
}

/** MNIST from its four files. */
export function assemble(train: SetFiles, test: SetFiles): Dataset {
  return assembleDataset(train, test);
}

/** The classifier of a run, as the run evaluates it. `shape` is that of the run's data. */
export async function makeReader(
  checkpoint: Uint8Array<ArrayBuffer>,
  shape: DataShape,
  images: ImageSet,
  kernels: KernelBytes,
): Promise<MadeReader> {
  const { settings, scheduleSteps, tensors } = readCheckpoint(checkpoint);
  const recipe = buildRecipe(settings, shape, { scheduleSteps });
  const { network: name, parameters: set } = recipe.classifier;
  const own = parametersOf(recipe).filter(({ network, instance }) => network === name && instance === 0);
  const named = own.map(({ name: parameter, isAveraged }): [string, NamedTensor] => {
    const from = set === 'average' && isAveraged ? averageName(parameter) : parameter;
    const stored = tensors.get(from);
    if (!(stored?.values instanceof Float32Array)) throw new Error(`The checkpoint has no tensor "${from}".`);
    return [parameter, { shape: stored.shape, values: stored.values }];
  });
  const { network } = entryOf(recipe, name);
  const bytes = writeReader({ network, classes: shape.classes, tensors: new Map(named) });
  return { bytes, settings, accuracy: await measureReader(bytes, images, kernels) };
}

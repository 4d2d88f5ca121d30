/** What the digit reader makes of the images that a run's generator draws. */

import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { describeError } from '../../src/protocol/wording.js';
import type { GeneratedReading } from '../../src/protocol/reports.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { stateShapes, type NamedTensor } from '../../src/worker/model/parameters.js';
import { Reading } from '../../src/worker/run/reading.js';
import { shapeOf, startGenerator, startReader, type KernelBytes } from './engines.js';
import type { Reader } from './reader-file.js';

/** Of the latents: the same images of a generator are read whenever it is. */
const SEED = 1;

/** A reading, and whose it is. */
export interface RunReading extends GeneratedReading {
  readonly recipe: string;
  readonly seed: number;
  readonly labels: number;
  /** Updates done. */
  readonly step: number;
}

/**
 * Reads images of the generator in a checkpoint. Throws an `Error` where the bytes are no checkpoint, the recipe has no
 * generator, or its networks are for other images than the reader's.
 */
export async function readRun(
  bytes: Uint8Array<ArrayBuffer>,
  reader: Reader,
  kernels: KernelBytes,
): Promise<RunReading> {
  const { settings, scheduleSteps, progress, tensors } = readCheckpoint(bytes);
  const shape = shapeOf(reader);
  const recipe = buildRecipe(settings, shape, { scheduleSteps });
  const reading = Reading.of({ recipe, settings: { ...settings, seed: SEED } });
  if (reading === null) {
    throw new Error(`Its recipe ${recipe.name} has no generator, so there are no images to read.`);
  }
  const own = [...stateShapes(recipe).keys()].flatMap((name): [string, NamedTensor][] => {
    const stored = tensors.get(name);
    return stored?.values instanceof Float32Array
      ? [[name, { shape: stored.shape, values: stored.values }]]
      : [];
  });
  const generator = await startGenerator(recipe, settings, new Map(own), shape, kernels).catch(
    (error: unknown) => {
      const [height, width, channels] = shape.imageShape;
      throw new Error(
        `Its networks are not those of ${height} x ${width} x ${channels} images in ${shape.classes} classes, ` +
          `which the digit reader reads. ${describeError(error)}`,
        { cause: error },
      );
    },
  );
  try {
    const classifier = await startReader(reader, kernels);
    try {
      const engine = {
        generate: generator.generate.bind(generator),
        classify: classifier.classify.bind(classifier),
      };
      let found: GeneratedReading | null = null;
      while (found === null) found = await reading.goOn(engine);
      const { seed, labels } = settings;
      return { recipe: recipe.name, seed, labels, step: progress.step, ...found };
    } finally {
      classifier.dispose();
    }
  } finally {
    generator.dispose();
  }
}

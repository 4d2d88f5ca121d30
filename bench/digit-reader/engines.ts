/** The wasm engine in Node, for networks that only classify or generate: one thread, blank images for its data. */

import { CONSTANT } from '../../src/recipe/schedules.js';
import { checkRecipe } from '../../src/recipe/check-recipe.js';
import { onlyStage, type DataShape, type Recipe } from '../../src/recipe/recipe.js';
import { defaultSettings, type Settings } from '../../src/protocol/settings.js';
import { DATA_LIMITS, type Dataset, type ImageSet } from '../../src/worker/data/dataset.js';
import { instantiate } from '../../src/worker/engine/wasm/kernels.js';
import { startWasmEngine, type WasmEngine } from '../../src/worker/engine/wasm/wasm-engine.js';
import { initialTensors, type NamedTensors } from '../../src/worker/model/parameters.js';
import type { Reader } from './reader-file.js';

/** Bytes of the binary `kernels-plain.wasm`, which Node runs without a flag. */
export type KernelBytes = Uint8Array<ArrayBuffer>;

/** Rows of the step that no one makes. */
const ROWS = 10;

function blankImages(count: number, { imageShape: [height, width, channels], classes }: DataShape): ImageSet {
  const labels = Uint8Array.from({ length: count }, (_, index) => index % classes);
  return { count, images: new Uint8Array(count * height * width * channels), labels };
}

function blankDataset(shape: DataShape, test = blankImages(1, shape)): Dataset {
  const classNames = Array.from({ length: shape.classes }, (_, label) => String(label));
  return { ...shape, classNames, train: blankImages(DATA_LIMITS.train.min, shape), test };
}

/** The recipe with these values; what it learns from is blank. The caller disposes it. */
export async function startEngine(
  recipe: Recipe,
  settings: Settings,
  tensors: NamedTensors,
  dataset: Dataset,
  kernels: KernelBytes,
): Promise<WasmEngine> {
  const all = Uint32Array.from({ length: dataset.train.count }, (_, index) => index);
  const input = { recipe, settings, dataset, split: { labelled: all, unlabelled: all } };
  const module = await WebAssembly.compile(kernels);
  const engine = await startWasmEngine(input, {
    simd: 'plain',
    threads: 1,
    isShared: false,
    module,
    instantiate,
  });
  try {
    await engine.importState({ step: 0, tensors });
    return engine;
  } catch (error) {
    engine.dispose();
    throw error;
  }
}

/** The recipe of a generator's run with its values: it makes images. The caller disposes it. */
export function startGenerator(
  recipe: Recipe,
  settings: Settings,
  tensors: NamedTensors,
  shape: DataShape,
  kernels: KernelBytes,
): Promise<WasmEngine> {
  return startEngine(recipe, settings, tensors, blankDataset(shape), kernels);
}

/** What a reader's images are like. */
export function shapeOf({ network, classes }: Reader): DataShape {
  const [height, width, channels] = network.inputShape as [number, number, number];
  return { imageShape: [height, width, channels], classes };
}

/** A recipe of the reader's network alone, as an engine needs one. */
function recipeOf(reader: Reader): Recipe {
  const { network, classes } = reader;
  const { name } = network;
  const optimiser = { kind: 'adam', lr: 0, beta1: 0, beta2: 0, epsilon: 1, schedule: CONSTANT } as const;
  const logits = network.layers.at(-1)!.name;
  const recipe: Recipe = {
    name: 'digit-reader',
    classes,
    networks: [{ network, instances: 1, optimiser, average: null }],
    stages: onlyStage(1, {
      phases: [
        {
          groups: [
            { name: 'labelled', pool: 'labelled', rows: ROWS, indicesOf: null, view: { kind: 'plain' } },
          ],
          passes: [
            {
              name: 'labelled',
              network: name,
              instance: 0,
              input: { kind: 'group', group: 'labelled' },
              stream: 0,
              gradient: true,
              mode: 'training',
              parameters: 'current',
            },
          ],
          terms: [{ kind: 'softmaxCrossEntropy', name: 'loss', pass: 'labelled', layer: logits, weight: 1 }],
          updates: [{ loss: 'readerLoss', terms: ['loss'], networks: [name] }],
        },
      ],
      accuracy: { pass: 'labelled', layer: logits },
    }),
    updatesRunningStatistics: true,
    classifier: { network: name, layer: logits, parameters: 'current' },
    generator: null,
    landmarks: null,
  };
  checkRecipe(recipe, shapeOf(reader));
  return recipe;
}

/** The reader as an engine that classifies; `test` are the images that it counts over. The caller disposes it. */
export function startReader(reader: Reader, kernels: KernelBytes, test?: ImageSet): Promise<WasmEngine> {
  const recipe = recipeOf(reader);
  const settings = defaultSettings('labels-only');
  // Moments and all else that a state has beside the parameters.
  const tensors = new Map([...initialTensors(recipe, settings.seed), ...reader.tensors]);
  return startEngine(recipe, settings, tensors, blankDataset(shapeOf(reader), test), kernels);
}

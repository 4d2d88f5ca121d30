import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  columnsOf,
  generateImageGrid,
  realImageGrid,
  sampleCountOf,
  toImageGrid,
} from '../../src/worker/engine/image-grid.js';
import type { Engine } from '../../src/worker/engine/engine.js';
import { classOfRow } from '../../src/worker/model/draws.js';
import { tinyDataset } from './support/data.js';

/** No generator is asked for classes. */
const PLAIN = { classes: 10, generator: null };

/** [red, green, blue, alpha] at a pixel. */
function pixel({ rgba, width }: { rgba: Uint8ClampedArray; width: number }, x: number, y: number): number[] {
  return [...rgba.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)];
}

test('grey images are tiled row by row without gaps', () => {
  // Four images of 1 x 2 in two columns; image i has -1 + i/2 left and 1 right.
  const grid = toImageGrid(Float32Array.of(-1, 1, -0.5, 1, 0, 1, 0.5, 1), 4, 2, [1, 2, 1]);
  const { width, height, columns, rows, cellWidth, cellHeight } = grid;
  assert.deepEqual([width, height, columns, rows, cellWidth, cellHeight], [4, 2, 2, 2, 2, 1]);
  assert.deepEqual(pixel(grid, 0, 0), [0, 0, 0, 255]);
  assert.deepEqual(pixel(grid, 1, 0), [255, 255, 255, 255]);
  assert.deepEqual(pixel(grid, 2, 0), [64, 64, 64, 255]);
  assert.deepEqual(pixel(grid, 0, 1), [128, 128, 128, 255]);
  assert.deepEqual(pixel(grid, 2, 1), [191, 191, 191, 255]);
});

test('three channels become red, green and blue', () => {
  const grid = toImageGrid(Float32Array.of(1, 0, -1), 1, 1, [1, 1, 3]);
  assert.deepEqual(pixel(grid, 0, 0), [255, 128, 0, 255]);
});

test('values outside [-1, 1] are clamped and missing cells are black', () => {
  const grid = toImageGrid(Float32Array.of(-7, 7, 0), 3, 2, [1, 1, 1]);
  assert.deepEqual(pixel(grid, 0, 0), [0, 0, 0, 255]);
  assert.deepEqual(pixel(grid, 1, 0), [255, 255, 255, 255]);
  assert.deepEqual(pixel(grid, 1, 1), [0, 0, 0, 255]);
});

test('what cannot be shown is refused', () => {
  assert.throws(() => toImageGrid(new Float32Array(2), 1, 1, [1, 1, 2]), /2 channels/);
  assert.throws(
    () => toImageGrid(new Float32Array(5), 1, 1, [2, 2, 1]),
    /5 values are not 1 images of 2 x 2 x 1/,
  );
});

test('real images come back as the bytes of the file', () => {
  const dataset = tinyDataset();
  const grid = realImageGrid(dataset, PLAIN);
  assert.equal(grid.rows, 1);
  for (const [image, x, y] of [
    [0, 0, 0],
    [1, 5, 9],
    [7, 27, 27],
  ] as const) {
    const byte = dataset.test.images[image * 784 + y * 28 + x]!;
    assert.deepEqual(pixel(grid, image * 28 + x, y), [byte, byte, byte, 255]);
  }
});

test('few real images leave places of the strip black', () => {
  const dataset = tinyDataset();
  const test = { ...dataset.test, count: 1 };
  const grid = realImageGrid({ ...dataset, test }, PLAIN);
  assert.deepEqual([grid.columns, grid.rows, grid.width], [8, 1, 8 * 28]);
  assert.equal(pixel(grid, 5, 9)[0], dataset.test.images[9 * 28 + 5]);
  assert.ok(
    grid.rgba.every((value, i) => Math.floor(i / 4) % grid.width < 28 || value === (i % 4 === 3 ? 255 : 0)),
  );
});

test('an engine that makes the picture itself is asked for it, another for its values', async () => {
  const values = Float32Array.of(1, -1);
  const latents = new Float32Array(2);
  const drawn = toImageGrid(Float32Array.of(0), 1, 1, [1, 1, 1]);
  const plain = { generate: async () => values } as unknown as Engine;
  const drawing = { generateGrid: async () => drawn } as unknown as Engine;
  assert.deepEqual(
    await generateImageGrid(plain, latents, 2, 2, [1, 1, 1]),
    toImageGrid(values, 2, 2, [1, 1, 1]),
  );
  assert.equal(await generateImageGrid(drawing, latents, 1, 1, [1, 1, 1]), drawn);
});

/** A generator that is asked for classes. */
function asked(classes: number) {
  const generator = {
    network: 'generator',
    latentSize: 100,
    isConditional: true,
    parameters: 'current',
  } as const;
  return { classes, generator };
}

test('a generator that is asked for classes has columns of one class each, about eight of them', () => {
  const columns = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((classes) => columnsOf(asked(classes)));
  assert.deepEqual(columns, [8, 9, 8, 10, 6, 7, 8, 9, 10, 11, 12]);
  assert.equal(columnsOf(asked(62)), 8);
  assert.equal(columnsOf(PLAIN), 8);
  assert.equal(sampleCountOf(asked(10)), 100);
  for (const [row, column] of [
    [10, 0],
    [23, 3],
    [99, 9],
  ] as const) {
    assert.equal(classOfRow(row, 10), column);
  }
});

test('the real images beside it are of the same classes, each another one, black where there is none', () => {
  const dataset = tinyDataset();
  const { labels, images } = dataset.test;
  const grid = realImageGrid(dataset, asked(10));
  assert.deepEqual([grid.columns, grid.rows], [10, 1]);
  for (let label = 0; label < 10; label++) {
    const first = labels.indexOf(label);
    assert.equal(pixel(grid, label * 28 + 3, 11)[0], images[first * 784 + 11 * 28 + 3]);
  }
  // Two classes in eight columns: the first four of each.
  const halves = {
    ...dataset,
    classes: 2,
    test: { ...dataset.test, labels: labels.map((label) => label % 2) },
  };
  const pairs = realImageGrid(halves, asked(2));
  const odd = [...halves.test.labels].flatMap((label, index) => (label === 1 ? [index] : []));
  for (const place of [0, 1, 2, 3]) {
    assert.equal(pixel(pairs, (2 * place + 1) * 28 + 4, 6)[0], images[odd[place]! * 784 + 6 * 28 + 4]);
  }
  const one = realImageGrid(
    { ...dataset, test: { ...dataset.test, labels: labels.map(() => 3) } },
    asked(10),
  );
  assert.equal(pixel(one, 3 * 28 + 4, 6)[0], images[6 * 28 + 4]);
  assert.deepEqual(pixel(one, 4 * 28 + 4, 6), [0, 0, 0, 255]);
  // Too many classes for columns: the first images, as without.
  assert.deepEqual(realImageGrid(dataset, asked(62)), realImageGrid(dataset, PLAIN));
});

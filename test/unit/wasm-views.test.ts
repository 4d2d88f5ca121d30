/** What the wasm engine draws for recipes in stages: views, noise, targets of landmarks. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sizeOf } from '../../src/recipe/layers.js';
import type { WarpView } from '../../src/recipe/recipe.js';
import type { Dataset } from '../../src/worker/data/dataset.js';
import type { DrawPart } from '../../src/worker/engine/plan/operations.js';
import { applyView, VIEW_WORDS } from '../../src/worker/model/views.js';
import { RandomStreams, streamNumber } from '../../src/worker/random/streams.js';
import { hash } from '../worker/support/tiny.js';
import { VIEW_OF_NOTHING } from '../support/few-recipe.js';
import { runOperations, type Values } from './support/wasm-operation.js';

const SEED = 2 ** 40 + 5;
const STEP = 7;
const ROWS = 37;
const INDICES = streamNumber('landmarkIndex', 0, 0);
const VIEW = streamNumber('view', 0, 1);

const LOOK: WarpView = {
  ...VIEW_OF_NOTHING,
  rotation: 0.3,
  scale: 0.2,
  shift: 2,
  shear: 0.25,
  aspect: 0.15,
  displacement: 1.5,
  cutOut: 8,
  stroke: { probability: 0.5 },
};

const LOOK_OF_FEW: WarpView = { ...LOOK, displacement: 0.5, cutOut: 0 };

const VIEWS: readonly (readonly [string, WarpView, readonly [number, number, number]])[] = [
  ['an affine warp', { ...LOOK, displacement: 0, cutOut: 0, stroke: null }, [28, 28, 1]],
  ['a displacement', { ...VIEW_OF_NOTHING, displacement: 3 }, [28, 28, 1]],
  ['a cut-out and strokes', { ...VIEW_OF_NOTHING, cutOut: 8, stroke: { probability: 0.5 } }, [28, 28, 1]],
  ['all of it', LOOK, [28, 28, 1]],
  ['far warps', { ...LOOK, rotation: 1, scale: 0.9, shift: 40 }, [12, 9, 1]],
  [
    'colours with tone, whose edge goes on',
    { ...LOOK, cutOut: 5, brightness: 0.4, contrast: 0.5, outside: 'edge' },
    [17, 23, 3],
  ],
  ['fewer pixels than knots', LOOK_OF_FEW, [3, 2, 1]],
  ['fewer columns than knots', LOOK_OF_FEW, [9, 3, 2]],
  [
    'a stroke on all channels',
    { ...VIEW_OF_NOTHING, stroke: { probability: 1 }, outside: 'edge' },
    [8, 30, 2],
  ],
];

function datasetOf(imageShape: readonly [number, number, number], count: number): Dataset {
  const images = Uint8Array.from({ length: count * sizeOf(imageShape) }, (_, i) => hash(i) & 255);
  const labels = Uint8Array.from({ length: count }, (_, i) => hash(i + 5) % 10);
  const set = { count, images, labels };
  return { imageShape, classes: 10, classNames: [...'0123456789'], train: set, test: set };
}

/** 12 of 20 images in the pools, in no order. */
const SPLIT = {
  labelled: Uint32Array.of(17, 3, 8),
  unlabelled: Uint32Array.of(1, 19, 4, 11, 6, 0, 13, 7, 2),
};
const LANDMARKS = [17, 3, 8, 1, 19, 4, 11];

function drawnImages(view: WarpView, target: number): DrawPart {
  return {
    kind: 'images',
    source: 'landmarks',
    stream: INDICES,
    bound: LANDMARKS.length,
    view: { view, stream: VIEW },
    rows: ROWS,
    target,
    targetRow: 2,
  };
}

/** What `model/views.ts` makes of the rows. */
function expectedImages(view: WarpView, { imageShape, train }: Dataset): Values {
  const size = sizeOf(imageShape);
  const streams = new RandomStreams(SEED);
  const indices = streams.indices(INDICES, STEP, ROWS, LANDMARKS.length);
  const words = streams.words(VIEW, STEP, ROWS * VIEW_WORDS);
  const all = new Float32Array(ROWS * size);
  for (let row = 0; row < ROWS; row++) {
    const image = LANDMARKS[indices[row]!]!;
    const pixels = Float32Array.from(
      train.images.subarray(image * size, (image + 1) * size),
      (byte) => byte / 127.5 - 1,
    );
    const own = words.subarray(row * VIEW_WORDS, (row + 1) * VIEW_WORDS);
    applyView(view, own, pixels, imageShape, all.subarray(row * size));
  }
  return all;
}

async function drawn(
  view: WarpView,
  dataset: Dataset,
  simd: 'plain' | 'relaxed',
  threads = 1,
): Promise<Values> {
  const { outputs } = await runOperations(
    simd,
    [{ kind: 'draw', name: 'draw', stage: 0, parts: [drawnImages(view, 0)] }],
    [{ shape: [ROWS + 2, ...dataset.imageShape] }],
    { data: { dataset, split: SPLIT }, seed: SEED, step: STEP, threads },
  );
  return outputs[0]!.subarray(2 * sizeOf(dataset.imageShape));
}

for (const simd of ['plain', 'relaxed'] as const) {
  describe(`draws of the wasm engine, ${simd} SIMD`, () => {
    for (const [what, view, shape] of VIEWS) {
      it(`show ${what} as model/views.ts does`, async () => {
        const dataset = datasetOf(shape, 20);
        const [actual, expected] = [await drawn(view, dataset, simd), expectedImages(view, dataset)];
        assert.equal(actual.length, expected.length);
        const furthest = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0);
        assert.ok(furthest <= 1e-5, `pixels are off by ${furthest}`);
      });
    }

    it('change nothing by a view of nothing', async () => {
      for (const outside of ['background', 'edge'] as const) {
        const dataset = datasetOf([9, 14, 3], 20);
        const indices = new RandomStreams(SEED).indices(INDICES, STEP, ROWS, LANDMARKS.length);
        const { images } = dataset.train;
        const size = sizeOf(dataset.imageShape);
        const plain = [...indices].flatMap((index) => [
          ...images.subarray(LANDMARKS[index]! * size, (LANDMARKS[index]! + 1) * size),
        ]);
        assert.deepEqual(
          await drawn({ ...VIEW_OF_NOTHING, outside }, dataset, simd),
          Float32Array.from(plain, (byte) => byte / 127.5 - 1),
        );
      }
    });

    it('are the same bits on 1, 2 and 4 threads', async () => {
      const dataset = datasetOf([28, 28, 1], 20);
      const one = await drawn(LOOK, dataset, simd);
      for (const threads of [2, 4]) assert.deepEqual(await drawn(LOOK, dataset, simd, threads), one);
    });

    it('give noise bit for bit as RandomStreams does', async () => {
      const stream = streamNumber('noise', 1, 2, 3);
      for (const count of [1, 31, 32, 1234]) {
        const part = { kind: 'noise', stream, count, target: 0, targetRow: 1 } as const;
        const { outputs } = await runOperations(
          simd,
          [{ kind: 'draw', name: 'draw', stage: 0, parts: [part] }],
          [{ shape: [1 + count, 1] }],
          { seed: SEED, step: STEP },
        );
        const expected = new Float32Array(count);
        new RandomStreams(SEED).normals(stream, STEP, count, expected);
        assert.deepEqual(outputs[0]!.subarray(1), expected);
      }
    });

    it('give the rows of the target store that belong to the landmarks', async () => {
      for (const classes of [2, 10, 13]) {
        const store = Float32Array.from({ length: 8 * classes }, (_, i) => i + 1);
        const part = {
          kind: 'targets',
          stream: INDICES,
          bound: LANDMARKS.length,
          store: 'landmarks/targets',
          classes,
          rows: ROWS,
          target: 0,
          targetRow: 1,
        } as const;
        const { outputs } = await runOperations(
          simd,
          [{ kind: 'draw', name: 'draw', stage: 0, parts: [part] }],
          [{ shape: [ROWS + 1, classes] }],
          {
            parameters: new Map([['landmarks/targets', store]]),
            data: { dataset: datasetOf([1, 1, 1], 20), split: SPLIT },
            seed: SEED,
            step: STEP,
          },
        );
        const indices = new RandomStreams(SEED).indices(INDICES, STEP, ROWS, LANDMARKS.length);
        const expected = [...indices].flatMap((i) => [...store.subarray(i * classes, (i + 1) * classes)]);
        assert.deepEqual([...outputs[0]!.subarray(classes)], expected);
      }
    });
  });
}

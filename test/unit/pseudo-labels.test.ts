/** What an evaluation makes of landmarks that spread labels have reached. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PseudoLabelReading } from '../../src/protocol/reports.js';
import type { LandmarkMaps } from '../../src/worker/checkpoint/landmark-maps.js';
import type { Engine } from '../../src/worker/engine/engine.js';
import { landmarksOf } from '../../src/worker/model/draws.js';
import { PseudoLabels } from '../../src/worker/run/pseudo-labels.js';
import { tinyInput } from '../worker/support/tiny.js';

const input = tinyInput('few-labels');
const landmarks = landmarksOf(input.recipe, input.split);
const labelled = input.split.labelled.length;

function spreadOf(classOf: (row: number) => number): LandmarkMaps['spread'] {
  const classes = Uint8Array.from(landmarks, (_, row) => classOf(row));
  const points = new Uint8Array(2 * classes.length);
  const figures = { leftOut: 0, leftOutRight: 0, usedShare: 1, reachedShare: 1, agreement: 1 };
  return { step: 10, trust: 'all', points, classes, ...figures };
}

/** What is read where the classifier is so sure of the class of each row in turn. */
async function read(
  spread: LandmarkMaps['spread'],
  namedOf: (row: number) => number,
  logit: (row: number) => number,
): Promise<{ readonly reading: PseudoLabelReading | 'nothing'; readonly images: number }> {
  const reading = PseudoLabels.of({ ...input, spread: () => spread })!;
  let images = 0;
  const engine = {
    classify: (_: Float32Array, count: number) => {
      const logits = new Float32Array(10 * count);
      for (let row = 0; row < count; row++, images++) {
        logits[10 * row + namedOf(images)] = logit(images);
      }
      return Promise.resolve(logits);
    },
  } as unknown as Engine;
  for (let call = 0; call < 100; call++) {
    const found = await reading.goOn(engine);
    if (found !== null) return { reading: found, images };
  }
  throw new Error('The reading does not end.');
}

const SURE = 20;
const UNSURE = 1;

test('of images without a label it is told how many the classifier is sure of, and agrees on', async () => {
  const others = landmarks.length - labelled;
  const { reading, images } = await read(
    spreadOf(() => 3),
    (row) => (row % 4 === 0 ? 5 : 3),
    (row) => (row % 2 === 0 ? SURE : UNSURE),
  );
  assert.equal(images, others);
  const sure = Math.ceil(others / 2);
  const wrong = Math.ceil(others / 4);
  assert.deepEqual(reading, {
    confidentLandmarks: sure / others,
    spreadAgreement: (sure - wrong) / sure,
  });
});

test('images that no label has reached are left out, and where none is sure nothing agrees', async () => {
  const { reading, images } = await read(
    spreadOf((row) => (row < labelled + 10 ? 1 : 255)),
    () => 1,
    () => UNSURE,
  );
  assert.equal(images, 10);
  assert.deepEqual(reading, { confidentLandmarks: 0, spreadAgreement: null });
});

test('there is nothing to read before labels are spread, and where none has reached an image without one', async () => {
  for (const spread of [null, spreadOf((row) => (row < labelled ? 1 : 255))]) {
    const { reading, images } = await read(
      spread,
      () => 1,
      () => SURE,
    );
    assert.deepEqual([reading, images], ['nothing', 0]);
  }
});

test('recipes without landmarks, or without pseudo-labels, have nothing to read', () => {
  for (const recipe of ['notebook', 'labels-only-augmented', 'few-labels-no-look'] as const) {
    assert.equal(PseudoLabels.of({ ...tinyInput(recipe), spread: () => null }), null);
  }
});

test('nothing is read where every image has a label', async () => {
  const all = Uint32Array.from({ length: input.dataset.train.count }, (_, index) => index);
  const split = { labelled: all, unlabelled: all };
  const classes = Uint8Array.from(
    landmarksOf(input.recipe, split),
    (index) => input.dataset.train.labels[index]!,
  );
  const spread = { ...spreadOf(() => 1)!, classes };
  const reading = PseudoLabels.of({ ...input, split, spread: () => spread })!;
  const untouched = new Proxy({} as Engine, {
    get: () => assert.fail('The engine has nothing to classify.'),
  });
  assert.equal(await reading.goOn(untouched), 'nothing');
});

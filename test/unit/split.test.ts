import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStreams, streamNumber } from '../../src/worker/random/streams.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { tinyDataset, TRAIN_COUNT } from './support/data.js';

const dataset = tinyDataset();
const { labels } = dataset.train;
const sorted = (indices: Iterable<number>): number[] => [...indices].sort((a, b) => a - b);
const everyIndex = Array.from({ length: TRAIN_COUNT }, (_, i) => i);

function countsOf(indices: Uint32Array): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const index of indices) counts[labels[index]!]!++;
  return counts;
}

test('the first of the seed’s permutation are labelled, the rest unlabelled in its order', () => {
  const order = new RandomStreams(7).permutation(streamNumber('split'), 0, TRAIN_COUNT);
  const split = makeSplit(dataset, { seed: 7, labels: 12, balanced: false });
  assert.deepEqual([...split.labelled], [...order.slice(0, 12)]);
  assert.deepEqual([...split.unlabelled], [...order.slice(12)]);
});

test('labelled and unlabelled together are the training set, without overlap', () => {
  for (const balanced of [false, true]) {
    const split = makeSplit(dataset, { seed: 3, labels: 23, balanced });
    assert.equal(split.labelled.length, 23);
    assert.deepEqual(sorted([...split.labelled, ...split.unlabelled]), everyIndex);
  }
});

test('a seed draws one split, another seed another', () => {
  const draw = (seed: number): number[] => [
    ...makeSplit(dataset, { seed, labels: 20, balanced: true }).labelled,
  ];
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});

test('where everything is labelled, everything is the unlabelled pool too', () => {
  const split = makeSplit(dataset, { seed: 1, labels: TRAIN_COUNT, balanced: false });
  assert.deepEqual(sorted(split.labelled), everyIndex);
  assert.deepEqual([...split.unlabelled], [...split.labelled]);
});

test('balanced takes as many of each class', () => {
  const split = makeSplit(dataset, { seed: 5, labels: 30, balanced: true });
  assert.deepEqual(countsOf(split.labelled), new Array<number>(10).fill(3));
});

test('balanced gives the remainder, one each, to the classes that the permutation shows first', () => {
  const order = new RandomStreams(5).permutation(streamNumber('split'), 0, TRAIN_COUNT);
  const firstClasses = new Set<number>();
  for (const index of order) if (firstClasses.size < 9) firstClasses.add(labels[index]!);
  const counts = countsOf(makeSplit(dataset, { seed: 5, labels: 29, balanced: true }).labelled);
  assert.deepEqual(
    counts,
    Array.from({ length: 10 }, (_, label) => (firstClasses.has(label) ? 3 : 2)),
  );
});

test('more labels than images are refused with what there is', () => {
  assert.throws(() => makeSplit(dataset, { seed: 1, labels: 61, balanced: false }), {
    name: 'InvalidSettings',
    message: 'Setting "labels" is 61; allowed: whole numbers from 1 to 60, the images of the training set.',
  });
});

test('balanced refuses what the rarest class cannot give, naming it', () => {
  const uneven = tinyDataset(59);
  assert.doesNotThrow(() => makeSplit(uneven, { seed: 1, labels: 50, balanced: true }));
  assert.throws(() => makeSplit(uneven, { seed: 1, labels: 51, balanced: true }), {
    name: 'InvalidSettings',
    message: /"labels" is 51; .* from 1 to 50 with "balanced", .* only 5 images of class 4\./,
  });
});

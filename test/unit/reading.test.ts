/** What an evaluation reads of generated images. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pixelDeviation, Reading } from '../../src/worker/run/reading.js';
import type { Engine } from '../../src/worker/engine/engine.js';
import { tinyInput } from '../worker/support/tiny.js';

/** An engine whose images are their numbers and whose logits are what `logitsOf` gives. */
function engineOf(logitsOf: (image: number) => readonly number[]): Engine {
  let made = 0;
  const engine = {
    generate: (_latents: Float32Array, count: number) =>
      Promise.resolve(Float32Array.from({ length: count }, () => made++)),
    classify: (images: Float32Array) => Promise.resolve(Float32Array.from([...images].flatMap(logitsOf))),
  };
  return engine as unknown as Engine;
}

async function read(recipe: 'few-labels' | 'notebook', logitsOf: (image: number) => readonly number[]) {
  const reading = Reading.of(tinyInput(recipe))!;
  const engine = engineOf(logitsOf);
  let calls = 0;
  for (;;) {
    calls++;
    const found = await reading.goOn(engine);
    assert.equal(reading.isUnderWay, found === null);
    if (found !== null) return { ...found, calls };
  }
}

const oneOf = (width: number, at: number, size: number): readonly number[] =>
  Array.from({ length: width }, (_, column) => (column === at ? size : 0));

test('images are read where one class is sure, and all classes alike make the most bits', async () => {
  const sure = await read('few-labels', (image) => oneOf(10, image % 10, 20));
  assert.equal(sure.readShare, 1);
  assert.ok(Math.abs(sure.classBits - Math.log2(10)) < 1e-12);
  assert.equal(sure.calls, 10);
  const half = await read('few-labels', (image) => oneOf(10, 3, image % 2 === 0 ? 20 : 1));
  assert.deepEqual([half.readShare, half.classBits], [0.5, 0]);
});

test('an image that is told to be none of the classes is not read', async () => {
  const fake = await read('notebook', (image) => oneOf(11, image % 4 === 0 ? 2 : 10, 20));
  assert.deepEqual([fake.readShare, fake.classBits], [0.25, 0]);
});

test('the deviation is over images, pixel by pixel', () => {
  assert.equal(pixelDeviation(Float32Array.of(1, -1, 1, -1, 1, -1), 3), 0);
  assert.equal(pixelDeviation(Float32Array.of(1, 0, -1, 0), 2), 0.5);
});

test('a recipe without generator has nothing to read', () => {
  assert.equal(Reading.of(tinyInput('labels-only')), null);
});

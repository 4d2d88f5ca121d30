/** The data, the draws and the first parameters are, bit for bit, those of the reference's Python. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { inStage } from '../../src/recipe/recipe.js';
import { drawPhase, dropoutStream, sampleLatents } from '../../src/worker/model/draws.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
import { RandomStreams } from '../../src/worker/random/streams.js';
import { referenceInput } from '../reference/check-engine.js';
import { shakenTensors } from '../reference/inputs.js';
import { parseReference, type Reference } from '../reference/load.js';

async function loadReference(): Promise<Reference> {
  const index = await readFile('test/reference/data/index.json', 'utf8');
  const { buffer, byteOffset, byteLength } = await readFile('test/reference/data/tensors.bin');
  return parseReference(index, buffer.slice(byteOffset, byteOffset + byteLength));
}

const reference = await loadReference();
const input = referenceInput(reference, 'notebook');
const asRun = referenceInput(reference, 'notebook-as-run');
const streams = new RandomStreams(reference.seed);

function digestOf(values: NodeJS.ArrayBufferView): string {
  return createHash('sha256').update(values).digest('hex');
}

/** Digests of everything that the reference keeps one of, made by this side. */
function digests(seedStreams: RandomStreams): Map<string, string> {
  const recipe = inStage(input.recipe, 0);
  const found = new Map<string, string>();
  const add = (name: string, values: NodeJS.ArrayBufferView): void => void found.set(name, digestOf(values));
  for (const set of ['train', 'test'] as const) {
    add(`${set}/images`, input.dataset[set].images);
    add(`${set}/labels`, input.dataset[set].labels);
  }
  add('split/labelled', input.split.labelled);
  add('split/unlabelled', input.split.unlabelled);
  add('sampleLatents', sampleLatents(seedStreams, reference.samples, recipe));
  for (const step of [0, 1, 1000]) {
    const draws = drawPhase(seedStreams, recipe, input.split, 0, step);
    for (const [name, { indices, latents }] of draws) add(`step${step}/${name}`, (indices ?? latents)!);
    for (const pass of recipe.phases[0]!.passes) {
      const rows = { labelled: 1, unlabelled: 9, fake: 10 }[pass.name];
      if (rows === undefined) continue;
      for (const [layer, index, size] of [
        ['dropout1', 1, rows * 14 * 14 * 32],
        ['dropout3', 9, rows * 4 * 4 * 128],
      ] as const) {
        const mask = new Float32Array(size);
        seedStreams.dropoutMask(dropoutStream(0, pass, index), step, size, 0.5, mask);
        add(`step${step}/${pass.name}/${layer}`, mask);
      }
    }
  }
  const states = {
    initial: initialTensors(asRun.recipe, reference.seed),
    shaken: shakenTensors(asRun.recipe, reference.seed),
  };
  for (const [state, tensors] of Object.entries(states)) {
    for (const [name, { values }] of tensors) {
      if (reference.digests.has(`${state}/${name}`)) add(`${state}/${name}`, values);
    }
  }
  return found;
}

test('data, split, batches, latents, masks and parameters are those that Python draws, bit for bit', () => {
  assert.ok(reference.digests.size > 100);
  assert.deepEqual(Object.fromEntries(digests(streams)), Object.fromEntries(reference.digests));
});

test('the seed’s high word counts: without it every draw differs', () => {
  const truncated = digests(new RandomStreams(reference.seed % 2 ** 32));
  const drawn = [...reference.digests.keys()].filter(
    (name) => name.startsWith('step') || name === 'sampleLatents',
  );
  assert.ok(drawn.length > 20);
  for (const name of drawn) assert.notEqual(truncated.get(name), reference.digests.get(name), name);
});

test('every initial tensor of the recipe has a digest', () => {
  const names = [...initialTensors(asRun.recipe, 1).keys()];
  for (const name of names) {
    if (!name.startsWith('adam/')) assert.ok(reference.digests.has(`initial/${name}`), name);
    assert.ok(reference.digests.has(`shaken/${name}`), name);
  }
});

/**
 * The bits of the notebook's recipes on the wasm engine, which no other change may move: a run goes on with them. On
 * plain SIMD, since a fused multiply-add rounds by the processor.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { RecipeName } from '../../src/recipe/recipes.js';
import type { TileColumns } from '../../src/worker/engine/wasm/threads/tile-choice.js';
import { tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';

/** First half of the SHA-256 of all tensors, in the order of their names: with few channels, and with all. */
const DIGESTS = {
  notebook: { few: 'dc2862fc309443b457b4d6131318f8ae', all: '8fd6b988fef5c698ec0730a3bd59fc8a' },
  'notebook-as-run': { few: '43e80f007f1c3e5a73edb64ee676551a', all: 'd2334d7f28331eb56fc261379c0a702b' },
  'notebook-feature-matching': {
    few: 'cec1c125b757249f65c5bd0a673f1b10',
    all: '0e9927ad6555da5bf7ddb91ffe1b3194',
  },
  'labels-only': { few: '5d3ba2733cf9cb376fd5f0f93f3b3569', all: 'd2aa8030352d48c74c724f38f8acb0a6' },
} as const;

async function digestOf(
  recipe: RecipeName,
  channelDivisor: number,
  steps: number,
  tileColumns: TileColumns = 8,
): Promise<string> {
  const engine = await nodeWasmEngine(tinyInput(recipe, {}, channelDivisor), { simd: 'plain', tileColumns });
  await engine.advance(steps);
  const { tensors } = await engine.exportState();
  engine.dispose();
  const hash = createHash('sha256');
  for (const [name, { values }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex').slice(0, 32);
}

for (const recipe of Object.keys(DIGESTS) as (keyof typeof DIGESTS)[]) {
  test(`four steps of ${recipe} have the bits that they always had`, async () => {
    assert.equal(await digestOf(recipe, 8, 4), DIGESTS[recipe].few);
  });

  // Wide layers are multiplied in ways that narrow ones are not.
  test(`two steps of ${recipe} with all channels have the bits that they always had`, async () => {
    assert.equal(await digestOf(recipe, 1, 2), DIGESTS[recipe].all);
  });

  test(`so they have by the micro-kernel's wide tile (${recipe})`, async () => {
    assert.equal(await digestOf(recipe, 1, 2, 16), DIGESTS[recipe].all);
  });
}

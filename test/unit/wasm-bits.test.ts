/**
 * The bits of the notebook's recipes on the wasm engine, which no other change may move: a run goes on with them. On
 * plain SIMD, since a fused multiply-add rounds by the processor.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';

/** First half of the SHA-256 of all tensors after four steps, in the order of their names. */
const DIGESTS = {
  notebook: 'dc2862fc309443b457b4d6131318f8ae',
  'notebook-as-run': '43e80f007f1c3e5a73edb64ee676551a',
  'notebook-feature-matching': 'cec1c125b757249f65c5bd0a673f1b10',
  'labels-only': '5d3ba2733cf9cb376fd5f0f93f3b3569',
} as const;

for (const [recipe, wanted] of Object.entries(DIGESTS) as [keyof typeof DIGESTS, string][]) {
  test(`four steps of ${recipe} have the bits that they always had`, async () => {
    const engine = await nodeWasmEngine(tinyInput(recipe), { simd: 'plain' });
    await engine.advance(4);
    const { tensors } = await engine.exportState();
    const hash = createHash('sha256');
    for (const [name, { values }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    assert.equal(hash.digest('hex').slice(0, 32), wanted);
    engine.dispose();
  });
}

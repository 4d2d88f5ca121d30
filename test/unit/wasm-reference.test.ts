/** The wasm engine against TensorFlow, full size, in both kinds of SIMD. */

import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { compareWithReference, PARTS } from '../reference/check-engine.js';
import { expectWithin } from '../reference/compare.js';
import { parseReference } from '../reference/load.js';
import { nodeWasmEngine } from './support/wasm.js';

const index = await readFile('test/reference/data/index.json', 'utf8');
const bytes = Uint8Array.from(await readFile('test/reference/data/tensors.bin'));
const reference = parseReference(index, bytes.buffer);

describe('the wasm engine beside TensorFlow', () => {
  for (const name of reference.cases.keys()) {
    for (const simd of ['plain', 'relaxed'] as const) {
      it(`computes what TensorFlow does: ${name} (${simd} SIMD)`, async () => {
        expectWithin(
          await compareWithReference(reference, name, (input) => nodeWasmEngine(input, { simd }), PARTS),
        );
      });
    }
  }
});

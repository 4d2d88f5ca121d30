/** The reference engine and the wasm engine on recipes that no one wrote, beside the plan's interpreter. */

import { describe, it } from 'node:test';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { holdTogether } from '../support/hold-together.js';
import { randomInput } from '../support/random-recipes.js';
import { nodeWasmEngine } from './support/wasm.js';

const COUNT = 16;

describe('random recipes', () => {
  for (let seed = 0; seed < COUNT; seed++) {
    it(`number ${seed}: tfjs, plain and relaxed wasm agree with the interpreter`, async () => {
      const input = randomInput(seed);
      for (const [engine, trainOptions] of [
        [await createTfjsEngine('cpu', input), undefined],
        [await nodeWasmEngine(input, { simd: 'plain' }), TRAIN_OPTIONS],
        [await nodeWasmEngine(input, { simd: 'relaxed' }), TRAIN_OPTIONS],
      ] as const) {
        try {
          await holdTogether(engine, input, { trainOptions });
        } catch (error) {
          throw new Error(`${engine.info.engine} ${engine.info.adapter}: ${String(error)}`, { cause: error });
        } finally {
          engine.dispose();
        }
      }
    });
  }
});

/** Images of other shapes on the reference engine and the wasm engine, beside the plan's interpreter. */

import { describe, it } from 'node:test';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { holdTogether } from '../support/hold-together.js';
import { SHAPES, shapedInput, shapeName } from '../support/shaped-input.js';
import { nodeWasmEngine } from './support/wasm.js';

for (const shape of SHAPES) {
  describe(`images of ${shapeName(shape)}`, () => {
    const input = shapedInput(shape);

    it('train on tfjs as the plan says', async () => {
      const engine = await createTfjsEngine('cpu', input);
      await holdTogether(engine, input, { steps: 1 }).finally(() => engine.dispose());
    });

    for (const simd of ['plain', 'relaxed'] as const) {
      it(`train on wasm as the plan says (${simd} SIMD)`, async () => {
        const engine = await nodeWasmEngine(input, { simd });
        await holdTogether(engine, input, { steps: 1, trainOptions: TRAIN_OPTIONS }).finally(() =>
          engine.dispose(),
        );
      });
    }
  });
}

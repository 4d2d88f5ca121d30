import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stepInputs } from '../../src/worker/benchmark/step-inputs.js';
import { jaxJsLosses } from '../../bench/peers/jax-js/losses.js';
import { tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';

describe('the yardstick jax-js', () => {
  it("computes the engine's losses from the same parameters, images, latents and masks", async () => {
    const input = tinyInput('notebook', { batch: 10 }, 1);
    const engine = await nodeWasmEngine(input);
    const inputs = await stepInputs(engine, input);
    engine.dispose();
    assert.deepEqual(Object.keys(inputs.losses).sort(), ['discriminatorLoss', 'generatorLoss']);
    const losses: Record<string, number> = await jaxJsLosses(inputs, 'wasm');
    for (const [name, expected] of Object.entries(inputs.losses)) {
      const error = Math.abs(losses[name]! - expected) / expected;
      assert.ok(error < 1e-4, `${name} is ${losses[name]}, the engine computes ${expected}`);
    }
  });
});

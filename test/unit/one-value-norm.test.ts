/**
 * Batch norm of a single value a channel, one row at 1 x 1, on every engine that runs here (webgpu's test is in
 * test/worker/webgpu-norm.test.ts): TensorFlow's running variance then takes n / max(n - 1, 1) times the biased one.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Network } from '../../src/recipe/layers.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { relativeError } from '../worker/support/compare.js';
import { tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';

const MOMENTUM = 0.9;

const discriminator: Network = {
  name: 'discriminator',
  inputShape: [28, 28, 1],
  layers: [
    {
      kind: 'conv2d',
      name: 'whole',
      filters: 6,
      kernelSize: [28, 28],
      stride: 1,
      padding: 'valid',
      bias: 'zero',
    },
    { kind: 'batchNorm', name: 'norm', momentum: MOMENTUM, epsilon: 1e-3 },
    { kind: 'leakyRelu', name: 'leaky', alpha: 0.2 },
    { kind: 'flatten', name: 'features' },
    { kind: 'dense', name: 'logits', units: 11, bias: 'trained' },
  ],
};

/** One labelled row, whose network has one position at its norm. */
function oneValueInput(): EngineInput {
  const input = tinyInput('labels-only', { batch: 10 });
  const networks = input.recipe.networks.map((entry) => ({ ...entry, network: discriminator }));
  return { ...input, recipe: { ...input.recipe, networks } };
}

const ENGINES: Readonly<Record<string, (input: EngineInput) => Promise<Engine>>> = {
  interpreter: async (input) =>
    createInterpreter(input, { precision: 'float64', trainOptions: TRAIN_OPTIONS }),
  'tfjs-cpu': (input) => createTfjsEngine('cpu', input),
  'wasm, plain SIMD': (input) => nodeWasmEngine(input, { simd: 'plain' }),
  'wasm, relaxed SIMD': (input) => nodeWasmEngine(input, { simd: 'relaxed' }),
};

describe('batch norm of one value', () => {
  for (const [name, create] of Object.entries(ENGINES)) {
    it(`keeps the biased variance, 0, and trains on: ${name}`, async () => {
      const input = oneValueInput();
      const engine = await create(input);
      const seen = await engine.inspectStep();
      assert.equal(seen.get('labelled/logits')!.shape[0], 1, 'rows of the batch');
      await engine.advance(2);
      const { tensors } = await engine.exportState();
      engine.dispose();
      const variance = tensors.get('discriminator/norm/moving_variance')!.values;
      assert.ok(
        relativeError(
          variance,
          variance.map(() => MOMENTUM ** 2),
        ) < 1e-6,
        variance.join(', '),
      );
      const mean = tensors.get('discriminator/norm/moving_mean')!.values;
      assert.ok(mean.every((value) => value !== 0));
      for (const [tensor, { values }] of tensors) {
        assert.ok(values.every(Number.isFinite), `${tensor} holds a value that is not finite`);
      }
    });
  }
});

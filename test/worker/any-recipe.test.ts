/** The engines of a browser on recipes that no one wrote and on images of other shapes, beside the interpreter. */

import { expect } from '@open-wc/testing';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { createWasmEngine } from '../../src/worker/engine/wasm/index.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { holdTogether } from '../support/hold-together.js';
import { randomInput } from '../support/random-recipes.js';
import { ANY_INPUTS, FEW_INPUTS } from './support/any-recipe-inputs.js';
import { describeWebGpu, withWebGpu } from './support/webgpu.js';

/** A convolution of it has a kernel that is smaller than its stride. */
const WITH_SMALL_KERNEL = 11;

async function hold(engine: Engine, input: EngineInput): Promise<void> {
  const trainOptions = engine.info.engine === 'wasm' ? TRAIN_OPTIONS : undefined;
  await holdTogether(engine, input, { steps: 1, trainOptions }).finally(() => engine.dispose());
}

describe('tfjs-wasm and wasm with two threads', function () {
  this.timeout(120_000);
  for (const [name, makeInput] of ANY_INPUTS) {
    it(`compute what the plan says: ${name}`, async () => {
      const input = makeInput();
      await hold(await createTfjsEngine('wasm', input), input);
      const threaded = { ...input, settings: { ...input.settings, threads: 2 } };
      await hold(await createWasmEngine(threaded), threaded);
    });
  }
});

it('tfjs-wasm refuses what its backend would silently make zeros of', async () => {
  const input = randomInput(WITH_SMALL_KERNEL);
  const error: unknown = await createTfjsEngine('wasm', input).catch((thrown: unknown) => thrown);
  expect(String(error)).to.match(
    /EngineUnavailable: .* layer "conv2" .* 4 x 1, is smaller than its stride, 2/,
  );
});

describeWebGpu('webgpu on any recipe', () => {
  for (const [name, makeInput] of FEW_INPUTS) {
    it(`computes what the plan says: ${name}`, async () => {
      const input = makeInput();
      await withWebGpu(input, (engine) => holdTogether(engine, input, { steps: 1 }), { tune: false });
    });
  }
});

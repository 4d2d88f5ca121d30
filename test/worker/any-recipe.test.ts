/** The engines of a browser on recipes that no one wrote and on images of other shapes, beside the interpreter. */

import { expect } from '@open-wc/testing';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { createWasmEngine } from '../../src/worker/engine/wasm/index.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { holdTogether } from '../support/hold-together.js';
import { randomInput } from '../support/random-recipes.js';
import { SHAPES, shapedInput, shapeName } from '../support/shaped-input.js';
import { describeWebGpu, withWebGpu } from './support/webgpu.js';

/** The backend of tfjs-wasm makes nothing of such layers. */
function hasSmallKernel({ recipe }: EngineInput): boolean {
  return recipe.networks.some(({ network }) =>
    network.layers.some((layer) => layer.kind === 'conv2d' && Math.min(...layer.kernelSize) < layer.stride),
  );
}

/** Random recipes that every engine here computes; several phases and averages are among them. */
const RANDOM = Array.from({ length: 20 }, (_, seed) => seed)
  .filter((seed) => !hasSmallKernel(randomInput(seed)))
  .slice(0, 4);

/** A convolution of it has a kernel that is smaller than its stride. */
const WITH_SMALL_KERNEL = 11;

const INPUTS: readonly (readonly [name: string, input: () => EngineInput])[] = [
  ...SHAPES.map((shape) => [shapeName(shape), () => shapedInput(shape)] as const),
  ...RANDOM.map((seed) => [`random recipe ${seed}`, () => randomInput(seed)] as const),
];

async function hold(engine: Engine, input: EngineInput): Promise<void> {
  const trainOptions = engine.info.engine === 'wasm' ? TRAIN_OPTIONS : undefined;
  await holdTogether(engine, input, { steps: 1, trainOptions }).finally(() => engine.dispose());
}

describe('tfjs-wasm and wasm with two threads', function () {
  this.timeout(120_000);
  for (const [name, makeInput] of INPUTS) {
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
  for (const [name, makeInput] of INPUTS) {
    it(`computes what the plan says: ${name}`, async () => {
      const input = makeInput();
      await withWebGpu(input, (engine) => holdTogether(engine, input, { steps: 1 }), { tune: false });
    });
  }
});

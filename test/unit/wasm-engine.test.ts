import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Settings } from '../../src/protocol/settings.js';
import { inStage } from '../../src/recipe/recipe.js';
import { RECIPE_NAMES, type RecipeName } from '../../src/recipe/recipes.js';
import { drawPhase, dropoutStream } from '../../src/worker/model/draws.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import type { Simd } from '../../src/worker/engine/wasm/features.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { RandomStreams } from '../../src/worker/random/streams.js';
import { exactZerosOf } from '../support/exact-zeros.js';
import { expectClose, expectIdentical } from '../worker/support/compare.js';
import { hashed, tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';

const tolerance = (name: string): number => (name.startsWith('gradient/') ? 1e-4 : 2e-5);

/** The interpreter in float64, two steps in: no bias, scale or moment is still at its first value. */
async function exact(input: EngineInput): Promise<Engine> {
  const engine = createInterpreter(input, { precision: 'float64', trainOptions: TRAIN_OPTIONS });
  await engine.advance(2);
  return engine;
}

async function compareWithExact(
  recipe: RecipeName,
  overrides: Partial<Settings>,
  channelDivisor: number,
  simd: Simd,
): Promise<void> {
  const input = tinyInput(recipe, overrides, channelDivisor);
  const reference = await exact(input);
  const engine = await nodeWasmEngine(input, { simd });
  await engine.importState(await reference.exportState());
  const [actual, expected] = [await engine.inspectStep(), await reference.inspectStep()];
  expectClose(actual, expected, tolerance, exactZerosOf(input.recipe));
  engine.dispose();
}

describe('the wasm engine', () => {
  for (const recipe of RECIPE_NAMES) {
    for (const simd of ['plain', 'relaxed'] as const) {
      it(`computes what the plan says for ${recipe} (${simd} SIMD)`, () =>
        compareWithExact(recipe, {}, 8, simd));
    }
  }

  // With 11 a segment has one image; with 13 the channels are no multiple of anything.
  for (const [batch, channelDivisor] of [
    [11, 8],
    [13, 7],
    [13, 23],
    [29, 5],
  ] as const) {
    it(`computes what the plan says for batch ${batch} with channels divided by ${channelDivisor}`, () =>
      compareWithExact('notebook-feature-matching', { batch }, channelDivisor, 'relaxed'));
  }

  it('computes the recipe at its own size', async () => {
    const input = tinyInput('notebook', { batch: 32 }, 1);
    const reference = createInterpreter(input, { precision: 'float32', trainOptions: TRAIN_OPTIONS });
    const engine = await nodeWasmEngine(input);
    const [actual, expected] = [await engine.inspectStep(), await reference.inspectStep()];
    expectClose(actual, expected, tolerance, exactZerosOf(input.recipe));
    engine.dispose();
  });

  it('draws batches, latents and masks bit for bit as every engine does', async () => {
    const input = tinyInput('notebook', { seed: 2 ** 40 + 5 });
    const engine = await nodeWasmEngine(input);
    const streams = new RandomStreams(input.settings.seed);
    const recipe = inStage(input.recipe, 0);
    const [phase] = recipe.phases;
    const draws = drawPhase(streams, recipe, input.split, 0, 0);
    const [first] = draws.get('labelled')!.indices!;
    const seen = await engine.inspectStep();
    assert.deepEqual(seen.get('generated/input')!.values, draws.get('latents')!.latents);
    const pixels = Float32Array.from(
      input.dataset.train.images.subarray(first! * 784, (first! + 1) * 784),
      (byte) => byte / 127.5 - 1,
    );
    assert.deepEqual(seen.get('labelled/input')!.values, pixels);
    // The first convolution's output is stored after dropout: it is zero exactly where the mask is.
    const layer = input.recipe.networks[0]!.network.layers.findIndex(({ name }) => name === 'dropout1');
    const unlabelled = phase!.passes.find(({ name }) => name === 'unlabelled')!;
    const values = seen.get('unlabelled/leaky1')!.values;
    const mask = new Float32Array(values.length);
    streams.dropoutMask(dropoutStream(0, unlabelled, layer), 0, mask.length, input.settings.dropout, mask);
    const differing = values.findIndex((value, index) => (value === 0) !== (mask[index] === 0));
    assert.equal(differing, -1);
    engine.dispose();
  });

  it('gives the same bits with shared memory and without', async () => {
    for (const simd of ['plain', 'relaxed'] as const) {
      const states = [];
      for (const isShared of [false, true]) {
        const engine = await nodeWasmEngine(tinyInput('notebook'), { simd, isShared });
        await engine.advance(3);
        states.push((await engine.exportState()).tensors);
        engine.dispose();
      }
      expectIdentical(states[1]!, states[0]!);
    }
  });

  it('goes on after a resume as if it had never stopped, bit for bit', async () => {
    const unbroken = await nodeWasmEngine(tinyInput('notebook-as-run'));
    const expected = await unbroken.advance(5);
    const first = await nodeWasmEngine(tinyInput('notebook-as-run'));
    await first.advance(2);
    const second = await nodeWasmEngine(tinyInput('notebook-as-run'));
    await second.importState(await first.exportState());
    assert.deepEqual(await second.advance(3), expected.slice(2));
    const [state, same] = [await unbroken.exportState(), await second.exportState()];
    assert.equal(same.step, state.step);
    expectIdentical(same.tensors, state.tensors);
  });

  it('is not changed by looking at it', async () => {
    const plain = await nodeWasmEngine(tinyInput('notebook'));
    const lookedAt = await nodeWasmEngine(tinyInput('notebook'));
    await plain.advance(2);
    await lookedAt.advance(1);
    await lookedAt.inspectStep();
    await lookedAt.countCorrect(0, 100);
    await lookedAt.generate(new Float32Array(300), 3);
    await lookedAt.advance(1);
    expectIdentical((await lookedAt.exportState()).tensors, (await plain.exportState()).tensors);
  });

  it('classifies, counts and generates as tfjs does, in slices of any size', async () => {
    const input = tinyInput('notebook');
    const engine = await nodeWasmEngine(input);
    await engine.advance(3);
    const reference = await createTfjsEngine('cpu', input);
    await reference.importState(await engine.exportState());
    for (const [first, count] of [
      [0, 100],
      [3, 7],
      [99, 1],
    ] as const) {
      assert.equal(await engine.countCorrect(first, count), await reference.countCorrect(first, count));
    }
    const count = 41;
    const latents = Float32Array.from({ length: count * 100 }, (_, index) => hashed(index, 3));
    const pixels = Float32Array.from({ length: count * 784 }, (_, index) => hashed(index, 4));
    const named = (values: Float32Array<ArrayBuffer>) =>
      new Map([['values', { shape: [values.length], values }]]);
    expectClose(
      named(await engine.generate(latents, count)),
      named(await reference.generate(latents, count)),
      () => 1e-5,
    );
    expectClose(
      named(await engine.classify(pixels, count)),
      named(await reference.classify(pixels, count)),
      () => 1e-5,
    );
    engine.dispose();
    reference.dispose();
  });

  it('follows tfjs over 20 steps from the same seed', async () => {
    const input = tinyInput('notebook');
    const engine = await nodeWasmEngine(input);
    const reference = await createTfjsEngine('cpu', input);
    const actual = await engine.advance(20);
    const expected = await reference.advance(20);
    expected.forEach(({ step, values }, index) => {
      const limit = step <= 5 ? 1e-3 : 2e-2;
      values.forEach((value, metric) => {
        if (metric === 0) return;
        const error = Math.abs(actual[index]!.values[metric]! - value) / Math.abs(value);
        assert.ok(error <= limit, `metric ${metric} of step ${step} is off by ${error}`);
      });
    });
    reference.dispose();
  });

  it('takes no memory while it trains, and stays finite', async () => {
    const engine = await nodeWasmEngine(tinyInput('notebook'));
    const before = engine.memoryBytes;
    const metrics = await engine.advance(300);
    assert.equal(engine.memoryBytes, before);
    assert.ok(metrics.every(({ values }) => values.every(Number.isFinite)));
  });

  it('refuses a state of another recipe', async () => {
    const engine = await nodeWasmEngine(tinyInput('labels-only'));
    const other = await nodeWasmEngine(tinyInput('notebook'));
    await assert.rejects(other.importState(await engine.exportState()), { name: 'InvalidCheckpoint' });
  });
});

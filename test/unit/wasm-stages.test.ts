/** The wasm engine on a recipe in stages, with every part that learning from few labels needs. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NamedTensor } from '../../src/worker/model/parameters.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { planTrainStages } from '../../src/worker/engine/wasm/train-programs.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { exactZerosOf } from '../support/exact-zeros.js';
import { allLabelledInput, FEW_FIRST_STEPS, FEW_SHAPES, fewInput, fewState } from '../support/few-recipe.js';
import { expectClose, expectIdentical } from '../worker/support/compare.js';
import { hashed, tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';
import { spawnNodeThread } from './support/wasm-threads.js';

type Values = Float32Array<ArrayBuffer>;

const STAGES = FEW_FIRST_STEPS.map((_, stage) => stage);
const tolerance = (name: string): number => (name.startsWith('gradient') ? 1e-4 : 2e-5);

function exact(input: EngineInput): Engine {
  return createInterpreter(input, { precision: 'float64', trainOptions: TRAIN_OPTIONS });
}

function named(values: Values): ReadonlyMap<string, NamedTensor> {
  return new Map([['values', { shape: [values.length], values }]]);
}

/** Everything that a step computes is as the plan says. */
async function expectSameStep(engine: Engine, reference: Engine, { recipe }: EngineInput): Promise<void> {
  const expected = await reference.inspectStep();
  expectClose(await engine.inspectStep(), expected, tolerance, exactZerosOf(recipe));
}

describe('the wasm engine on a recipe in stages', () => {
  for (const data of FEW_SHAPES) {
    for (const stage of STAGES) {
      for (const simd of ['plain', 'relaxed'] as const) {
        it(`computes what the plan says for ${data.imageShape.join(' x ')}, stage ${stage}, ${simd} SIMD`, async () => {
          const input = fewInput(data);
          const reference = exact(input);
          const engine = await nodeWasmEngine(input, { simd });
          const state = fewState(input, stage);
          await reference.importState(state);
          await engine.importState(state);
          await expectSameStep(engine, reference, input);
          const [actual] = await engine.advance(1);
          const [expected] = await reference.advance(1);
          assert.equal(actual!.step, expected!.step);
          expectClose(named(actual!.values), named(expected!.values), () => 2e-5);
          expectClose(
            (await engine.exportState()).tensors,
            (await reference.exportState()).tensors,
            () => 1e-4,
            (name) => name.startsWith('adam/') && exactZerosOf(input.recipe)(name),
          );
          engine.dispose();
        });
      }
    }
  }

  for (const [recipe, batch, divisor] of [
    ['few-labels', 21, 4],
    ['few-labels-no-gan', 16, 8],
    ['labels-only-augmented', 24, 8],
  ] as const) {
    it(`computes every stage of ${recipe} as the plan says, in batches of ${batch}`, async () => {
      const input = tinyInput(recipe, { batch, steps: 20 }, divisor);
      const [engine, reference] = [await nodeWasmEngine(input), exact(input)];
      let first = 0;
      for (const { steps } of input.recipe.stages) {
        const { tensors } = await reference.exportState();
        await reference.importState({ step: first, tensors });
        await engine.importState({ step: first, tensors });
        await expectSameStep(engine, reference, input);
        await reference.advance(1);
        first += steps;
      }
      engine.dispose();
    });
  }

  it('goes from stage to stage, each with its own scalars and metrics', async () => {
    const input = fewInput();
    const [engine, reference] = [await nodeWasmEngine(input), exact(input)];
    for (let step = 0; step < 9; step++) {
      const [actual] = await engine.advance(1);
      const [expected] = await reference.advance(1);
      expectClose(named(actual!.values), named(expected!.values), () => 1e-2);
    }
    engine.dispose();
  });

  it('gives the same bits on 1, 2 and 4 threads in every stage', async () => {
    for (const simd of ['plain', 'relaxed'] as const) {
      const input = fewInput();
      const runs = [];
      for (const threads of [1, 2, 4]) {
        const engine = await nodeWasmEngine(input, { simd, isShared: true, threads, spawn: spawnNodeThread });
        try {
          assert.equal(engine.threads, threads);
          for (const stage of STAGES) {
            await engine.importState(fewState(input, stage));
            await engine.advance(2);
            runs.push((await engine.exportState()).tensors);
          }
        } finally {
          engine.dispose();
        }
      }
      for (const [index, tensors] of runs.entries()) expectIdentical(tensors, runs[index % STAGES.length]!);
    }
  });

  it('gives the same bits on 1 and 3 threads with all channels, whose products are transformed', async () => {
    const input = tinyInput('few-labels', {}, 1);
    const states = [];
    for (const threads of [1, 3]) {
      const engine = await nodeWasmEngine(input, { isShared: true, threads, spawn: spawnNodeThread });
      try {
        await engine.advance(2);
        states.push((await engine.exportState()).tensors);
      } finally {
        engine.dispose();
      }
    }
    expectIdentical(states[1]!, states[0]!);
  });

  it('draws each landmark as often where every image is labelled', async () => {
    const input = allLabelledInput();
    const [engine, reference] = [await nodeWasmEngine(input), exact(input)];
    const state = fewState(input, 1);
    await reference.importState(state);
    await engine.importState(state);
    await expectSameStep(engine, reference, input);
    engine.dispose();
  });

  it('plans stages of the same phases once', () => {
    const stages = planTrainStages(fewInput().recipe, TRAIN_OPTIONS);
    assert.equal(new Set(stages.slice(1, 3)).size, 1);
    assert.equal(new Set(stages).size, 3);
  });

  it('is not changed by what other programs leave in the memory that all share', async () => {
    const input = fewInput();
    const [plain, lookedAt] = [await nodeWasmEngine(input), await nodeWasmEngine(input)];
    await plain.advance(9);
    for (let step = 0; step < 9; step++) {
      await lookedAt.inspectStep();
      await lookedAt.countCorrect(0, 10);
      await lookedAt.generate(new Float32Array(6 * 3).fill(9), 3);
      await lookedAt.features(new Float32Array(96 * 3).fill(1e9), 3, 'average');
      await lookedAt.classify(new Float32Array(96 * 3).fill(NaN), 3);
      await lookedAt.advance(1);
    }
    expectIdentical((await lookedAt.exportState()).tensors, (await plain.exportState()).tensors);
  });

  it('gives the features of landmarks, classifies, counts and generates as the plan says', async () => {
    const input = fewInput(FEW_SHAPES[1]);
    const [engine, reference] = [await nodeWasmEngine(input), exact(input)];
    const state = fewState(input, 3);
    await engine.importState(state);
    await reference.importState(state);
    const count = 101;
    const images = Float32Array.from({ length: count * 8 * 12 * 3 }, (_, index) => hashed(index, 3));
    const latents = Float32Array.from({ length: count * 6 }, (_, index) => hashed(index, 4));
    for (const parameters of ['current', 'average'] as const) {
      expectClose(
        named(await engine.features(images, count, parameters)),
        named(await reference.features(images, count, parameters)),
        () => 1e-5,
      );
    }
    expectClose(
      named(await engine.classify(images, count)),
      named(await reference.classify(images, count)),
      () => 1e-5,
    );
    expectClose(
      named(await engine.generate(latents, count)),
      named(await reference.generate(latents, count)),
      () => 1e-5,
    );
    assert.equal(await engine.countCorrect(0, 10), await reference.countCorrect(0, 10));
    engine.dispose();
  });
});

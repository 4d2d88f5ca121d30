import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { METRIC_NAMES } from '../../src/protocol/reports.js';
import { RECIPE_NAMES, type RecipeName } from '../../src/recipe/recipes.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { interpret } from '../../src/worker/engine/plan/interpreter/interpreter.js';
import { ParameterStore, type Values } from '../../src/worker/engine/plan/interpreter/store.js';
import { gradientOf } from '../../src/worker/engine/plan/interpreter/update.js';
import { DEFAULT_TRAIN_OPTIONS, planTrainStep } from '../../src/worker/engine/plan/plan.js';
import type { TrainOptions } from '../../src/worker/engine/plan/lower/train-options.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { expectClose, norm } from '../worker/support/compare.js';
import { hashed, tinyInput } from '../worker/support/tiny.js';

/** How far a parameter is moved to either side. */
const STEP = 1e-6;

/** The state after a few steps, where no bias, scale or moment is still at its first value. */
async function trained(
  input: EngineInput,
  steps: number,
  trainOptions = DEFAULT_TRAIN_OPTIONS,
): Promise<Engine> {
  const engine = createInterpreter(input, { precision: 'float32', trainOptions });
  await engine.advance(steps);
  return engine;
}

/** A bias before a norm, whose gradient is rounding noise. */
function isNoise(name: string): boolean {
  return /(deconv[123]|conv[23])\/bias$/.test(name);
}

function toleranceOf(name: string): number {
  return name.includes('gradient/') ? 1e-3 : 1e-4;
}

describe('the plan of a recipe', () => {
  for (const name of RECIPE_NAMES) {
    for (const isJoined of [true, false]) {
      it(`computes for ${name} what tfjs computes, ${isJoined ? 'joined' : 'plainest'}`, async () => {
        const input = tinyInput(name);
        const own = await trained(input, 2, {
          ...DEFAULT_TRAIN_OPTIONS,
          storesNormalised: isJoined,
          joinsBiases: isJoined,
        });
        const reference = await createTfjsEngine('cpu', input);
        await reference.importState(await own.exportState());
        const expected = await reference.inspectStep();
        const actual = await own.inspectStep();
        // What the fused operations never store, tests cannot see.
        const shared = new Map([...expected].filter(([key]) => actual.has(key)));
        const gradients = [...expected.keys()].filter((key) => key.startsWith('gradient/'));
        assert.deepEqual(
          gradients.filter((key) => !actual.has(key)),
          [],
        );
        assert.ok(gradients.length > 0);
        expectClose(actual, shared, toleranceOf, isNoise);
        const images = input.dataset.test.images.subarray(0, 5 * 784);
        const pixels = Float32Array.from(images, (byte) => byte / 127.5 - 1);
        const logits = await own.classify(pixels, 5);
        const expectedLogits = await reference.classify(pixels, 5);
        expectClose(
          new Map([['logits', { shape: [5, 11], values: logits }]]),
          new Map([['logits', { shape: [5, 11], values: expectedLogits }]]),
          () => 1e-4,
        );
        assert.equal(await own.countCorrect(3, 90), await reference.countCorrect(3, 90));
        if (input.recipe.generator !== null) {
          const latents = Float32Array.from({ length: 300 }, (_, i) => hashed(i, 5));
          expectClose(
            new Map([['images', { shape: [3], values: await own.generate(latents, 3) }]]),
            new Map([['images', { shape: [3], values: await reference.generate(latents, 3) }]]),
            () => 1e-4,
          );
        }
        reference.dispose();
      });
    }

    it(`follows tfjs on ${name} over 3 steps`, async () => {
      const input = tinyInput(name);
      const own = createInterpreter(input, { precision: 'float32' });
      const reference = await createTfjsEngine('cpu', input);
      const actual = await own.advance(3);
      const expected = [...(await reference.advance(3)), ...(await reference.flush())];
      actual.forEach(({ values, step }, i) => {
        assert.equal(step, expected[i]!.step);
        values.forEach((value, metric) => {
          const other = expected[i]!.values[metric]!;
          if (Number.isNaN(other)) assert.ok(Number.isNaN(value));
          else
            assert.ok(
              Math.abs(value - other) <= 1e-3 * Math.max(1, Math.abs(other)),
              `${value} against ${other}`,
            );
        });
      });
      reference.dispose();
    });

    for (const isJoined of [true, false]) {
      it(`has the gradients of ${name} that finite differences give, ${isJoined ? 'joined' : 'plainest'}`, () =>
        checkByDifferences(name, {
          ...DEFAULT_TRAIN_OPTIONS,
          storesNormalised: isJoined,
          joinsBiases: isJoined,
        }));
    }
  }
});

/**
 * In float64 and with steps too short to meet a kink: the central difference of the loss of each
 * trained parameter's own update, along its gradient and something that has nothing to do with it.
 */
async function checkByDifferences(name: RecipeName, options: TrainOptions): Promise<void> {
  const input = tinyInput(name, {}, 16);
  const { recipe, settings, dataset, split } = input;
  const { tensors, step } = await (await trained(input, 1)).exportState();
  const { program, layout } = planTrainStep(recipe, settings, options);
  const source = { dataset, split, seed: settings.seed, step, firstTestImage: 0 };
  const lossesAt = (parameters: ParameterStore): Values => {
    const run = interpret(program, layout, parameters);
    run.run(source, 'update');
    return run.read(program.outputs[0]!);
  };
  const update = program.operations.find((operation) => operation.kind === 'update')!;
  const whole = interpret(program, layout, new ParameterStore(tensors, 'float64'));
  whole.run(source, 'update');
  let checked = 0;
  for (const entry of update.entries) {
    const gradient = gradientOf(whole.tensors, entry);
    const loss = entry.parameter.startsWith('generator') ? 'generatorLoss' : 'discriminatorLoss';
    const scale = Math.max(norm(gradient), 1e-3);
    const direction = gradient.map((g, i) => g / scale + (0.5 * hashed(i, 9)) / Math.sqrt(gradient.length));
    const along = (by: number): number => {
      const moved = new ParameterStore(tensors, 'float64');
      const values = moved.get(entry.parameter);
      direction.forEach((d, i) => (values[i]! += by * d));
      return lossesAt(moved)[METRIC_NAMES.indexOf(loss)]!;
    };
    const measured = (along(STEP) - along(-STEP)) / (2 * STEP);
    const claimed = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
    assert.ok(
      Math.abs(measured - claimed) <= 1e-5 * scale + 1e-7,
      `${entry.parameter}: ${measured} by differences, ${claimed} claimed`,
    );
    checked++;
  }
  assert.ok(checked > 0);
}

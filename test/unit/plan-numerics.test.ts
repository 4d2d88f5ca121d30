import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { metricNames } from '../../src/recipe/metrics.js';
import { inStage, type Recipe } from '../../src/recipe/recipe.js';
import { NOTEBOOK_RECIPES } from '../support/notebook-recipes.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { interpret } from '../../src/worker/engine/plan/interpreter/interpreter.js';
import { ParameterStore, type Values } from '../../src/worker/engine/plan/interpreter/store.js';
import { gradientOf } from '../../src/worker/engine/plan/interpreter/update.js';
import { DEFAULT_TRAIN_OPTIONS, planTrainStep } from '../../src/worker/engine/plan/plan.js';
import type { TrainOptions } from '../../src/worker/engine/plan/lower/train-options.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { exactZerosOf } from '../support/exact-zeros.js';
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

/** Layers whose values a plan stores as they are, whatever else it is told to store. */
const ALWAYS_SHOWN: Readonly<Record<string, readonly string[]>> = {
  discriminator: ['input', 'leaky1', 'leaky4', 'features', 'logits'],
  generator: ['input', 'tanh'],
};
/** Those that a plan stores which is told to store what norms give. */
const SHOWN_WHEN_JOINED: Readonly<Record<string, readonly string[]>> = {
  discriminator: ['leaky2', 'dropout3'],
  generator: ['relu1', 'relu2', 'relu3'],
};

/** Names of all that the plan of a recipe with one phase shows of its layers, sorted. */
function shownBy({ name, stages }: Recipe, isJoined: boolean): readonly string[] {
  return stages[0]!.phases[0]!.passes.flatMap((pass) => {
    // A dropout of nothing gives what it takes.
    const dropsNothing = name === 'notebook-as-run' && pass.network === 'discriminator';
    const layers = [
      ...ALWAYS_SHOWN[pass.network]!,
      ...(isJoined ? SHOWN_WHEN_JOINED[pass.network]! : []),
      ...(isJoined && dropsNothing ? ['leaky3'] : []),
    ];
    return layers.map((layer) => `${pass.name}/${layer}`);
  }).sort();
}

function toleranceOf(name: string): number {
  return name.includes('gradient/') ? 1e-3 : 1e-4;
}

describe('the plan of a recipe', () => {
  for (const name of NOTEBOOK_RECIPES) {
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
        const { passes } = input.recipe.stages[0]!.phases[0]!;
        const isOfLayer = (key: string): boolean => passes.some((pass) => key.startsWith(`${pass.name}/`));
        assert.deepEqual([...actual.keys()].filter(isOfLayer).sort(), shownBy(input.recipe, isJoined));
        assert.deepEqual(
          [...expected.keys()].filter((key) => !isOfLayer(key) && !actual.has(key)),
          [],
        );
        assert.ok([...expected.keys()].some((key) => key.startsWith('gradient/')));
        // What the fused operations never store, tests cannot see.
        const shared = new Map([...expected].filter(([key]) => actual.has(key)));
        expectClose(actual, shared, toleranceOf, exactZerosOf(input.recipe));
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
      assert.equal(actual.length, 3);
      actual.forEach(({ values, step }, i) => {
        assert.equal(values.length, metricNames(input.recipe.stages[0]!).length);
        assert.equal(expected[i]!.values.length, values.length);
        assert.equal(step, expected[i]!.step);
        values.forEach((value, metric) => {
          const other = expected[i]!.values[metric]!;
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
  const { program, layout } = planTrainStep(inStage(recipe, 0), options);
  const source = { dataset, split, seed: settings.seed, step, origin: 0, firstTestImage: 0 };
  const updateAt = program.operations.findIndex(({ kind }) => kind === 'update');
  const update = program.operations[updateAt]!;
  assert.equal(update.kind, 'update');
  const lossesAt = (parameters: ParameterStore): Values => {
    const run = interpret(program, layout, parameters);
    run.run(source, 0, updateAt);
    return run.read(program.outputs[0]!);
  };
  const whole = interpret(program, layout, new ParameterStore(tensors, 'float64'));
  whole.run(source, 0, updateAt);
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
      return lossesAt(moved)[metricNames(recipe.stages[0]!).indexOf(loss)]!;
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

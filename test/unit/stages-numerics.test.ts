import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { metricNames } from '../../src/recipe/metrics.js';
import { inStage } from '../../src/recipe/recipe.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { interpret } from '../../src/worker/engine/plan/interpreter/interpreter.js';
import { ParameterStore, type Values } from '../../src/worker/engine/plan/interpreter/store.js';
import { gradientOf } from '../../src/worker/engine/plan/interpreter/update.js';
import { DEFAULT_TRAIN_OPTIONS, planTrainStep } from '../../src/worker/engine/plan/plan.js';
import { initialTensors, TARGET_STORE } from '../../src/worker/model/parameters.js';
import { norm } from '../worker/support/compare.js';
import { hash, hashed, tinyInput } from '../worker/support/tiny.js';

/** Every kind of stage is among these; the others of the family leave parts of them out. */
const CHECKED: readonly RecipeName[] = ['few-labels', 'labels-only-augmented'];

/** How far a parameter is moved to either side. */
const STEP = 1e-6;

/** First values with noise on everything, so that no scale is 1 and no bias 0, and some stored targets. */
function noisyTensors(input: ReturnType<typeof tinyInput>) {
  const tensors = initialTensors(input.recipe, 3);
  let salt = 0;
  for (const [name, { values }] of tensors) {
    salt++;
    if (name.startsWith('adam/')) continue;
    if (name === TARGET_STORE) {
      // Two of three images have a target, shared by two classes.
      values.forEach((_, i) => {
        const [row, column] = [Math.floor(i / 10), i % 10];
        if (row % 3 !== 0) values[i] = column === hash(row) % 10 ? 0.75 : column === row % 10 ? 0.25 : 0;
      });
    } else values.forEach((value, i) => (values[i] = value + 0.02 * hashed(i, salt)));
  }
  return tensors;
}

/**
 * In float64: the central difference of each update's loss along the gradient of each of its parameters and
 * something that has nothing to do with it. With rates of 0, so that a phase sees what the one before saw.
 */
function checkStage(name: RecipeName, stageIndex: number): number {
  const input = tinyInput(name, { discriminatorLr: 0, generatorLr: 0, batch: 8, steps: 40 }, 8);
  const recipe = inStage(input.recipe, stageIndex);
  const tensors = noisyTensors(input);
  const { program, layout } = planTrainStep(recipe, DEFAULT_TRAIN_OPTIONS);
  const { dataset, split, settings } = input;
  const source = { dataset, split, seed: settings.seed, step: 5, origin: 0, firstTestImage: 0 };
  const names = metricNames(recipe);
  const lossesAt = (parameters: ParameterStore): Values => {
    const run = interpret(program, layout, parameters);
    run.run(source);
    return run.read(program.outputs[0]!);
  };
  let checked = 0;
  program.operations.forEach((operation, index) => {
    if (operation.kind !== 'update') return;
    const whole = interpret(program, layout, new ParameterStore(tensors, 'float64'));
    whole.run(source, 0, index);
    for (const entry of operation.entries) {
      const gradient = gradientOf(whole.tensors, entry);
      const network = operation.optimisers[entry.optimiser]!.name;
      const { loss } = recipe.phases[operation.phase]!.updates.find(({ networks }) =>
        networks.includes(network),
      )!;
      const scale = Math.max(norm(gradient), 1e-3);
      const direction = gradient.map((g, i) => g / scale + (0.5 * hashed(i, 9)) / Math.sqrt(gradient.length));
      const along = (by: number): number => {
        const moved = new ParameterStore(tensors, 'float64');
        const values = moved.get(entry.parameter);
        direction.forEach((d, i) => (values[i]! += by * d));
        return lossesAt(moved)[names.indexOf(loss)]!;
      };
      const measured = (along(STEP) - along(-STEP)) / (2 * STEP);
      const claimed = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
      assert.ok(
        Math.abs(measured - claimed) <= 1e-5 * scale + 1e-7,
        `${name} ${stageIndex} ${entry.parameter}: ${measured} by differences, ${claimed} claimed`,
      );
      checked++;
    }
  });
  return checked;
}

describe('the plan of each stage of a recipe', () => {
  for (const name of CHECKED) {
    const { stages } = tinyInput(name).recipe;
    const distinct = [...new Set(stages.map(({ phases }) => phases))];
    for (const phases of distinct) {
      const index = stages.findIndex((stage) => stage.phases === phases);
      it(`has the gradients of ${name}, stage ${index}, that finite differences give`, () => {
        assert.ok(checkStage(name, index) > 0);
      });
    }
  }
});

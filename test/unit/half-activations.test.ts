/** Which tensors of a plan may be float16, what that saves, and what the interpreter then rounds. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { inStage, type Recipe } from '../../src/recipe/recipe.js';
import { RECIPE_NAMES, type RecipeName } from '../../src/recipe/recipes.js';
import { accessesOf } from '../../src/worker/engine/plan/accesses.js';
import { fromHalf, roundToHalf, toHalf } from '../../src/worker/engine/plan/half-floats.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import type { Program } from '../../src/worker/engine/plan/operations.js';
import {
  asStored,
  planClassify,
  planEvaluate,
  planGenerate,
  planProgram,
  planTrainStep,
  type PlannedProgram,
} from '../../src/worker/engine/plan/plan.js';
import { tinyDataset, tinyInput } from '../worker/support/tiny.js';

function recipeNamed(recipe: RecipeName): Recipe {
  return buildRecipe(resolveSettings({ recipe, labels: 60 }), tinyDataset, { channelDivisor: 8 });
}

/** Every train step of a recipe, and what else is made of it. */
function programsOf(recipe: Recipe): readonly PlannedProgram[] {
  return [
    ...recipe.stages.map((_, stage) => planTrainStep(inStage(recipe, stage))),
    planEvaluate(recipe, 7),
    planClassify(recipe, 3),
    ...(recipe.generator === null ? [] : [planGenerate(recipe, 5)]),
  ];
}

function halvesOf({ tensors }: Program): readonly string[] {
  return tensors.filter(({ type }) => type === 'f16').map(({ name }) => name);
}

function activationBytes({ layout }: PlannedProgram): number {
  return layout.buffers
    .filter(({ storage }) => storage === 'activation')
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

describe('a half', () => {
  it('is the nearest that there is, the even one of two, infinite from 65,520 on', () => {
    const cases = [
      [1, 1],
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [-(1 + 2 ** -11 + 2 ** -20), -(1 + 2 ** -10)],
      [2 ** -24, 2 ** -24],
      [2 ** -25, 0],
      [65_519, 65_504],
      [65_520, Infinity],
      [-1e9, -Infinity],
    ] as const;
    for (const [value, expected] of cases) assert.equal(roundToHalf(value), expected, String(value));
    assert.ok(Number.isNaN(roundToHalf(NaN)));
  });

  it('comes back from its bits, every one of them', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromHalf(bits);
      if (!Number.isNaN(value)) assert.equal(toHalf(value), bits);
    }
  });
});

describe('activations as float16', () => {
  for (const name of RECIPE_NAMES) {
    it(`are what ${name} hands from layer to layer, and nothing that losses, updates or the host touch`, () => {
      for (const planned of programsOf(recipeNamed(name))) {
        const { program } = asStored(planned, true);
        const halves = new Set(program.tensors.flatMap(({ id, type }) => (type === 'f16' ? [id] : [])));
        assert.ok(halves.size > 0, program.name);
        for (const id of halves) {
          const { storage, name: tensor } = program.tensors[id]!;
          assert.equal(storage, 'activation', tensor);
          assert.doesNotMatch(tensor, /gradient/);
          assert.ok(!program.inputs.includes(id) && !program.outputs.includes(id), tensor);
        }
        for (const operation of program.operations) {
          const { reads, writes } = accessesOf(operation);
          if (
            !['loss', 'contrastive', 'contrastiveGradient', 'update', 'countCorrect'].includes(operation.kind)
          )
            continue;
          for (const id of [...reads, ...writes]) assert.ok(!halves.has(id), operation.name);
        }
      }
    });
  }

  it('are drawn images, generated ones and every layer of the notebook but those that losses read', () => {
    const recipe = recipeNamed('notebook');
    const { program } = asStored(planTrainStep(inStage(recipe, 0)), true);
    const forward = program.tensors.filter(
      ({ name, storage }) => storage === 'activation' && !name.includes('gradient'),
    );
    const left = forward.filter(({ type }) => type !== 'f16').map(({ name }) => name);
    assert.deepEqual(left, ['discriminator/conv4', 'discriminator/logits']);
    assert.ok(halvesOf(program).includes('discriminator input'));
    // Generated for the host they stay as it reads them.
    const drawn = asStored(planGenerate(recipe, 5), true).program;
    assert.equal(drawn.tensors[drawn.outputs[0]!]!.type, 'f32');
  });

  it('take half the room, apart from what stays float32', () => {
    const planned = planEvaluate(recipeNamed('notebook'), 100);
    const halved = asStored(planned, true);
    assert.ok(activationBytes(halved) < 0.55 * activationBytes(planned));
    assert.equal(asStored(planned, false), planned);
    const step = planTrainStep(inStage(recipeNamed('few-labels'), 2));
    assert.ok(activationBytes(asStored(step, true)) < 0.9 * activationBytes(step));
  });

  it('are refused where someone who touches them cannot take them so', () => {
    const { program } = planTrainStep(inStage(recipeNamed('notebook'), 0));
    for (const name of ['discriminator/logits', 'discriminator/conv2 gradient']) {
      const tensors = program.tensors.map((tensor) =>
        tensor.name === name ? { ...tensor, type: 'f16' as const } : tensor,
      );
      assert.notDeepEqual(tensors, program.tensors);
      assert.throws(() => planProgram({ ...program, tensors }), new RegExp(`"${name}" is float16, but`));
    }
  });

  it('change a step by what is rounded, and little', async () => {
    const input = tinyInput('notebook', {}, 16);
    const steps = [false, true].map((float16) =>
      createInterpreter(input, { precision: 'float32', float16 }).inspectStep(),
    );
    const [plain, halved] = await Promise.all(steps);
    for (const [name, { shape, values }] of plain!) {
      if (shape.length > 0) continue;
      const { values: rounded } = halved!.get(name)!;
      assert.ok(Math.abs(rounded[0]! - values[0]!) <= 1e-2 * Math.max(1, Math.abs(values[0]!)), name);
    }
    const images = halved!.get('unlabelled/input')!.values;
    assert.ok(images.every((value) => value === roundToHalf(value)));
    assert.ok(plain!.get('unlabelled/input')!.values.some((value) => value !== roundToHalf(value)));
  });
});

/**
 * Every operation of the recipes' programs by itself: the device against the plan's interpreter, from the
 * same values. test/worker/webgpu-kernels.test.ts has shapes that no recipe has, against tfjs.
 */

import { inStage } from '../../../src/recipe/recipe.js';
import { expect } from '@open-wc/testing';
import {
  planClassify,
  planEvaluate,
  planGenerate,
  planTrainStep,
} from '../../../src/worker/engine/plan/plan.js';
import { FEW_SHAPES, fewInput, fewState } from '../../support/few-recipe.js';
import { checkOneByOne, expectAgreement } from '../../worker/support/one-by-one-checks.js';
import { runOneByOne, stirred, withDevice } from '../../worker/support/one-by-one.js';
import { GPU_TILES, nameOf, SOFTWARE_TILES } from '../../worker/support/tiles.js';
import { hashed, tinyInput } from '../../worker/support/tiny.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('an operation of a recipe on the webgpu engine', () => {
  for (const [recipe, batch, channelDivisor, step, choices] of [
    // Full width takes half a minute with some tiles; webgpu-operations.test.ts has them all.
    ['notebook', 10, 1, 0, [SOFTWARE_TILES]],
    ['notebook-as-run', 11, 8, 3, [GPU_TILES]],
    ['notebook-feature-matching', 13, 3, 300, [SOFTWARE_TILES, GPU_TILES]],
    ['labels-only', 10, 8, 1, [SOFTWARE_TILES]],
  ] as const) {
    for (const tiles of choices) {
      const title = `${recipe}, batch ${batch}, channels divided by ${channelDivisor}, tiles ${nameOf(tiles)}`;
      it(`computes what it means: ${title}`, () =>
        checkOneByOne(tinyInput(recipe, { batch, seed: 2 ** 40 + 5 }, channelDivisor), tiles, step));
    }
  }

  for (const data of FEW_SHAPES.slice(0, 2)) {
    for (const tiles of [SOFTWARE_TILES, GPU_TILES]) {
      for (const stage of [0, 1, 3]) {
        it(`computes what it means: stage ${stage}, ${data.imageShape.join(' x ')}, tiles ${nameOf(tiles)}`, async () => {
          const input = fewInput(data);
          const { step, tensors } = fewState(input, stage);
          await checkOneByOne(input, tiles, step + 1, tensors);
        });
      }
    }
  }

  it('would be found out by an error of a thousandth, and by a wrong draw', async () => {
    const input = tinyInput('labels-only');
    const planned = planTrainStep(inStage(input.recipe, 0));
    const tiles = SOFTWARE_TILES;
    const all = await withDevice((device) =>
      runOneByOne(device, input, planned, { tiles, state: stirred(input) }),
    );
    expectAgreement(all, input.recipe);
    all.forEach((written, index) => {
      const isExact = written.type === 'u32' || written.operation.kind === 'draw';
      const actual = written.actual.map((value) => (isExact ? value + 1 : value * 1.001 + 1e-5));
      expect(() => expectAgreement(all.with(index, { ...written, actual }), input.recipe)).to.throw(
        written.tensor,
      );
    });
  });

  it('computes what it means in evaluation, classification and generation', async () => {
    const input = tinyInput('notebook', {}, 3);
    const { recipe } = input;
    const trainStep = planTrainStep(inStage(recipe, 0));
    for (const planned of [planEvaluate(recipe, 13), planClassify(recipe, 3), planGenerate(recipe, 5)]) {
      const inputs = new Map(
        planned.program.inputs.map((id) => {
          const count = planned.program.tensors[id]!.shape.reduce((product, length) => product * length, 1);
          return [id, Float32Array.from({ length: count }, (_, i) => hashed(i, id))] as const;
        }),
      );
      const all = await withDevice((device) =>
        runOneByOne(device, input, planned, {
          tiles: SOFTWARE_TILES,
          state: stirred(input),
          inputs,
          trainStep,
          firstTestImage: 95,
        }),
      );
      expectAgreement(all, input.recipe);
    }
  });
});

/** The webgpu engine whose threads add up by subgroups: operations of other recipes, tiles for GPUs, whole steps. */

import { expect } from '@open-wc/testing';
import type { Engine } from '../../../src/worker/engine/engine.js';
import { createInterpreter } from '../../../src/worker/engine/plan/interpreter/engine.js';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { FEW_SHAPES, fewInput, fewState } from '../../support/few-recipe.js';
import { expectClose, expectIdentical } from '../../worker/support/compare.js';
import { checkOneByOne } from '../../worker/support/one-by-one-checks.js';
import { GPU_TILES, SOFTWARE_TILES } from '../../worker/support/tiles.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { withFeature, describeFeature, withWebGpu } from '../../worker/support/webgpu.js';

describeFeature('subgroups', 'the webgpu engine with sums by subgroups', () => {
  for (const stage of [0, 1, 3]) {
    it(`computes each operation of stage ${stage} with tiles for GPUs`, async () => {
      const input = fewInput(FEW_SHAPES[0]);
      const { step, tensors } = fewState(input, stage);
      await checkOneByOne(input, GPU_TILES, step + 1, tensors, { reduction: 'subgroups' });
    });
  }

  for (const tiles of [SOFTWARE_TILES, GPU_TILES]) {
    it(`computes each operation of a recipe with batch norm, ${tiles === GPU_TILES ? 'tiles for GPUs' : 'one tile'}`, () =>
      checkOneByOne(tinyInput('notebook', { batch: 11 }, 16), tiles, 1, undefined, {
        reduction: 'subgroups',
      }));
  }

  it('makes the steps of the interpreter, says how, and gives the same bits again', async () => {
    const input = withFeature(tinyInput('notebook', {}, 8), 'subgroups');
    const stateOf = async (
      engine: Engine,
    ): Promise<Awaited<ReturnType<Engine['exportState']>>['tensors']> => {
      expect(engine.info.features).to.deep.equal(['subgroups']);
      await engine.advance(2);
      expect(await engine.countCorrect(0, 50)).to.be.within(0, 50);
      return (await engine.exportState()).tensors;
    };
    const first = await withWebGpu(input, async (engine) => {
      const reference = createInterpreter(input, { precision: 'float64' });
      const isNoise = exactZerosOf(input.recipe);
      expectClose(await engine.inspectStep(), await reference.inspectStep(), () => 1e-4, isNoise);
      return stateOf(engine);
    });
    expectIdentical(await withWebGpu(input, stateOf), first);
  });
});

/** The webgpu engine on a recipe in stages, with every part that learning from few labels needs, beside the interpreter. */

import { expect } from '@open-wc/testing';
import { countCalls, type CallCounter } from '../../src/worker/benchmark/count-calls.js';
import { metricNames } from '../../src/recipe/metrics.js';
import { inStage } from '../../src/recipe/recipe.js';
import type { EngineInput } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import type { NamedTensor } from '../../src/worker/model/parameters.js';
import { exactZerosOf } from '../support/exact-zeros.js';
import { allLabelledInput, FEW_FIRST_STEPS, FEW_SHAPES, fewInput, fewState } from '../support/few-recipe.js';
import { expectClose, expectIdentical } from './support/compare.js';
import { checkOneByOne } from './support/one-by-one-checks.js';
import { GPU_TILES, SOFTWARE_TILES } from './support/tiles.js';
import { hashed } from './support/tiny.js';
import { describeWebGpu, withWebGpu } from './support/webgpu.js';

type Values = Float32Array<ArrayBuffer>;

/** Stages with a program of their own. */
const STAGES = [0, 1, 3] as const;

const [UPRIGHT, LEVEL] = FEW_SHAPES as [(typeof FEW_SHAPES)[0], (typeof FEW_SHAPES)[0]];

function named(values: Values): ReadonlyMap<string, NamedTensor> {
  return new Map([['values', { shape: [values.length], values }]]);
}

function exact(input: EngineInput): ReturnType<typeof createInterpreter> {
  return createInterpreter(input, { precision: 'float64' });
}

describeWebGpu('the webgpu engine on a recipe in stages', () => {
  // test/long has every stage with all tiles.
  for (const [data, tiles, stages] of [
    [UPRIGHT, SOFTWARE_TILES, [3]],
    [LEVEL, GPU_TILES, [0]],
  ] as const) {
    for (const stage of stages) {
      it(`computes each operation of stage ${stage} for ${data.imageShape.join(' x ')}`, async () => {
        const input = fewInput(data);
        const { step, tensors } = fewState(input, stage);
        await checkOneByOne(input, tiles, step + 1, tensors);
      });
    }
  }

  it('makes the steps of every stage, and gives features and states', async () => {
    const input = fewInput(LEVEL);
    const isNoise = exactZerosOf(input.recipe);
    const reference = exact(input);
    await withWebGpu(input, async (engine) => {
      for (const stage of FEW_FIRST_STEPS.keys()) {
        const state = fewState(input, stage);
        await reference.importState(state);
        await engine.importState(state);
        expectClose(await engine.inspectStep(), await reference.inspectStep(), () => 1e-4, isNoise);
        const [actual] = [...(await engine.advance(1)), ...(await engine.flush())];
        const [expected] = await reference.advance(1);
        expect(actual!.step).to.equal(expected!.step);
        expect(actual!.values.length).to.equal(metricNames(inStage(input.recipe, stage)).length);
        expectClose(named(actual!.values), named(expected!.values), () => 2e-5);
        const tolerance = (): number => 1e-4;
        const isLeftOut = (name: string): boolean => name.startsWith('adam/') && isNoise(name);
        const moved = (await reference.exportState()).tensors;
        expectClose((await engine.exportState()).tensors, moved, tolerance, isLeftOut);
      }
      const { imageShape } = input.dataset;
      const size = imageShape[0] * imageShape[1] * imageShape[2];
      const images = Float32Array.from({ length: 7 * size }, (_, i) => hashed(i, 9));
      await engine.importState(await reference.exportState());
      for (const parameters of ['current', 'average'] as const) {
        const found = await engine.features(images, 7, parameters);
        expectClose(named(found), named(await reference.features(images, 7, parameters)), () => 1e-4);
        // In passes, the last of them not full.
        const many = await engine.features(repeated(images, 30), 210, parameters);
        expect([...many.subarray(203 * 8)]).to.deep.equal([...found]);
      }
      const latents = Float32Array.from({ length: 4 * 6 }, (_, i) => Math.cos(i));
      expectClose(
        named(await engine.generate(latents, 4)),
        named(await reference.generate(latents, 4)),
        () => 1e-4,
      );
      expect(await engine.countCorrect(0, 10)).to.equal(await reference.countCorrect(0, 10));
    });
  });

  it('draws each landmark as often where every image is labelled', async () => {
    const input = allLabelledInput();
    const reference = exact(input);
    await withWebGpu(input, async (engine) => {
      const state = fewState(input, 1);
      await reference.importState(state);
      await engine.importState(state);
      const expected = await reference.inspectStep();
      expectClose(await engine.inspectStep(), expected, () => 1e-4, exactZerosOf(input.recipe));
    });
  });

  it('goes from stage to stage in one run, each with its own scalars and metrics', async () => {
    const input = fewInput(UPRIGHT);
    const reference = exact(input);
    await withWebGpu(input, async (engine) => {
      // Chunks end where stages do; none is waited for.
      const owed = [];
      for (const steps of [2, 1, 2, 2, 2]) owed.push(...(await engine.advance(steps)));
      const metrics = [...owed, ...(await engine.flush())];
      expect(metrics.map(({ step }) => step)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
      for (const { values } of metrics) {
        const [expected] = await reference.advance(1);
        expectClose(named(values), named(expected!.values), () => 1e-2);
      }
    });
  });

  it('uploads, allocates and compiles nothing in the steps of a stage, and gives the same bits again', async () => {
    const input = fewInput(UPRIGHT);
    let counter: CallCounter | null = null;
    await withWebGpu(
      input,
      async (engine) => {
        // The first step of a stage waits for its program, and begins to compile the next one's.
        for (const stage of STAGES) {
          await engine.importState(fewState(input, stage));
          await engine.advance(1);
        }
        for (const stage of STAGES) {
          const state = fewState(input, stage);
          await engine.importState(state);
          await engine.advance(1);
          await engine.advance(1);
          await engine.flush();
          const first = (await engine.exportState()).tensors;
          await engine.importState(state);
          counter!.reset();
          await engine.advance(2);
          await engine.flush();
          const { counts } = counter!;
          expect({ ...counts, dispatches: 0 }).to.deep.equal({
            dispatches: 0,
            submits: 1,
            uploadedBytes: 0,
            buffers: 0,
            bindGroups: 0,
            pipelines: 0,
          });
          expectIdentical((await engine.exportState()).tensors, first);
        }
      },
      {
        wrapDevice: (device) => {
          counter = countCalls(device);
          return device;
        },
      },
    );
  });
});

function repeated(values: Values, times: number): Values {
  const all = new Float32Array(values.length * times);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

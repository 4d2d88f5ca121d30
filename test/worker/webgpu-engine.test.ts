/** The fused engine against the plan's interpreter, its own promises, and its budgets. */

import { inStage } from '../../src/recipe/recipe.js';
import { expect } from '@open-wc/testing';
import { countCalls, type CallCounter, type CallCounts } from '../../src/worker/benchmark/count-calls.js';
import { RECIPE_NAMES } from '../../src/recipe/recipes.js';
import type { Engine, StepMetrics } from '../../src/worker/engine/engine.js';
import { planTrainStep } from '../../src/worker/engine/plan/plan.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { expectIdentical } from './support/compare.js';
import { tinyDataset, tinyInput } from './support/tiny.js';
import { describeWebGpu, withWebGpu } from './support/webgpu.js';
import { checkWholeSteps } from './support/whole-steps.js';

async function allMetrics(engine: Engine, steps: number): Promise<readonly StepMetrics[]> {
  return [...(await engine.advance(steps)), ...(await engine.flush())];
}

/** The most that one step may ask of the device. */
const BUDGET: CallCounts = {
  dispatches: 48,
  submits: 1,
  uploadedBytes: 0,
  buffers: 0,
  bindGroups: 0,
  pipelines: 0,
};

/** Pipelines of the notebook's step on a software adapter, which takes a tenth of a second for each. */
const MOST_PIPELINES = 24;

function expectWithinBudget(counts: CallCounts, steps: number): void {
  for (const name of Object.keys(BUDGET) as (keyof CallCounts)[]) {
    expect(counts[name], `${name} of ${steps} steps`).to.be.at.most(BUDGET[name] * steps);
  }
}

/** Asks for one thing too many, by the count that it must show in. */
const EXCESSES: Readonly<
  Record<string, readonly [keyof CallCounts, (device: GPUDevice) => void | Promise<unknown>]>
> = {
  'dispatches more': ['dispatches', (device) => dispatchOften(device, (pass) => pass.dispatchWorkgroups(1))],
  'dispatches indirectly': [
    'dispatches',
    (device) => {
      const buffer = device.createBuffer({
        size: 16,
        usage: GPUBufferUsage.INDIRECT | GPUBufferUsage.COPY_DST,
      });
      dispatchOften(device, (pass) => pass.dispatchWorkgroupsIndirect(buffer, 0));
    },
  ],
  'submits twice': ['submits', ({ queue }) => queue.submit([])],
  'uploads a word': [
    'uploadedBytes',
    (device) => {
      const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_DST });
      device.queue.writeBuffer(buffer, 0, new Uint32Array(1));
    },
  ],
  'uploads through a mapping': [
    'uploadedBytes',
    (device) =>
      device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE, mappedAtCreation: true }).unmap(),
  ],
  'makes a buffer': [
    'buffers',
    (device) => void device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE }),
  ],
  'makes a bind group': [
    'bindGroups',
    (device) =>
      void device.createBindGroup({ layout: device.createBindGroupLayout({ entries: [] }), entries: [] }),
  ],
  'makes a pipeline': ['pipelines', (device) => void device.createComputePipeline(emptyPipeline(device))],
  'makes a pipeline and waits for it': [
    'pipelines',
    (device) => device.createComputePipelineAsync(emptyPipeline(device)),
  ],
};

function emptyPipeline(device: GPUDevice): GPUComputePipelineDescriptor {
  const code = '@compute @workgroup_size(1) fn main() {}';
  return { layout: 'auto', compute: { module: device.createShaderModule({ code }) } };
}

function dispatchOften(device: GPUDevice, dispatch: (pass: GPUComputePassEncoder) => void): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(device.createComputePipeline(emptyPipeline(device)));
  for (let i = 0; i < BUDGET.dispatches; i++) dispatch(pass);
  pass.end();
  encoder.finish();
}

describeWebGpu('the webgpu engine', () => {
  // The others: webgpu-reference, and test/long.
  for (const [recipe, batch] of [
    ['labels-only', 20],
    ['notebook-repaired', 12],
  ] as const) {
    it(`computes what the plan of ${recipe} says, with batches of ${batch}`, () =>
      checkWholeSteps(recipe, batch));
  }

  it('resumes in the middle bit for bit, and says which state does not fit', async () => {
    const input = tinyInput('notebook', { seed: 7 });
    await withWebGpu(input, async (engine) => {
      await engine.advance(2);
      const middle = await engine.exportState();
      expect(middle.step).to.equal(2);
      const through = await allMetrics(engine, 3);
      const end = await engine.exportState();
      await engine.importState(middle);
      const again = await allMetrics(engine, 3);
      expect(again).to.deep.equal(through.slice(-3));
      expectIdentical((await engine.exportState()).tensors, end.tensors);
      const tensors = new Map(middle.tensors);
      tensors.delete('generator/deconv1/kernel');
      let refusal: Error | null = null;
      await engine.importState({ step: 1, tensors }).catch((error: Error) => (refusal = error));
      expect(refusal!.name).to.equal('InvalidCheckpoint');
    });
  });

  it('trains 30 steps without growing, refusing or losing a number', async () => {
    let counter: CallCounter | null = null;
    await withWebGpu(
      // The smallest networks: what is asked of the device is the same.
      tinyInput('notebook', {}, 32),
      async (engine) => {
        await allMetrics(engine, 5);
        await engine.countCorrect(0, 50);
        counter!.reset();
        const { bufferBytes, liveBuffers } = counter!;
        const metrics = [
          ...(await engine.advance(10)),
          ...(await engine.advance(20)),
          ...(await engine.flush()),
        ];
        expect(counter!.bufferBytes).to.equal(bufferBytes);
        expect(counter!.liveBuffers).to.equal(liveBuffers);
        expectWithinBudget(counter!.counts, 30);
        expect(counter!.counts.dispatches % 30).to.equal(0);
        // A chunk is one submit, however many steps it has.
        expect(counter!.counts.submits).to.equal(2);
        expect(metrics.map(({ step }) => step)).to.deep.equal(Array.from({ length: 30 }, (_, i) => i + 6));
        for (const { values } of metrics) expect(values.every(Number.isFinite)).to.equal(true);
      },
      {
        wrapDevice: (device) => {
          counter = countCalls(device);
          return device;
        },
      },
    );
  });

  it('compiles a text that layers share once', async () => {
    let counter: CallCounter | null = null;
    await withWebGpu(
      tinyInput('notebook', {}, 1),
      async (engine) => {
        const { pipelines } = counter!.counts;
        expect(pipelines).to.be.at.most(MOST_PIPELINES);
        counter!.reset();
        await allMetrics(engine, 1);
        expect(counter!.counts.dispatches).to.be.greaterThan(pipelines);
      },
      {
        wrapDevice: (device) => {
          counter = countCalls(device);
          return device;
        },
      },
    );
  });

  it('asks no more of the device in one step than the budget has, and would be caught asking', async () => {
    let counter: CallCounter | null = null;
    await withWebGpu(
      tinyInput('notebook'),
      async (engine, device) => {
        await allMetrics(engine, 1);
        const step = async (
          excess: (device: GPUDevice) => void | Promise<unknown> = () => undefined,
        ): Promise<void> => {
          counter!.reset();
          await engine.advance(1);
          await excess(device);
          await engine.flush();
        };
        for (let i = 0; i < 5; i++) {
          await step();
          expectWithinBudget(counter!.counts, 1);
        }
        for (const [title, [name, excess]] of Object.entries(EXCESSES)) {
          await step(excess);
          const seen = Object.entries(counter!.counts).filter(
            ([key, count]) => count > BUDGET[key as keyof CallCounts],
          );
          expect(
            seen.map(([key]) => key),
            title,
          ).to.include(name);
          expect(() => expectWithinBudget(counter!.counts, 1), title).to.throw();
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

describe('the plan of a step, as the webgpu engine runs it', () => {
  for (const name of RECIPE_NAMES) {
    it(`keeps to its dispatches for ${name} at full size`, () => {
      const input = tinyInput(name, { batch: 32 });
      const recipe = buildRecipe(input.settings, tinyDataset);
      for (const [stage, { key }] of recipe.stages.entries()) {
        const { program } = planTrainStep(inStage(recipe, stage));
        // Three discriminators take no more dispatches than one; one dispatch an operation, and a second for some draws.
        const most = { train: 48, look: 40, draw: 110 }[key] ?? 90;
        expect(program.operations.length, key).to.be.at.most(most - 1);
      }
    });
  }
});

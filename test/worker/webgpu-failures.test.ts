/** A lost device, a wrong plan, another engine's state: nothing passes, nothing hangs. */

import { inStage } from '../../src/recipe/recipe.js';
import { expect } from '@open-wc/testing';
import { metricNames } from '../../src/recipe/metrics.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import type { Engine } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import type { Operation, Program } from '../../src/worker/engine/plan/operations.js';
import { planTrainStep, type PlannedProgram } from '../../src/worker/engine/plan/plan.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import type { NamedTensor, NamedTensors } from '../../src/worker/model/parameters.js';
import { expectClose, expectIdentical } from './support/compare.js';
import { tinyInput } from './support/tiny.js';
import { describeWebGpu, withWebGpu } from './support/webgpu.js';

async function rejection(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error('It resolved.');
    },
    (error: unknown) => error as Error,
  );
}

describeWebGpu('the webgpu engine in trouble', () => {
  const calls: Readonly<Record<string, (engine: Engine) => Promise<unknown>>> = {
    'a step': (engine) => engine.advance(1).then(() => engine.flush()),
    'a long chunk': (engine) => engine.advance(1000).then(() => engine.flush()),
    'a flush': (engine) => engine.advance(2).then(() => engine.flush()),
    'an evaluation': (engine) => engine.countCorrect(0, 50),
    'a generation': (engine) => engine.generate(new Float32Array(200), 2),
    'an export': (engine) => engine.exportState(),
    'an inspection': (engine) => engine.inspectStep(),
  };
  for (const [name, call] of Object.entries(calls)) {
    it(`settles where the device goes during ${name}, and rejects with DeviceLost ever after`, async () => {
      const input = tinyInput('labels-only');
      const withGenerator = name === 'a generation' ? tinyInput('notebook') : input;
      await withWebGpu(withGenerator, async (engine, device) => {
        const work = call(engine);
        device.destroy();
        // What the device had done before it went may still arrive; nothing waits forever.
        const failure = await work.then(
          () => null,
          (error: Error) => error,
        );
        if (failure !== null) expect(failure.name).to.equal('DeviceLost');
        const after = engine.advance(1).then(() => engine.flush());
        expect((await rejection(after)).name).to.equal('DeviceLost');
        expect((await rejection(engine.exportState())).name).to.equal('DeviceLost');
      });
    });
  }

  it('takes over from tfjs and hands back without losing a bit', async () => {
    const input = tinyInput('notebook');
    const tfjs = await createTfjsEngine('cpu', input);
    try {
      await tfjs.advance(1);
      const before = await tfjs.exportState();
      await withWebGpu(input, async (engine) => {
        await engine.importState(before);
        const moved = await engine.exportState();
        expect(moved.step).to.equal(1);
        // The names come in another order; each engine keeps its own.
        for (const [tensorName, tensor] of before.tensors) {
          expect([...moved.tensors.get(tensorName)!.values]).to.deep.equal([...tensor.values]);
        }
        await engine.advance(1);
        await tfjs.importState(await engine.exportState());
        const [own, theirs] = [await engine.exportState(), await tfjs.exportState()];
        expectIdentical(
          inOrder(theirs.tensors, before.tensors.keys()),
          inOrder(own.tensors, before.tensors.keys()),
        );
      });
    } finally {
      tfjs.dispose();
    }
  });

  it('draws and loses as tfjs does from the same seed', async () => {
    const input = tinyInput('notebook', { seed: 3 });
    const tfjs = await createTfjsEngine('wasm', input);
    try {
      await withWebGpu(input, async (engine) => {
        const [own, theirs] = [await engine.inspectStep(), await tfjs.inspectStep()];
        for (const name of ['labelled/input', 'unlabelled/input', 'generated/input']) {
          expect([...own.get(name)!.values], name).to.deep.equal([...theirs.get(name)!.values]);
        }
        for (const pass of ['labelled', 'unlabelled', 'fake']) {
          // After the activation: what the mask drops is 0, and nothing else is.
          const name = `${pass}/leaky1`;
          const dropped = (from: ReadonlyMap<string, NamedTensor>): boolean[] =>
            Array.from(from.get(name)!.values, (value) => value === 0);
          expect(dropped(own), name).to.include(true);
          expect(dropped(own), name).to.deep.equal(dropped(theirs));
        }
        const metrics = [...(await engine.advance(20)), ...(await engine.flush())];
        const expected = [...(await tfjs.advance(20)), ...(await tfjs.flush())];
        expect(metrics.length).to.equal(20);
        for (const [index, { step, values }] of metrics.entries()) {
          const allowed = step <= 5 ? 1e-3 : 2e-2;
          for (const name of ['discriminatorLoss', 'generatorLoss'] as const) {
            const at = metricNames(inStage(input.recipe, 0)).indexOf(name);
            const wanted = expected[index]!.values[at]!;
            expect(Math.abs(values[at]! - wanted) / wanted, `${name} of step ${step}`).to.be.below(allowed);
          }
        }
      });
    } finally {
      tfjs.dispose();
    }
  });

  /** The train step with one operation changed. */
  function corrupted(recipe: RecipeName, change: (operation: Operation) => Operation): PlannedProgram {
    const input = tinyInput(recipe);
    const { program, layout } = planTrainStep(inStage(input.recipe, 0));
    const operations = program.operations.map(change);
    expect(operations.some((operation, index) => operation !== program.operations[index])).to.equal(true);
    return { program: { ...program, operations } satisfies Program, layout };
  }

  const defects: Readonly<Record<string, () => PlannedProgram>> = {
    'an offset': () => {
      const input = tinyInput('labels-only');
      const { program, layout } = planTrainStep(inStage(input.recipe, 0));
      const conv2 = program.tensors.find(({ name }) => name === 'discriminator/conv2 kernel gradient')!;
      const placements = layout.placements.map((placement, id) =>
        id === conv2.id ? { ...placement, offsetBytes: placement.offsetBytes - 256 } : placement,
      );
      return { program, layout: { ...layout, placements } };
    },
    'a mask stream': () =>
      corrupted('labels-only', (operation) =>
        operation.kind !== 'draw'
          ? operation
          : {
              ...operation,
              parts: operation.parts.map((part, index, { length }) =>
                part.kind === 'mask' && index === length - 1 ? { ...part, stream: part.stream + 1 } : part,
              ),
            },
      ),
    'a gradient sign': () =>
      corrupted('notebook-feature-matching', (operation) =>
        operation.kind !== 'loss' || operation.featureGradient === null
          ? operation
          : {
              ...operation,
              featureGradient: {
                ...operation.featureGradient,
                entries: operation.featureGradient.entries.map((entry) => ({
                  ...entry,
                  sign: entry.sign === 1 ? -1 : 1,
                })),
              },
            },
      ),
  };
  for (const [name, plan] of Object.entries(defects)) {
    it(`fails the comparison where the plan has ${name} wrong`, async () => {
      const input = tinyInput(name === 'a gradient sign' ? 'notebook-feature-matching' : 'labels-only');
      const expected = await createInterpreter(input, { precision: 'float64' }).inspectStep();
      await withWebGpu(
        input,
        async (engine) => {
          const inspected = await engine.inspectStep();
          expect(() => expectClose(inspected, expected, () => 1e-3)).to.throw();
        },
        { trainStep: plan() },
      );
    });
  }
});

function inOrder(tensors: NamedTensors, names: Iterable<string>): NamedTensors {
  return new Map([...names].map((name) => [name, tensors.get(name)!]));
}

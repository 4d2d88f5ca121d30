/** The tfjs engine in the stages of learning from few labels: its gradients, its clock, and views that do nothing. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Recipe, Stage, View } from '../../src/recipe/recipe.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import type { NamedTensor } from '../../src/worker/model/parameters.js';
import { exactZerosOf } from '../support/exact-zeros.js';
import { FEW_FIRST_STEPS, FEW_VIEWS, fewInput, fewState } from '../support/few-recipe.js';
import { expectIdentical } from '../worker/support/compare.js';
import { checkGradients, disagreements } from '../worker/support/finite-differences.js';

async function withEngine<T>(input: EngineInput, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await createTfjsEngine('cpu', input);
  try {
    return await work(engine);
  } finally {
    engine.dispose();
  }
}

/** The input with every stage of its recipe changed. */
function withStages(input: EngineInput, change: (stage: Stage) => Stage): EngineInput {
  return { ...input, recipe: { ...input.recipe, stages: input.recipe.stages.map(change) } };
}

/** With rates of 0, so that the second phase of a step sees the parameters that the first one saw. */
function standingStill(input: EngineInput): EngineInput {
  const still: Recipe['networks'] = input.recipe.networks.map((entry) => ({
    ...entry,
    optimiser: { ...entry.optimiser, lr: 0 },
  }));
  const recipe = { ...input.recipe, networks: still };
  return withStages({ ...input, recipe }, (stage) => ({ ...stage, optimiserOf: {} }));
}

const LOSSES = { discriminator: 'discriminatorLoss', generator: 'generatorLoss' } as const;

describe('the gradients of tfjs in the stages of few labels', () => {
  for (const stage of [0, 1]) {
    it(`agree with finite differences of the losses (stage ${stage})`, async () => {
      const input = standingStill(fewInput());
      await withEngine(input, async (engine) => {
        await engine.importState(fewState(input, stage));
        const isNoise = exactZerosOf(input.recipe);
        const gradients = new Map<string, NamedTensor>();
        for (const [name, tensor] of await engine.inspectStep()) {
          // Of every phase, under one name; what a loss does not reach has a gradient of zeros.
          const isGradient = /^gradient(@\d+)?\//.test(name) && tensor.values.some((value) => value !== 0);
          if (isGradient && !isNoise(name))
            gradients.set(name.replace(/^gradient(@\d+)?/, 'gradient'), tensor);
        }
        const lossOf = (parameter: string): string =>
          stage === 0 ? 'lookLoss' : LOSSES[parameter.split('/')[0] as keyof typeof LOSSES];
        const checks = await checkGradients(engine, gradients, lossOf);
        assert.ok(checks.length >= 20, `${checks.length} checks`);
        assert.deepEqual(disagreements(checks), []);
      });
    });
  }
});

describe('a view of nothing', () => {
  it('changes nothing of what a step computes', async () => {
    const input = fewInput();
    const shown = (from: View, to: View): EngineInput =>
      withStages(input, (stage) => ({
        ...stage,
        phases: stage.phases.map((phase) => ({
          ...phase,
          groups: phase.groups.map((group) => (group.view === from ? { ...group, view: to } : group)),
        })),
      }));
    const inspect = (own: EngineInput): Promise<ReadonlyMap<string, NamedTensor>> =>
      withEngine(own, async (engine) => {
        await engine.importState(fewState(own, 1));
        return engine.inspectStep();
      });
    const drawn = await inspect(input);
    expectIdentical(await inspect(shown(FEW_VIEWS.nothing, { kind: 'plain' })), drawn);
    // Another view of the same images is seen.
    const other = await inspect(shown(FEW_VIEWS.nothing, FEW_VIEWS.weak));
    assert.throws(() => expectIdentical(other, drawn), /teacher\/input/);
  });
});

describe('the stages of a run on tfjs', () => {
  it('have metrics of their own, in their own order', async () => {
    const input = fewInput();
    await withEngine(input, async (engine) => {
      for (const [stage, first] of FEW_FIRST_STEPS.entries()) {
        await engine.importState(fewState(input, stage));
        const [metrics] = await engine.advance(1);
        assert.equal(metrics!.step, first + 1);
        assert.equal(metrics!.values.length, stage === 0 ? 2 : 9);
        assert.ok(metrics!.values.every(Number.isFinite));
      }
    });
  });

  it('begin anew, or go on, with schedules, corrections and averages', async () => {
    const input = fewInput();
    const state = fewState(input, 2);
    const NAME = 'discriminator/logits/bias';
    const valuesOf = (tensors: ReadonlyMap<string, NamedTensor>, name: string): readonly number[] =>
      Array.from(tensors.get(name)!.values);
    // Where every stage goes on, updates are counted from the run's beginning.
    for (const [optimisers, updates] of [
      ['fresh', 1],
      ['continued', state.step + 1],
    ] as const) {
      const own = withStages(input, (stage) => ({ ...stage, optimisers }));
      await withEngine(own, async (engine) => {
        await engine.importState(state);
        await engine.advance(1);
        const { tensors } = await engine.exportState();
        const share = (1 - 0.9) / (1 - 0.9 ** updates);
        const [was, parameter] = [valuesOf(state.tensors, `average/${NAME}`), valuesOf(tensors, NAME)];
        valuesOf(tensors, `average/${NAME}`).forEach((average, index) => {
          const expected = was[index]! + share * (parameter[index]! - was[index]!);
          assert.ok(Math.abs(average - expected) < 1e-6, `${optimisers}: ${average}, not ${expected}`);
        });
        // Adam with its rate, warm-up and correction of that update, from the moments that it left.
        const [m, v] = ['m', 'v'].map((moment) => valuesOf(tensors, `adam/${moment}/${NAME}`));
        const progress = Math.min(updates - 1, 7) / 7;
        const lr = 2e-3 * Math.min(1, updates / 2) * ((1 + Math.cos(Math.PI * progress)) / 2);
        const rate = (lr * Math.sqrt(1 - 0.999 ** updates)) / (1 - 0.9 ** updates);
        valuesOf(state.tensors, NAME).forEach((before, index) => {
          const expected = before - (rate * m![index]!) / (Math.sqrt(v![index]!) + 1e-3);
          assert.ok(Math.abs(parameter[index]! - expected) < 1e-7, `${optimisers}: ${parameter[index]}`);
        });
      });
    }
  });

  it('give features of any images, at current and at averaged parameters, without noise', async () => {
    const input = fewInput();
    await withEngine(input, async (engine) => {
      await engine.importState(fewState(input, 2));
      const images = Float32Array.from({ length: 3 * 96 }, (_, index) => Math.sin(index));
      const current = await engine.features(images, 3, 'current');
      assert.equal(current.length, 3 * 8);
      assert.deepEqual(await engine.features(images, 3, 'current'), current);
      assert.notDeepEqual(await engine.features(images, 3, 'average'), current);
    });
  });

  it('refuse features of a recipe without landmarks', async () => {
    const input = fewInput();
    const without = { ...input, recipe: { ...input.recipe, landmarks: null } };
    await withEngine(without, async (engine) => {
      await assert.rejects(engine.features(new Float32Array(96), 1, 'current'), /has no landmarks/);
    });
  });
});

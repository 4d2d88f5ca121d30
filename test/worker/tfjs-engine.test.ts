/** What the engine interface promises, on every tfjs backend. */

import { expect } from '@open-wc/testing';
import { metricNames } from '../../src/recipe/metrics.js';
import { inStage } from '../../src/recipe/recipe.js';
import type { Engine, EngineInput, StepMetrics } from '../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { drawPhase } from '../../src/worker/model/draws.js';
import { RandomStreams } from '../../src/worker/random/streams.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
import { forEachBackend } from './support/backends.js';
import { expectIdentical } from './support/compare.js';
import { defineTraining, metric, withTfjsEngine } from './support/engine-training.js';
import { hashed, tinyInput } from './support/tiny.js';

async function rejection(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error('It resolved.');
    },
    (error: unknown) => error as Error,
  );
}

forEachBackend('an engine', (backend) => {
  const withEngine = (input: EngineInput, work: (engine: Engine) => Promise<void>): Promise<void> =>
    withTfjsEngine(backend, input, work);

  // On webgpu among the long tests.
  if (backend !== 'webgpu') defineTraining(backend);

  it('begins at step 0 of its seed', async () => {
    const input = tinyInput('notebook', { seed: 2 ** 53 - 1 });
    await withEngine(input, async (engine) => {
      const { step, tensors } = await engine.exportState();
      expect(step).to.equal(0);
      expectIdentical(tensors, initialTensors(input.recipe, input.settings.seed));
      expect(engine.info.engine).to.equal(`tfjs-${backend}`);
    });
  });

  it('hands back the metrics of every step, in order, and owes none', async () => {
    const input = tinyInput('notebook');
    const valueOf = (metrics: StepMetrics, name: string): number => metric(input, metrics, name);
    await withEngine(input, async (engine) => {
      const metrics = [
        ...(await engine.advance(2)),
        ...(await engine.advance(1)),
        ...(await engine.advance(0)),
      ];
      expect(metrics.map(({ step }) => step)).to.deep.equal([1, 2, 3]);
      expect(await engine.flush()).to.deep.equal([]);
      for (const each of metrics) {
        expect(each.values.length).to.equal(metricNames(inStage(input.recipe, 0)).length);
        expect(each.values.every(Number.isFinite)).to.equal(true);
        const sum =
          valueOf(each, 'realUnlabelledLoss') + valueOf(each, 'fakeLoss') + valueOf(each, 'supervisedLoss');
        expect(valueOf(each, 'discriminatorLoss')).to.be.closeTo(sum, 1e-5);
        expect(valueOf(each, 'generatorLoss')).to.equal(valueOf(each, 'fakeAsRealLoss'));
      }
    });
  });

  it('measures the training accuracy on the labelled batch of the step', async () => {
    const input = tinyInput('labels-only', { batch: 120 });
    const { recipe, settings, split, dataset } = input;
    await withEngine(input, async (engine) => {
      const shares: number[] = [];
      for (let step = 0; step < 4; step++) {
        const logits = (await engine.inspectStep()).get('labelled/logits')!;
        const draws = drawPhase(new RandomStreams(settings.seed), inStage(recipe, 0), split, 0, step);
        const { indices } = draws.get('labelled')!;
        expect(logits.shape).to.deep.equal([12, 11]);
        const right = Array.from(indices!).filter((index, row) => {
          const own = Array.from(logits.values.subarray(row * 11, (row + 1) * 11));
          return own.indexOf(Math.max(...own)) === dataset.train.labels[index];
        });
        shares.push(right.length / 12);
        const [metrics] = await engine.advance(1);
        expect(metric(input, metrics!, 'trainAccuracy')).to.be.closeTo(right.length / 12, 1e-6);
      }
      expect(Math.max(...shares), 'some are right').to.be.above(0);
      expect(Math.min(...shares), 'not all are').to.be.below(1);
    });
  });

  it('generates images in [-1, 1], row by row, without training', async () => {
    await withEngine(tinyInput('notebook'), async (engine) => {
      await engine.advance(1);
      const latents = Float32Array.from({ length: 3 * 100 }, (_, i) => hashed(i, 4));
      const images = await engine.generate(latents, 3);
      expect(images.length).to.equal(3 * 784);
      expect(images.every((value) => value >= -1 && value <= 1)).to.equal(true);
      const last = await engine.generate(latents.slice(200), 1);
      last.forEach((value, i) => expect(value).to.be.closeTo(images[2 * 784 + i]!, 1e-5));
      expect((await engine.exportState()).step).to.equal(1);
    });
  });

  it('refuses what it cannot do, and says why', async () => {
    await withEngine(tinyInput('labels-only'), async (engine) => {
      const noGenerator = await rejection(engine.generate(new Float32Array(100), 1));
      expect(noGenerator.message).to.contain('"labels-only" has no generator');
      const state = await engine.exportState();
      const without = new Map(state.tensors);
      without.delete('discriminator/logits/bias');
      const missing = await rejection(engine.importState({ ...state, tensors: without }));
      expect(missing.name).to.equal('InvalidCheckpoint');
      expect(missing.message).to.contain('"discriminator/logits/bias" is missing');
      const reshaped = new Map(state.tensors).set('discriminator/logits/bias', {
        shape: [1],
        values: new Float32Array(1),
      });
      const wrongShape = await rejection(engine.importState({ ...state, tensors: reshaped }));
      expect(wrongShape.message).to.contain('is [1] instead of [11]');
      const extra = new Map(state.tensors).set('other', { shape: [], values: new Float32Array(1) });
      expect((await rejection(engine.importState({ ...state, tensors: extra }))).message).to.contain(
        '"other"',
      );
      const frozen = new Map(state.tensors).set('discriminator/conv2/bias', {
        shape: [8],
        values: new Float32Array(8).fill(0.5),
      });
      const thawed = await rejection(engine.importState({ ...state, tensors: frozen }));
      expect(thawed.message).to.contain('stays at 0 in this recipe, but holds 0.5');
      expectIdentical((await engine.exportState()).tensors, state.tensors);
    });
  });

  it('is done after dispose, which may be called again', async () => {
    const engine = await createTfjsEngine(backend, tinyInput('labels-only'));
    engine.dispose();
    engine.dispose();
    expect((await rejection(engine.advance(1))).message).to.contain('disposed');
  });
});

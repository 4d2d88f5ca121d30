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
import { hashed, tinyDataset, tinyInput } from './support/tiny.js';

function metric({ recipe }: EngineInput, metrics: StepMetrics, name: string): number {
  const index = metricNames(inStage(recipe, 0)).indexOf(name);
  if (index === -1) throw new Error(`The recipe has no metric "${name}".`);
  return metrics.values[index]!;
}

async function rejection(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error('It resolved.');
    },
    (error: unknown) => error as Error,
  );
}

forEachBackend('an engine', (backend) => {
  async function withEngine(input: EngineInput, work: (engine: Engine) => Promise<void>): Promise<void> {
    const engine = await createTfjsEngine(backend, input);
    try {
      await work(engine);
    } finally {
      engine.dispose();
    }
  }

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

  it('trains what inspectStep says it is about to compute', async () => {
    const input = tinyInput('notebook');
    await withEngine(input, async (engine) => {
      await engine.advance(1);
      const inspected = await engine.inspectStep();
      const again = await engine.inspectStep();
      expectIdentical(again, inspected);
      const [metrics] = await engine.advance(1);
      for (const name of metricNames(inStage(input.recipe, 0))) {
        if (name === 'trainAccuracy') continue;
        expect(metric(input, metrics!, name), name).to.be.closeTo(inspected.get(name)!.values[0]!, 1e-5);
      }
      const { tensors } = await engine.exportState();
      const moved = [...inspected].filter(([name]) => name.startsWith('updated/'));
      expect(moved.length).to.equal(2 * 5);
      for (const [name, { values }] of moved) {
        expect(Array.from(tensors.get(name.slice('updated/'.length))!.values), name).to.deep.equal(
          Array.from(values),
        );
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

  it('descends the supervised loss', async () => {
    const input = tinyInput('labels-only', { dropout: 0, batch: 50, discriminatorLr: 3e-3 });
    await withEngine(input, async (engine) => {
      const metrics = await engine.advance(30);
      const mean = (part: readonly StepMetrics[]): number =>
        part.reduce((sum, each) => sum + metric(input, each, 'supervisedLoss'), 0) / part.length;
      expect(mean(metrics.slice(-5))).to.be.below(0.6 * mean(metrics.slice(0, 5)));
      // What the recipe does not compute has no scalar.
      expect(metricNames(inStage(input.recipe, 0))).to.have.members([
        'trainAccuracy',
        'discriminatorLoss',
        'supervisedLoss',
      ]);
      expect(metrics[0]!.values.length).to.equal(3);
    });
  });

  it('counts the test images that it classifies as labelled, in any slices', async () => {
    const { test, imageShape, classes } = tinyDataset;
    await withEngine(tinyInput('notebook'), async (engine) => {
      await engine.advance(2);
      const images = Float32Array.from(test.images, (byte) => byte / 127.5 - 1);
      const logits = await engine.classify(images, test.count);
      expect(logits.length).to.equal(test.count * (classes + 1));
      expect(images.length).to.equal(test.count * imageShape[0] * imageShape[1] * imageShape[2]);
      let correct = 0;
      for (let row = 0; row < test.count; row++) {
        const rowLogits = Array.from(logits.subarray(row * (classes + 1), (row + 1) * (classes + 1)));
        if (rowLogits.indexOf(Math.max(...rowLogits)) === test.labels[row]) correct++;
      }
      const slices = [
        await engine.countCorrect(0, 33),
        await engine.countCorrect(33, 33),
        await engine.countCorrect(66, 34),
      ];
      expect(slices.reduce((sum, count) => sum + count)).to.equal(correct);
      expect(await engine.countCorrect(0, 100)).to.equal(correct);
      expect(correct).to.be.within(1, 99);
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

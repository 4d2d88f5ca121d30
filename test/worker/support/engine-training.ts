/** What the engine interface promises of training and evaluation, on a tfjs backend: tests that take long on webgpu. */

import { expect } from '@open-wc/testing';
import { metricNames } from '../../../src/recipe/metrics.js';
import { inStage } from '../../../src/recipe/recipe.js';
import type { Engine, EngineInput, StepMetrics } from '../../../src/worker/engine/engine.js';
import { createTfjsEngine, type TfjsBackend } from '../../../src/worker/engine/tfjs/index.js';
import { expectIdentical } from './compare.js';
import { tinyDataset, tinyInput } from './tiny.js';

/** WebGPU in software compiles a step's operations for many seconds. */
const TIMEOUT_MS = 180_000;

/** A scalar of a step by its name. */
export function metric({ recipe }: EngineInput, metrics: StepMetrics, name: string): number {
  const index = metricNames(inStage(recipe, 0)).indexOf(name);
  if (index === -1) throw new Error(`The recipe has no metric "${name}".`);
  return metrics.values[index]!;
}

/** Works with an engine and disposes it. */
export async function withTfjsEngine(
  backend: TfjsBackend,
  input: EngineInput,
  work: (engine: Engine) => Promise<void>,
): Promise<void> {
  const engine = await createTfjsEngine(backend, input);
  try {
    await work(engine);
  } finally {
    engine.dispose();
  }
}

/** Defines the tests for a backend. */
export function defineTraining(backend: TfjsBackend): void {
  const withEngine = (input: EngineInput, work: (engine: Engine) => Promise<void>): Promise<void> =>
    withTfjsEngine(backend, input, work);

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
  }).timeout(TIMEOUT_MS);

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
  }).timeout(TIMEOUT_MS);

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
  }).timeout(TIMEOUT_MS);
}

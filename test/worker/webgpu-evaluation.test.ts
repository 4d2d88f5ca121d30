/** Evaluation in passes of a fixed number of images: how many go into one call changes nothing. */

import { expect } from '@open-wc/testing';
import { countCalls, type CallCounter } from '../../src/worker/benchmark/count-calls.js';
import type { EngineInput } from '../../src/worker/engine/engine.js';
import type { Dataset } from '../../src/worker/data/dataset.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { tinyDataset, tinyInput } from './support/tiny.js';
import { describeWebGpu, withWebGpu } from './support/webgpu.js';

describeWebGpu('an evaluation on the webgpu engine', () => {
  it('counts the same in one call as image by image and in slices, and as the plan says', async () => {
    // Two passes of a hundred images and a half.
    const { train, test } = tinyDataset;
    const images = Uint8Array.from(
      { length: 250 * 784 },
      (_, i) => (train.images[i] ?? test.images[i - 200 * 784])!,
    );
    const labels = Uint8Array.from({ length: 250 }, (_, i) => (train.labels[i] ?? test.labels[i - 200])!);
    const dataset: Dataset = { ...tinyDataset, test: { count: 250, images, labels } };
    const input: EngineInput = { ...tinyInput('labels-only'), dataset };
    const reference = createInterpreter(input, { precision: 'float32' });
    let counter: CallCounter | null = null;
    await withWebGpu(
      input,
      async (engine) => {
        await engine.advance(5);
        await engine.flush();
        await reference.importState(await engine.exportState());
        const whole = await engine.countCorrect(0, 250);
        expect(whole).to.equal(await reference.countCorrect(0, 250));
        let inSlices = 0;
        for (const [first, count] of [
          [0, 1],
          [1, 120],
          [121, 79],
          [200, 50],
        ] as const) {
          inSlices += await engine.countCorrect(first, count);
        }
        expect(inSlices).to.equal(whole);
        // All passes in one submit, another for the reading.
        counter!.reset();
        expect(await engine.countCorrect(0, 250)).to.equal(whole);
        expect(counter!.counts.submits).to.equal(2);
        expect(counter!.counts.pipelines).to.equal(0);
        // The scales of norms are found in the first pass alone.
        const inThreePasses = counter!.counts.dispatches;
        counter!.reset();
        await engine.countCorrect(0, 100);
        expect(inThreePasses).to.be.greaterThan(counter!.counts.dispatches);
        expect(inThreePasses).to.be.lessThan(3 * counter!.counts.dispatches);
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

/** The webgpu engine over thousands of steps: nothing grows, nothing is refused, every number is finite. */

import { expect } from '@open-wc/testing';
import { countCalls, type CallCounter } from '../../../src/worker/benchmark/count-calls.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { describeWebGpu, withWebGpu } from '../../worker/support/webgpu.js';

const CHANNEL_DIVISOR = 32;

describeWebGpu('the webgpu engine over 5,000 steps', () => {
  it('makes and uploads nothing, is refused nothing, and keeps every number finite', async function () {
    this.timeout(540_000);
    let counter: CallCounter | null = null;
    await withWebGpu(
      // The smallest networks: what is asked of the device is the same.
      tinyInput('notebook', {}, CHANNEL_DIVISOR),
      async (engine) => {
        await engine.advance(5);
        await engine.flush();
        counter!.reset();
        const { bufferBytes, liveBuffers } = counter!;
        let steps = 0;
        for (let chunk = 0; chunk < 100; chunk++) {
          const metrics = [...(await engine.advance(50)), ...(await engine.flush())];
          steps += metrics.length;
          for (const { step, values } of metrics) {
            expect(values.every(Number.isFinite), `a number that is not finite at step ${step}`).to.equal(
              true,
            );
          }
        }
        expect(steps).to.equal(5000);
        expect(counter!.bufferBytes).to.equal(bufferBytes);
        expect(counter!.liveBuffers).to.equal(liveBuffers);
        const { dispatches, ...others } = counter!.counts;
        expect(dispatches).to.be.at.most(48 * 5000);
        expect(others).to.deep.equal({
          submits: 100,
          uploadedBytes: 0,
          buffers: 0,
          bindGroups: 0,
          pipelines: 0,
        });
        for (const [name, { values }] of (await engine.exportState()).tensors) {
          expect(values.every(Number.isFinite), name).to.equal(true);
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

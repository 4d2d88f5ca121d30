/** How many chunks of steps are on the device at a time, by how long it takes for them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepMetrics } from '../../src/worker/engine/engine.js';
import { FailureWatch } from '../../src/worker/engine/device/failure-watch.js';
import { controlLayout } from '../../src/worker/engine/webgpu/kernels/shader.js';
import type { ReadyProgram } from '../../src/worker/engine/webgpu/program.js';
import { StepQueue } from '../../src/worker/engine/webgpu/step-queue.js';
import { makeGate, settle, type Gate } from './support/gate.js';
import { Clock } from './support/trainer.js';

interface SlowDevice {
  readonly queue: {
    push(step: number, steps: number): Promise<void>;
    take(): readonly StepMetrics[];
    fastestStepMs(): number;
  };
  readonly clock: Clock;
  /** Chunks that were submitted. */
  readonly submitted: () => number;
  /** Lets the oldest chunk end, so long after now. */
  readonly finish: (ms: number) => Promise<void>;
}

/** A queue on a device whose chunks end when a test says so. */
function openQueue(): SlowDevice {
  Object.assign(globalThis, {
    GPUBufferUsage: { COPY_DST: 8, MAP_READ: 1 },
    GPUMapMode: { READ: 1 },
  });
  const clock = new Clock();
  const control = controlLayout(2, 1);
  const waiting: Gate[] = [];
  let submitted = 0;
  const device = {
    createBuffer: ({ size }: GPUBufferDescriptor) => ({
      mapAsync: () => {
        const gate = makeGate();
        waiting.push(gate);
        return gate.opened;
      },
      getMappedRange: () => new ArrayBuffer(size),
      unmap: () => undefined,
      destroy: () => undefined,
    }),
    createCommandEncoder: () => ({
      beginComputePass: () => ({ end: () => undefined }),
      copyBufferToBuffer: () => undefined,
      finish: () => undefined,
    }),
    queue: { submit: () => void submitted++ },
  };
  const program = { encode: () => undefined } as unknown as ReadyProgram;
  const opened = new StepQueue(
    device as unknown as GPUDevice,
    new FailureWatch(),
    {} as GPUBuffer,
    control.metrics,
    clock.now,
  );
  return {
    queue: {
      push: (step, steps) => opened.push({ program, control }, step, steps),
      take: () => opened.take(),
      fastestStepMs: () => opened.fastestStepMs,
    },
    clock,
    submitted: () => submitted,
    finish: async (ms) => {
      clock.ms += ms;
      waiting.shift()!.open();
      await settle();
    },
  };
}

test('the second chunk waits until the device has made the first', async () => {
  const { queue, submitted, finish } = openQueue();
  await queue.push(0, 1);
  const second = queue.push(1, 1);
  await settle();
  assert.equal(submitted(), 1);
  await finish(5);
  await second;
  assert.deepEqual(
    queue.take().map(({ step }) => step),
    [1],
  );
  await queue.push(2, 4);
  assert.equal(submitted(), 3);
  const fourth = queue.push(6, 4);
  await settle();
  assert.equal(submitted(), 3);
  await finish(5);
  await fourth;
  assert.equal(submitted(), 4);
});

test('a device that takes long for a chunk has one at a time, until it becomes faster', async () => {
  const { queue, submitted, finish } = openQueue();
  await queue.push(0, 1);
  await finish(700);
  await queue.push(1, 1);
  const third = queue.push(2, 1);
  await settle();
  assert.equal(submitted(), 2);
  await finish(40);
  await third;
  await queue.push(3, 1);
  assert.equal(submitted(), 4);
});

test('it is known how long a step takes at best', async () => {
  const { queue, finish } = openQueue();
  assert.equal(queue.fastestStepMs(), Infinity);
  await queue.push(0, 1);
  await finish(30);
  assert.equal(queue.fastestStepMs(), 30);
  await queue.push(1, 10);
  await finish(20);
  await queue.push(11, 1);
  await finish(9);
  assert.equal(queue.fastestStepMs(), 2);
});

test('a chunk is measured from when the one before it was done', async () => {
  const { queue, submitted, finish } = openQueue();
  await queue.push(0, 1);
  await finish(1);
  await queue.push(1, 1);
  await queue.push(2, 1);
  await finish(90);
  await finish(90);
  await queue.push(3, 1);
  await queue.push(4, 1);
  assert.equal(submitted(), 5);
});

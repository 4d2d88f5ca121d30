/**
 * What the next step computes, for tests: runs the step's own dispatches in two parts and reads what
 * each leaves behind. The caller restores the state afterwards.
 */

import { METRIC_NAMES } from '../../../protocol/reports.js';
import { sizeOf, type NamedTensor } from '../../model/parameters.js';
import { METRICS_RING, METRICS_SLOTS, PARAMETERS } from './kernels/shader.js';
import type { ReadyProgram, SharedMemory } from './program.js';
import type { ReadSource } from './read.js';

export interface Inspection {
  readonly device: GPUDevice;
  readonly shared: SharedMemory;
  readonly train: ReadyProgram;
  /** Updates done. */
  readonly step: number;
  readonly read: (sources: readonly ReadSource[]) => Promise<readonly Float32Array<ArrayBuffer>[]>;
}

/** See `Engine.inspectStep` for the names. Moves running statistics and the step counter on. */
export async function inspectStep({
  device,
  shared,
  train,
  step,
  read,
}: Inspection): Promise<Map<string, NamedTensor>> {
  const { program } = train.planned;
  const found = new Map<string, NamedTensor>();
  const run = (first: number, end: number): void => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    train.encode(pass, first, end);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
  const afterLoss = program.operations.findIndex(({ kind }) => kind === 'loss') + 1;
  const update = program.operations.findIndex(({ kind }) => kind === 'update');

  run(0, afterLoss);
  const taps = program.taps.map(({ tensor, firstRow, rows, shape }): ReadSource => {
    const { buffer, offsetBytes } = train.place(tensor);
    const rowBytes = sizeOf(shape) * 4;
    return { buffer, offsetBytes: offsetBytes + firstRow * rowBytes, bytes: rows * rowBytes };
  });
  const ring: ReadSource = {
    buffer: shared.buffers.get(METRICS_RING),
    offsetBytes: (step % METRICS_SLOTS) * METRIC_NAMES.length * 4,
    bytes: METRIC_NAMES.length * 4,
  };
  const parameters = shared.buffers.get(PARAMETERS);
  const all = await read([...taps, ring, { buffer: parameters, offsetBytes: 0, bytes: parameters.size }]);
  program.taps.forEach(({ name, rows, shape }, index) =>
    found.set(name, { shape: [rows, ...shape], values: all[index]! }),
  );
  const metrics = all[taps.length]!;
  for (const operation of program.operations) {
    if (operation.kind !== 'loss') continue;
    const names = [...operation.terms, ...operation.losses].map(({ name }) => name);
    for (const name of [...names, 'trainAccuracy'] as const) {
      found.set(name, { shape: [], values: Float32Array.of(metrics[METRIC_NAMES.indexOf(name)]!) });
    }
  }
  const moved = shared.parameters.unpackValues(all[taps.length + 1]!);
  for (const operation of program.operations) {
    if (operation.kind !== 'normStatistics' || !operation.updatesRunning) continue;
    for (const name of [operation.norm.movingMean, operation.norm.movingVariance]) {
      found.set(`updated/${name}`, moved.get(name)!);
    }
  }

  run(afterLoss, update);
  for (const operation of program.operations) {
    if (operation.kind !== 'update') continue;
    const sources = operation.entries.map(({ gradient, firstSplit, stride, splits }): ReadSource => {
      const { buffer, offsetBytes } = train.place(gradient);
      return { buffer, offsetBytes: offsetBytes + firstSplit * stride * 4, bytes: splits * stride * 4 };
    });
    const partial = await read(sources);
    operation.entries.forEach(({ parameter, size, offset, stride, splits }, index) => {
      const values = new Float32Array(size);
      for (let split = 0; split < splits; split++) {
        for (let i = 0; i < size; i++) values[i] = values[i]! + partial[index]![split * stride + offset + i]!;
      }
      found.set(`gradient/${parameter}`, { shape: shared.parameters.shapeOf(parameter), values });
    });
  }
  return found;
}

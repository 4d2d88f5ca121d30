/**
 * What the next step computes, for tests: makes it in parts and reads what each part leaves behind. The caller
 * restores the state afterwards.
 */

import { type NamedTensor } from '../../model/parameters.js';
import { sizeOf } from '../../../recipe/layers.js';
import { tapsAfter } from '../plan/accesses.js';
import { gradientName } from '../engine.js';
import { CONTROL, METRICS_SLOTS, PARAMETERS } from './kernels/shader.js';
import type { ReadyProgram, SharedMemory } from './program.js';
import type { ReadSource } from './read.js';

export interface Inspection {
  readonly device: GPUDevice;
  readonly shared: SharedMemory;
  readonly train: ReadyProgram;
  /** Names of the step's metrics, in their order. */
  readonly metrics: readonly string[];
  /** Updates done. */
  readonly step: number;
  readonly read: (sources: readonly ReadSource[]) => Promise<readonly Float32Array<ArrayBuffer>[]>;
}

/** See `Engine.inspectStep` for the names. Makes the step: moves parameters, running statistics and the step counter on. */
export async function inspectStep({
  device,
  shared,
  train,
  metrics,
  step,
  read,
}: Inspection): Promise<Map<string, NamedTensor>> {
  const { program } = train.planned;
  const found = new Map<string, NamedTensor>();
  let done = 0;
  const runUntil = (end: number): void => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    train.encode(pass, done, end);
    pass.end();
    device.queue.submit([encoder.finish()]);
    done = end;
  };
  // What is written may be overwritten later on.
  const tapped = [...tapsAfter(program)].sort(([a], [b]) => a - b);
  for (const [index, taps] of tapped) {
    runUntil(index + 1);
    const sources = taps.map(({ tensor, firstRow, rows, shape }): ReadSource => {
      const { buffer, offsetBytes, elementBytes } = train.place(tensor);
      const rowBytes = sizeOf(shape) * elementBytes;
      return { buffer, offsetBytes: offsetBytes + firstRow * rowBytes, bytes: rows * rowBytes, elementBytes };
    });
    const values = await read(sources);
    taps.forEach(({ name, rows, shape }, tap) => {
      found.set(name, { shape: [rows, ...shape], values: values[tap]! });
    });
  }
  runUntil(program.operations.length);

  const { control } = shared;
  const parameters = shared.buffers.get(PARAMETERS);
  const [ring, after] = await read([
    {
      buffer: shared.buffers.get(CONTROL),
      offsetBytes: (control.ring + (step % METRICS_SLOTS) * control.metrics) * 4,
      bytes: control.metrics * 4,
    },
    { buffer: parameters, offsetBytes: 0, bytes: parameters.size },
  ]);
  metrics.forEach((name, index) => found.set(name, { shape: [], values: ring!.slice(index, index + 1) }));
  const moved = shared.parameters.unpackValues(after!);
  for (const operation of program.operations) {
    if (operation.kind !== 'normStatistics' || !operation.updatesRunning) continue;
    for (const name of [operation.norm.movingMean, operation.norm.movingVariance]) {
      found.set(`updated/${name}`, moved.get(name)!);
    }
  }
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
      const shape = shared.parameters.shapeOf(parameter);
      found.set(gradientName(operation.phase, parameter), { shape, values });
    });
  }
  return found;
}

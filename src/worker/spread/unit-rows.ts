/** Features as the network gives them, in slices, to rows of length 1. */

import { TrainerError } from '../../protocol/errors.js';
import type { UnitRows } from './neighbours.js';
import type { Slices } from './slices.js';

/** Rows that are asked for at a time: a forward pass of some milliseconds, a whole one of the wasm engine. */
const ROWS = 192;

/** Features [count, size] of landmarks `first` to `first` + `count` - 1. */
export type ReadFeatures = (first: number, count: number) => Promise<Float32Array<ArrayBuffer>>;

function writeUnit(
  features: Float32Array,
  from: number,
  size: number,
  values: Float32Array,
  to: number,
): boolean {
  let squares = 0;
  for (let i = 0; i < size; i++) squares += features[from + i]! ** 2;
  if (!Number.isFinite(squares)) return false;
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  for (let i = 0; i < size; i++) values[to + i] = features[from + i]! * scale;
  return true;
}

/** Reads the features of `count` landmarks. Throws `NonFiniteLoss` where one is not a finite number. */
export async function readUnitRows(
  read: ReadFeatures,
  count: number,
  size: number,
  slices: Slices,
): Promise<UnitRows> {
  const values = new Float32Array(count * size);
  for (let first = 0; first < count; first += ROWS) {
    const some = Math.min(ROWS, count - first);
    const features = await read(first, some);
    if (features.length !== some * size) {
      throw new Error(`${some} rows of ${size} features are ${features.length} numbers.`);
    }
    for (let row = 0; row < some; row++) {
      if (writeUnit(features, row * size, size, values, (first + row) * size)) continue;
      const message = `The features of landmark ${first + row} are not finite; lower the learning rate.`;
      throw new TrainerError('NonFiniteLoss', message);
    }
    await slices.pause();
  }
  return { count, size, values };
}

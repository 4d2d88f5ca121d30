/** Labels spread from the labelled landmarks, and how sure each landmark's class is. */

import { COLUMNS, type Iterations } from './iterations.js';
import type { Slices } from './slices.js';
import { spreadSeeds, type Seed } from './spread-seeds.js';

/** Landmarks whose classes are known: the first ones, in order. */
export type Labels = ArrayLike<number>;

/** What a row is taken for. */
export interface Reading {
  /** -1 where no label has reached the row. */
  readonly class: number;
  /** Share of the largest value less that of the second: 0 to 1. */
  readonly margin: number;
}

/** Labels of each class. */
export function countClasses(labels: Labels, classes: number): Int32Array<ArrayBuffer> {
  const counts = new Int32Array(classes);
  for (let row = 0; row < labels.length; row++) counts[labels[row]!]!++;
  return counts;
}

/** Reads `classes` values from `first` on, of which none is negative; of equal ones the first is the largest. */
export function readRow(values: ArrayLike<number>, first: number, classes: number): Reading {
  let [largest, second, best, sum] = [0, 0, -1, 0];
  for (let own = 0; own < classes; own++) {
    const value = values[first + own]!;
    sum += value;
    if (value > largest) [largest, second, best] = [value, largest, own];
    else if (value > second) second = value;
  }
  return { class: best, margin: best === -1 ? 0 : (largest - second) / sum };
}

/** How much of each class comes to each row, [count, classes]: a class starts with 1, shared by its labels. */
export async function spreadLabels(
  iterations: Iterations,
  labels: Labels,
  classes: number,
  slices: Slices,
): Promise<Float64Array<ArrayBuffer>> {
  const counts = countClasses(labels, classes);
  const values = new Float64Array(iterations.count * classes);
  for (let first = 0; first < classes; first += COLUMNS) {
    const width = Math.min(COLUMNS, classes - first);
    const seeds: Seed[] = [];
    for (let row = 0; row < labels.length; row++) {
      const column = labels[row]! - first;
      if (column >= 0 && column < width) seeds.push({ row, column, value: 1 / counts[labels[row]!]! });
    }
    const block = await spreadSeeds(iterations, seeds, slices);
    for (let row = 0; row < iterations.count; row++) {
      for (let column = 0; column < width; column++) {
        values[row * classes + first + column] = block[row * COLUMNS + column]!;
      }
    }
  }
  return values;
}

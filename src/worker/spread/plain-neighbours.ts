/** The search for nearest neighbours in plain TypeScript: for platforms without SIMD, and to check others against. */

import { neighboursOf, type FindNeighbours } from './neighbours.js';

/** Rows whose products are taken between two looks at the clock, times their length. */
const PAUSE_PRODUCTS = 2_000_000;

function cosine(values: Float32Array, size: number, row: number, other: number): number {
  let sum = 0;
  const [a, b] = [row * size, other * size];
  for (let i = 0; i < size; i++) sum += values[a + i]! * values[b + i]!;
  return Math.fround(sum);
}

export const plainNeighbours: FindNeighbours = async (rows, wanted, slices) => {
  const { count, size, values } = rows;
  const nearest = neighboursOf(rows, wanted);
  const indices = new Int32Array(count * nearest);
  const cosines = new Float32Array(count * nearest).fill(-Infinity);
  let products = 0;
  for (let row = 0; row < count; row++) {
    const first = row * nearest;
    for (let other = 0; other < count; other++) {
      if (other === row) continue;
      const value = cosine(values, size, row, other);
      // Others come in rising order: among equal ones the first stays before the later.
      let place = nearest;
      while (place > 0 && value > cosines[first + place - 1]!) place--;
      if (place === nearest) continue;
      cosines.copyWithin(first + place + 1, first + place, first + nearest - 1);
      indices.copyWithin(first + place + 1, first + place, first + nearest - 1);
      cosines[first + place] = value;
      indices[first + place] = other;
    }
    products += count * size;
    if (products < PAUSE_PRODUCTS) continue;
    products = 0;
    await slices.pause();
  }
  return { count, nearest, indices, cosines };
};

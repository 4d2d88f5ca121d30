/** Where landmarks lie along the two principal directions of their features: a picture of what a network tells apart. */

import type { UnitRows } from './neighbours.js';
import type { Slices } from './slices.js';

/** Rows that the directions are found from, evenly out of all. */
const MOST_ROWS = 2048;
const ROUNDS = 100;
/** Rows between two looks at the clock, of which each is multiplied by itself, and of which each is only read. */
const PAUSE_PRODUCTS = 64;
const PAUSE_ROWS = 4096;
/** A direction shorter than this, of rows of length 1, is rounding. */
const LEAST_VARIANCE = 1e-12;

type Vector = Float64Array<ArrayBuffer>;

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Takes its part along `direction`, of length 1 or 0, out of a vector. */
function removeAlong(vector: Vector, direction: Vector): void {
  const along = dot(vector, direction);
  for (let i = 0; i < vector.length; i++) vector[i]! -= along * direction[i]!;
}

/** Makes a vector 1 long; 0 where there is next to nothing of it. */
function normalise(vector: Vector): void {
  const length = Math.sqrt(dot(vector, vector));
  const scale = length < LEAST_VARIANCE ? 0 : 1 / length;
  for (let i = 0; i < vector.length; i++) vector[i]! *= scale;
}

async function meanOf({ count, size, values }: UnitRows, slices: Slices): Promise<Vector> {
  const mean = new Float64Array(size);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < size; i++) mean[i]! += values[row * size + i]! / count;
    if (row % PAUSE_ROWS === 0) await slices.pause();
  }
  return mean;
}

/** [size, size] of rows evenly out of all. */
async function covarianceOf(rows: UnitRows, mean: Vector, slices: Slices): Promise<Vector> {
  const { count, size, values } = rows;
  const taken = Math.min(count, MOST_ROWS);
  const sums = new Float64Array(size * size);
  const centred = new Float64Array(size);
  for (let index = 0; index < taken; index++) {
    const from = Math.floor((index * count) / taken) * size;
    for (let i = 0; i < size; i++) centred[i] = values[from + i]! - mean[i]!;
    for (let i = 0; i < size; i++) {
      const value = centred[i]! / taken;
      for (let j = i; j < size; j++) sums[i * size + j]! += value * centred[j]!;
    }
    if (index % PAUSE_PRODUCTS === 0) await slices.pause();
  }
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) sums[i * size + j] = sums[j * size + i]!;
  return sums;
}

/** Numbers in [-0.5, 0.5), no two vectors alike. */
function startOf(size: number, which: number): Vector {
  return Float64Array.from(
    { length: size },
    (_, i) => (((i + 1) * (7919 + 104 * which)) % 1009) / 1009 - 0.5,
  );
}

/** The direction of most variance but for `others`, by power iteration; its largest component is positive. */
function principalDirection(covariance: Vector, size: number, others: readonly Vector[]): Vector {
  let direction = startOf(size, others.length);
  normalise(direction);
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float64Array(size);
    for (let i = 0; i < size; i++) next[i] = dot(covariance.subarray(i * size, (i + 1) * size), direction);
    for (const other of others) removeAlong(next, other);
    normalise(next);
    direction = next;
  }
  let largest = 0;
  for (let i = 0; i < size; i++) if (Math.abs(direction[i]!) > Math.abs(largest)) largest = direction[i]!;
  return largest < 0 ? direction.map((value) => -value) : direction;
}

/** Scales one of two columns to [-1, 1]. */
function scaleColumn(places: Float32Array, column: number): void {
  let largest = 0;
  for (let at = column; at < places.length; at += 2) largest = Math.max(largest, Math.abs(places[at]!));
  if (largest === 0) return;
  for (let at = column; at < places.length; at += 2) places[at]! /= largest;
}

/** [count, 2] in [-1, 1]; 0 along a direction in which rows do not differ. The same bits always. */
export async function featureMap(rows: UnitRows, slices: Slices): Promise<Float32Array<ArrayBuffer>> {
  const { count, size, values } = rows;
  const mean = await meanOf(rows, slices);
  const covariance = await covarianceOf(rows, mean, slices);
  const directions: Vector[] = [];
  for (let which = 0; which < 2; which++) {
    directions.push(principalDirection(covariance, size, directions));
    await slices.pause();
  }
  const offsets = directions.map((direction) => dot(mean, direction));
  const places = new Float32Array(count * 2);
  for (let row = 0; row < count; row++) {
    const own = values.subarray(row * size, (row + 1) * size);
    directions.forEach((direction, column) => {
      places[row * 2 + column] = dot(own, direction) - offsets[column]!;
    });
    if (row % PAUSE_ROWS === 0) await slices.pause();
  }
  scaleColumn(places, 0);
  scaleColumn(places, 1);
  return places;
}

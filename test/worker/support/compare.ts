/** Comparisons of tensors that say what differed. Each throws; nothing passes by being empty. */

import type { NamedTensor } from '../../../src/worker/model/parameters.js';

export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

/** |actual - expected| / |expected| in the Euclidean norm. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const differences = Float64Array.from({ length: expected.length }, (_, i) => actual[i]! - expected[i]!);
  return norm(differences) / Math.max(norm(expected), Number.MIN_VALUE);
}

/**
 * Checks that every tensor of `expected` is in `actual` with its shape and within `tolerance` in
 * relative L2 norm. `isNoise` tells tensors that are zero in exact arithmetic: those must stay below
 * `tolerance` in absolute value instead.
 */
export function expectClose(
  actual: ReadonlyMap<string, NamedTensor>,
  expected: ReadonlyMap<string, NamedTensor>,
  tolerance: (name: string) => number,
  isNoise: (name: string) => boolean = () => false,
): void {
  if (expected.size === 0) throw new Error('There is nothing to compare with.');
  for (const [name, { shape, values }] of expected) {
    const found = actual.get(name);
    if (found === undefined) throw new Error(`"${name}" is missing.`);
    if (found.shape.join() !== shape.join()) {
      throw new Error(`"${name}" is [${found.shape.join()}] instead of [${shape.join()}].`);
    }
    const limit = tolerance(name);
    const error = isNoise(name) ? norm(found.values) : relativeError(found.values, values);
    if (!(error <= limit)) {
      throw new Error(`"${name}" is off by ${error.toExponential(2)}; ${limit.toExponential(0)} is allowed.`);
    }
  }
}

/** Checks that two sets of tensors have the same names in the same order and the same bits. */
export function expectIdentical(
  actual: ReadonlyMap<string, NamedTensor>,
  expected: ReadonlyMap<string, NamedTensor>,
): void {
  if (expected.size === 0) throw new Error('There is nothing to compare with.');
  if ([...actual.keys()].join() !== [...expected.keys()].join()) throw new Error('The names differ.');
  for (const [name, { values }] of expected) {
    const found = actual.get(name)!.values;
    const bits = new Uint32Array(found.buffer, found.byteOffset, found.length);
    const expectedBits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const first = expectedBits.findIndex((word, i) => word !== bits[i]);
    if (first >= 0 || bits.length !== expectedBits.length) {
      throw new Error(`"${name}" differs at element ${first}: ${found[first]} instead of ${values[first]}.`);
    }
  }
}

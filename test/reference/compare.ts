/**
 * How far a tensor may be from the reference, and how far it is. Knows nothing of engines. A large
 * tensor's error is estimated twice, from its fixed positions and from its signed sums, which see
 * every element; the larger estimate counts.
 */

import type { NamedTensor } from '../../src/worker/model/parameters.js';
import { fixedPositions, signedSums } from './inputs.js';
import type { ReferenceTensor } from './load.js';

/** Relative L2 by tensor. */
export const VALUE_TOLERANCE = 1e-4;
export const GRADIENT_TOLERANCE = 1e-3;
export const ADAM_TOLERANCE = 1e-6;
/** What rounding may leave of sums that cancel, as a share of their size. */
const CANCELLATION_TOLERANCE = 1e-5;
/** A parameter is off after an update when it is this share of the learning rate away. */
const OFF_SHARE = 0.05;
const MOST_OFF = 0.001;
/** The same after several updates: the later ones begin with parameters that are a little off (README.md). */
const MOST_OFF_LATER = 0.02;

export interface Comparison {
  readonly name: string;
  /** What `error` is, in words. */
  readonly measure: string;
  readonly error: number;
  /** The largest error allowed. */
  readonly limit: number;
}

/** What cannot be compared: `measure` says why. */
export function incomparable(name: string, why: string): Comparison {
  return { name, measure: why, error: Infinity, limit: 0 };
}

/** NaN, which no comparison of numbers finds, is a failure too. */
export function isWithin({ error, limit }: Comparison): boolean {
  return error <= limit;
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: expected.length }, (_, i) => actual[i]! - expected[i]!);
}

/** Differences at the kept positions, and the L2 norm of the whole tensor's difference. */
function distance(
  actual: Float32Array,
  expected: ReferenceTensor,
): { readonly kept: Float64Array; readonly whole: number } {
  if (expected.signedSums === null) {
    const kept = difference(actual, expected.values);
    return { kept, whole: norm(kept) };
  }
  const positions = fixedPositions(expected.values.length, actual.length);
  const kept = difference(
    positions.map((position) => actual[position]!),
    expected.values,
  );
  const byPositions = norm(kept) * Math.sqrt(actual.length / kept.length);
  const sums = difference(signedSums(actual, expected.signedSums.length), expected.signedSums);
  // Math.max keeps a NaN.
  return { kept, whole: Math.max(byPositions, norm(sums) / Math.sqrt(sums.length)) };
}

/** Why two tensors cannot be compared, or null. */
function refusal(
  name: string,
  actual: NamedTensor | undefined,
  expected: ReferenceTensor,
): Comparison | null {
  if (actual === undefined) return incomparable(name, 'the engine gives no such tensor');
  const size = expected.shape.reduce((product, dimension) => product * dimension, 1);
  if (actual.shape.join() !== expected.shape.join() || actual.values.length !== size) {
    return incomparable(
      name,
      `[${actual.shape.join()}] with ${actual.values.length} values instead of [${expected.shape.join()}]`,
    );
  }
  return null;
}

/** Relative L2 error of a tensor; its norm in units of what cancels where it is zero in exact arithmetic. */
export function compareTensor(
  name: string,
  actual: NamedTensor | undefined,
  expected: ReferenceTensor,
  tolerance: number,
): Comparison {
  const refused = refusal(name, actual, expected);
  if (refused !== null) return refused;
  const { values } = actual!;
  if (expected.zeroScale !== null) {
    const error = norm(values) / expected.zeroScale;
    return { name, measure: 'norm, in units of what cancels', error, limit: CANCELLATION_TOLERANCE };
  }
  const { whole } = distance(values, expected);
  // Where the reference is zero throughout, so must the tensor be.
  const error = expected.norm === 0 ? (whole === 0 ? 0 : Infinity) : whole / expected.norm;
  return { name, measure: 'relative L2 error', error, limit: tolerance };
}

/**
 * Parameters (name to what the engine has) after `updates` updates with rate `lr`. Adam's first steps
 * are signs, so where a gradient is next to zero a parameter may go either way: of all elements at
 * most 0.1 % may be off by more than 0.05 lr, after several updates 2 %. Each tensor's root mean square error
 * may be what 0.1 % make of it (an update moves an element by lr at most), so none goes without its update.
 */
export function compareParameters(
  part: string,
  actual: ReadonlyMap<string, NamedTensor>,
  expected: ReadonlyMap<string, ReferenceTensor>,
  lr: number,
  updates: number,
): readonly Comparison[] {
  const comparisons: Comparison[] = [];
  let off = 0;
  let size = 0;
  for (const [name, reference] of expected) {
    const refused = refusal(`${part}/${name}`, actual.get(name), reference);
    if (refused !== null) {
      comparisons.push(refused);
      continue;
    }
    const { values } = actual.get(name)!;
    const { kept, whole } = distance(values, reference);
    // Written so that a NaN is off.
    const keptOff = kept.filter((error) => !(Math.abs(error) <= OFF_SHARE * lr)).length;
    off += (keptOff / kept.length) * values.length;
    size += values.length;
    comparisons.push({
      name: `${part}/${name}`,
      measure: 'root mean square error, in lr',
      error: whole / Math.sqrt(values.length) / lr,
      limit: Math.sqrt(MOST_OFF * (2 * updates) ** 2 + OFF_SHARE ** 2),
    });
  }
  const measure = `share of elements off by more than ${OFF_SHARE} lr`;
  const limit = updates === 1 ? MOST_OFF : MOST_OFF_LATER;
  return [...comparisons, { name: `${part}/parameters`, measure, error: off / size, limit }];
}

/** Throws an error that lists every comparison out of its limit; also where there is none at all. */
export function expectWithin(comparisons: readonly Comparison[]): void {
  if (comparisons.length === 0) throw new Error('Nothing was compared with the reference.');
  const failed = comparisons.filter((comparison) => !isWithin(comparison));
  if (failed.length === 0) return;
  const lines = failed.map(
    ({ name, measure, error, limit }) =>
      `  ${name}: ${measure} ${error.toExponential(1)}, limit ${limit.toExponential(1)}`,
  );
  throw new Error(`${failed.length} of ${comparisons.length} comparisons fail:\n${lines.join('\n')}`);
}

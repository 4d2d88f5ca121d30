/**
 * Whether a contender computes what the reference does: the largest relative difference over losses, logits
 * and gradients of one and the same step.
 */

import type { Difference } from '../../protocol/benchmark/report.js';
import { allLossNames } from '../../recipe/metrics.js';
import type { Recipe } from '../../recipe/recipe.js';
import type { NamedTensor, NamedTensors } from '../model/parameters.js';

/** Stands for a difference that is none: something is missing, of another shape, or no number. */
export const BEYOND = 1e9;

/**
 * Differences are relative to a tensor's norm, but to no less than this share of the largest norm among its
 * kin: a bias before a batch norm has a gradient of zero in exact arithmetic, and noise in practice.
 */
const FLOOR_SHARE = 1e-3;

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

function relativeDifference(actual: NamedTensor | undefined, expected: NamedTensor, floor: number): number {
  if (actual === undefined || actual.values.length !== expected.values.length) return BEYOND;
  const off = norm(Float64Array.from(expected.values, (value, i) => actual.values[i]! - value));
  if (off === 0) return 0;
  const difference = off / Math.max(norm(expected.values), floor);
  // A NaN is no right answer either.
  return difference < BEYOND ? difference : BEYOND;
}

/** Gradients of one network are kin: `gradient/discriminator/conv1/kernel`, `gradient@1/…`. */
const kinOf = (name: string): string => name.split('/').slice(0, 2).join('/');

function largest(actual: NamedTensors, expected: readonly (readonly [string, NamedTensor])[]): number | null {
  if (expected.length === 0) return null;
  const norms = new Map<string, number>();
  for (const [name, { values }] of expected)
    norms.set(kinOf(name), Math.max(norms.get(kinOf(name)) ?? 0, norm(values)));
  const differences = expected.map(([name, tensor]) =>
    relativeDifference(actual.get(name), tensor, FLOOR_SHARE * norms.get(kinOf(name))!),
  );
  return Math.max(...differences);
}

/**
 * The differences of what an engine's `inspectStep` gives from the reference's. With `isPartial` a loss or
 * logits that `actual` does not have were not asked of it; gradients always are.
 */
export function differenceOf(
  actual: NamedTensors,
  reference: NamedTensors,
  recipe: Recipe,
  isPartial = false,
): Difference {
  const losses = new Set(allLossNames(recipe));
  const { layer } = recipe.classifier;
  const isLogits = (name: string): boolean => /^[^/@]+\/[^/]+$/.test(name) && name.endsWith(`/${layer}`);
  const ofKind = (isKind: (name: string) => boolean): readonly (readonly [string, NamedTensor])[] =>
    [...reference].filter(([name]) => isKind(name));
  const isAsked = (name: string): boolean => !isPartial || actual.has(name);
  return {
    losses: largest(
      actual,
      ofKind((name) => losses.has(name) && isAsked(name)),
    ),
    logits: largest(
      actual,
      ofKind((name) => isLogits(name) && isAsked(name)),
    ),
    gradients: largest(
      actual,
      ofKind((name) => /^gradient(@\d+)?\//.test(name)),
    ),
  };
}

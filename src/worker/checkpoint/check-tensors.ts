/** Whether the values of a checkpoint's tensors are values that a run can have. */

import { formatNumber } from '../../protocol/wording.js';
import type { Optimiser } from '../../recipe/recipe.js';
import type { NamedTensor, ParameterDescription } from '../model/parameters.js';

export type TensorKind =
  ParameterDescription['role'] | 'variance' | 'probability' | 'firstMoment' | 'secondMoment';

/**
 * Beyond any parameter: Adam moves one by at most lr (1 - beta1) / sqrt(1 - beta2) a step, which the
 * ranges of the settings hold below 1,000, in ten million steps 10^10.
 */
const LARGEST_PARAMETER = 1e11;

/** Below it the square of a gradient can be too small for a float32, its second moment be 0. */
const SMALLEST_MOMENT = 1e-15;

const ALLOWED: Readonly<Record<TensorKind, (value: number) => boolean>> = {
  trained: (value) => Math.abs(value) <= LARGEST_PARAMETER,
  frozen: (value) => Math.abs(value) <= LARGEST_PARAMETER,
  running: Number.isFinite,
  variance: (value) => value >= 0 && value < Infinity,
  probability: (value) => value >= 0 && value <= 1,
  firstMoment: Number.isFinite,
  secondMoment: (value) => value >= 0 && value < Infinity,
};

const EXPECTED: Readonly<Record<TensorKind, string>> = {
  trained: 'a parameter is between -1e11 and 1e11',
  frozen: 'a parameter is between -1e11 and 1e11',
  running: 'a mean is finite',
  variance: 'a variance is 0 or more, and finite',
  probability: 'a target is between 0 and 1',
  firstMoment: 'a moment is finite',
  secondMoment: 'a second moment is 0 or more, and finite',
};

/** Throws an `Error` that names the tensor, the value and its place. */
export function checkTensor(name: string, { values }: NamedTensor, kind: TensorKind): void {
  const wrong = values.findIndex((value) => !ALLOWED[kind](value));
  if (wrong === -1) return;
  throw new Error(
    `its tensor "${name}" holds ${values[wrong]} at element ${formatNumber(wrong)}; ${EXPECTED[kind]}`,
  );
}

/**
 * Throws an `Error` where Adam's two moments cannot be of one run: any but 0 before the first step, or a
 * second moment of 0 beside a first that is not, by which the next step would divide.
 */
export function checkMoments(
  names: { readonly m: string; readonly v: string },
  m: NamedTensor,
  v: NamedTensor,
  step: number,
  { beta1, beta2 }: Optimiser,
): void {
  if (step === 0) {
    const early = m.values.find((value) => value !== 0) ?? v.values.find((value) => value !== 0);
    if (early === undefined) return;
    throw new Error(`its moments "${names.m}" and "${names.v}" hold ${early} at step 0; there they are 0`);
  }
  // Else the second moment may fade before the first.
  if (beta1 ** 2 >= beta2) return;
  const wrong = m.values.findIndex((value, i) => v.values[i] === 0 && Math.abs(value) > SMALLEST_MOMENT);
  if (wrong === -1) return;
  throw new Error(
    `its tensor "${names.v}" holds 0 at element ${formatNumber(wrong)}, where "${names.m}" holds ${m.values[wrong]}`,
  );
}

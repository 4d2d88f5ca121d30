/** The numbers that a step takes from its place in the run: learning rates, ramped weights, averages' rates. */

import type { Optimiser } from '../../../recipe/recipe.js';
import {
  adamRate,
  averageRate,
  updateNumber,
  weightAt,
  type Ramp,
  type UpdatePlace,
} from '../../../recipe/schedules.js';

export type StepScalar =
  | { readonly kind: 'adamRate'; readonly optimiser: Optimiser; readonly place: UpdatePlace }
  | { readonly kind: 'weight'; readonly weight: Ramp }
  /** Averages move once a step. */
  | { readonly kind: 'averageRate'; readonly decay: number };

/** The scalar of the step after `step` updates, in float64. */
export function stepScalar(scalar: StepScalar, step: number): number {
  switch (scalar.kind) {
    case 'adamRate':
      return adamRate(scalar.optimiser, step, updateNumber(scalar.place, step));
    case 'weight':
      return weightAt(scalar.weight, step);
    case 'averageRate':
      return averageRate(scalar.decay, step + 1);
    default:
      return scalar satisfies never;
  }
}

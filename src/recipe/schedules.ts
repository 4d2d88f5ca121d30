/**
 * What changes from step to step: learning rates, weights of terms, the rate of an average. All in
 * float64, since 1 - beta^t cancels in float32; engines are given the results.
 */

/** A factor on a learning rate: linear warm-up, then down to `finalShare` along a cosine, then that. */
export interface Schedule {
  /** Updates until the full rate; the first has 1 / `warmUpSteps` of it. 0: none. */
  readonly warmUpSteps: number;
  /** null: the rate stays. */
  readonly cosine: { readonly steps: number; readonly finalShare: number } | null;
}

export const CONSTANT: Schedule = Object.freeze({ warmUpSteps: 0, cosine: null });

/** What Adam's step size follows from. */
export interface AdamRates {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly schedule: Schedule;
}

/** A weight that goes linearly from one value to another. */
export interface Ramp {
  readonly from: number;
  readonly to: number;
  /** Updates done when it leaves `from`. */
  readonly firstStep: number;
  /** Updates that it takes, at least 1. */
  readonly steps: number;
}

/** The schedule's factor for the step after `step` updates. */
export function scheduleFactor({ warmUpSteps, cosine }: Schedule, step: number): number {
  const warmUp = warmUpSteps === 0 ? 1 : Math.min(1, (step + 1) / warmUpSteps);
  if (cosine === null) return warmUp;
  const progress = Math.min(step, cosine.steps) / cosine.steps;
  const share = cosine.finalShare + ((1 - cosine.finalShare) * (1 + Math.cos(Math.PI * progress))) / 2;
  return warmUp * share;
}

/** A term's weight in the step after `step` updates. */
export function weightAt(weight: number | Ramp, step: number): number {
  if (typeof weight === 'number') return weight;
  const { from, to, firstStep, steps } = weight;
  return from + (to - from) * Math.min(1, Math.max(0, (step - firstStep) / steps));
}

/**
 * Adam's step size in the step after `step` updates, with the schedule and the bias corrections folded
 * in: lr sqrt(1 - beta2^t) / (1 - beta1^t) of the network's update t (from 1), as TensorFlow 1 has it.
 *
 * Source: Kingma and Ba, "Adam" (2015), the last paragraph of section 2; tf.train.AdamOptimizer.
 */
export function adamRate({ lr, beta1, beta2, schedule }: AdamRates, step: number, t: number): number {
  return (lr * scheduleFactor(schedule, step) * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
}

/** How far a bias-corrected average moves to the parameter at its move t (from 1): all the way at first. */
export function averageRate(decay: number, t: number): number {
  return (1 - decay) / (1 - decay ** t);
}

/** Where a network's update stands among those of its own in a step. */
export interface UpdatePlace {
  readonly index: number;
  readonly perStep: number;
}

/** Whether it is the network's last of the step, after which its average moves. */
export function isLastUpdate({ index, perStep }: UpdatePlace): boolean {
  return index === perStep - 1;
}

/** Number t (from 1) of a network's update in the step after `step` updates. */
export function updateNumber({ index, perStep }: UpdatePlace, step: number): number {
  return step * perStep + index + 1;
}

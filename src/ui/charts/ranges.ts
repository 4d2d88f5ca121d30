/** Where the axes of the charts end: round numbers that stay put while data comes in. */

const NICE = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/** The next round number at or above a positive value. */
export function niceCeiling(value: number): number {
  const scale = 10 ** Math.floor(Math.log10(value));
  // A value like 0.3 is 2.9999999999999996 times its scale.
  const multiple = NICE.find((nice) => nice >= value / scale - 1e-9) ?? 10;
  return multiple * scale;
}

/** 1, 2 and 5 times the powers of ten from `least` to `most`: steps between labels that are read at a glance. */
function tickSteps(least: number, most: number): readonly number[] {
  const steps: number[] = [];
  for (let power = Math.round(Math.log10(least)); power <= Math.log10(most); power++) {
    // By strings, since 2 * 10 ** -3 is not 0.002 to the last bit for every power.
    steps.push(...[1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  }
  return steps;
}

/** Whole steps, as they are labelled; half a step would be labelled as another one. */
export const STEP_TICKS = tickSteps(1, 1e7);
/** Tenths of a per cent at least, as they are labelled. */
export const ACCURACY_TICKS = tickSteps(0.001, 0.1);
/** As fine as six digits are labelled. */
export const LOSS_TICKS = tickSteps(1e-5, 1e6);

/** End of the step axis: round, at least 10 steps, the run's end at most. */
export function stepAxisEnd(step: number, steps: number): number {
  return Math.max(step, Math.min(steps, niceCeiling(Math.max(10, step))));
}

/**
 * Range of an accuracy axis, top 1. Begins below what is shown beyond the first tenth of the axis, so
 * that an untrained network's first evaluations do not press the rest together.
 */
export function accuracyRange(
  points: readonly { readonly step: number; readonly accuracy: number }[],
  end: number,
): readonly [number, number] {
  const settled = points.filter(({ step }) => step >= end / 10);
  if (settled.length < 2) return [0, 1];
  // Not Math.min(...): a long run has more evaluations than a call may have arguments.
  const least = settled.reduce((low, { accuracy }) => Math.min(low, accuracy), 1);
  return [Math.max(0, Math.min(0.8, Math.floor(least * 10 - 0.2) / 10)), 1];
}

/** Range of a loss axis from the smoothed losses, bottom 0; single steps may leave it. */
export function lossRange(smoothed: readonly (number | null)[]): readonly [number, number] {
  const most = smoothed.reduce<number>((top, value) => Math.max(top, value ?? 0), 0);
  return [0, niceCeiling(Math.max(0.5, 1.15 * most))];
}

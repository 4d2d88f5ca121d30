/** What is made of a row of timings. Pure; the same on the page, in the worker and in the commands. */

/** Times of a step, of whatever unit the samples have. */
export interface Spread {
  readonly min: number;
  /** A tenth of the samples lie below; null where only the ends were kept. */
  readonly p10: number | null;
  readonly median: number;
  /** A tenth of the samples lie above. */
  readonly p90: number | null;
  readonly max: number;
}

/** The value below which a share of the sorted samples lies, between two of them by interpolation. */
function quantileOf(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (position - below) * (high - low);
}

const sortedOf = (values: readonly number[]): readonly number[] => [...values].sort((a, b) => a - b);

/** The middle of some values, or the mean of the two in the middle. There has to be one. */
export function median(values: readonly number[]): number {
  return quantileOf(sortedOf(values), 0.5);
}

/** Of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = sortedOf(values);
  const [min, p10, middle, p90, max] = [0, 0.1, 0.5, 0.9, 1].map((share) => quantileOf(sorted, share));
  return { min: min!, p10: p10!, median: middle!, p90: p90!, max: max! };
}

/** From the median absolute deviation to a standard deviation, for values that are normally distributed. */
const TO_DEVIATION = 1.4826;
/** The standard error of a median is so many times that of a mean. */
const MEDIAN_TO_MEAN = 1.2533;

/**
 * How well the median of these values is known, as a share of it: its standard error, from the median
 * absolute deviation, so that a few disturbed values do not count. Infinity for fewer than three.
 */
export function uncertaintyOf(values: readonly number[]): number {
  if (values.length < 3) return Infinity;
  const middle = median(values);
  const deviation = median(values.map((value) => Math.abs(value - middle)));
  return (TO_DEVIATION * MEDIAN_TO_MEAN * deviation) / (Math.sqrt(values.length) * middle);
}

/** Fewer samples say nothing about a drift. */
const LEAST_FOR_DRIFT = 9;

/** How many times as long the last third of the samples took as the first; null where there are too few. */
export function driftOf(values: readonly number[]): number | null {
  if (values.length < LEAST_FOR_DRIFT) return null;
  const third = Math.floor(values.length / 3);
  return median(values.slice(-third)) / median(values.slice(0, third));
}

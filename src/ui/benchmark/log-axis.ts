/** A logarithmic axis: where a value lies between its ends, and which values it names. */

export interface LogAxis {
  readonly min: number;
  readonly max: number;
  /** Values to name, ascending. */
  readonly ticks: readonly number[];
  /** 0 at the left end, 1 at the right; what lies beyond an end lies on it. */
  readonly place: (value: number) => number;
}

/** Steps of a decade, from coarse to fine. */
const STEPS = [[1], [1, 3], [1, 2, 5]] as const;
const LEAST_TICKS = 3;

/** An axis that has all of these positive values; null for none. */
export function logAxis(values: readonly number[]): LogAxis | null {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (positive.length === 0) return null;
  // Room around, so that no mark lies on the edge, and one value alone lies in the middle.
  const min = Math.min(...positive) / 1.3;
  const max = Math.max(...positive) * 1.3;
  const span = Math.log(max / min);
  const place = (value: number): number => Math.min(1, Math.max(0, Math.log(value / min) / span));
  let ticks: number[] = [];
  for (const steps of STEPS) {
    ticks = [];
    for (let decade = Math.floor(Math.log10(min)); decade <= Math.ceil(Math.log10(max)); decade++) {
      for (const step of steps) {
        const value = Number((step * 10 ** decade).toPrecision(1));
        if (value >= min && value <= max) ticks.push(value);
      }
    }
    if (ticks.length >= LEAST_TICKS) break;
  }
  return { min, max, ticks, place };
}

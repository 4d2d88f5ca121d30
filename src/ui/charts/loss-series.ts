/**
 * The losses of a run of any length in bounded memory: steps are averaged in buckets, and when the
 * buckets run out, each two become one. Smooths step by step, before anything is averaged.
 */

import type { Evaluation, MetricsReport, RunReport } from '../../protocol/reports.js';

/** More than a chart has pixels to draw them on. */
const CAPACITY = 1024;

/** Steps that an average of losses looks back over: a hundredth of the run, within bounds. */
export function smoothingSpan(steps: number): number {
  return Math.min(500, Math.max(20, Math.round(steps / 100)));
}

/** An exponential average that is not pulled towards zero at its start. NaN in, NaN out, and forgotten. */
class Smoothed {
  readonly #rate: number;
  #sum = 0;
  #weight = 0;

  constructor(span: number) {
    this.#rate = 1 / span;
  }

  add(value: number): number {
    if (Number.isNaN(value)) return NaN;
    this.#sum += this.#rate * (value - this.#sum);
    this.#weight += this.#rate * (1 - this.#weight);
    return this.#sum / this.#weight;
  }
}

interface Bucket {
  /** The last step in it. */
  step: number;
  count: number;
  /** Sums of the raw values, by loss, and how many there were: a stage may not have a loss. */
  readonly sums: number[];
  readonly counts: number[];
  /** Their smoothed values at the last step that had them. */
  smoothed: readonly number[];
}

/** A loss's columns for a chart; null where a value is not finite. */
export interface LossColumn {
  readonly name: string;
  readonly values: readonly (number | null)[];
  readonly smoothed: readonly (number | null)[];
}

/** The later values, where there are any. */
function newest(earlier: readonly number[], later: readonly number[]): readonly number[] {
  return later.map((value, index) => (Number.isNaN(value) ? earlier[index]! : value));
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

export class LossSeries {
  /** The losses, in the order of their columns. */
  readonly names: readonly string[];
  readonly #metrics: readonly string[];
  readonly #smoothed: readonly Smoothed[];
  readonly #capacity: number;
  #buckets: Bucket[] = [];
  #stepsPerBucket = 1;

  /** `span`: see `smoothingSpan`. `capacity`: an even number of buckets. */
  constructor(span: number, { metrics, losses }: Pick<RunReport, 'metrics' | 'losses'>, capacity = CAPACITY) {
    this.names = losses;
    this.#metrics = metrics;
    this.#smoothed = losses.map(() => new Smoothed(span));
    this.#capacity = capacity;
  }

  add({ firstStep, steps, values }: MetricsReport): void {
    const columns = this.names.map((name) => this.#metrics.indexOf(name));
    for (let index = 0; index < steps; index++) {
      const row = index * this.#metrics.length;
      this.#addStep(
        firstStep + index,
        columns.map((column) => values[row + column]!),
      );
    }
  }

  /** The losses of evaluations before a checkpoint: all that is left of its steps, so nothing to smooth over. */
  addHistory(evaluations: readonly Pick<Evaluation, 'step' | 'losses'>[]): void {
    for (const { step, losses } of evaluations) {
      const values = this.names.map((name) => losses[name] ?? NaN);
      this.#addValues(step, values, values);
    }
  }

  /** Smoothed losses by name at a step (or the last bucket's before it), or at the newest; null: none. */
  at(step: number | null): ReadonlyMap<string, number | null> {
    const bucket = step === null ? this.#buckets.at(-1) : this.#buckets.findLast((each) => each.step <= step);
    return new Map(
      this.names.map((name, index) => [name, bucket === undefined ? null : known(bucket.smoothed[index]!)]),
    );
  }

  columns(): { readonly steps: readonly number[]; readonly losses: readonly LossColumn[] } {
    return {
      steps: this.#buckets.map(({ step }) => step),
      losses: this.names.map((name, index) => ({
        name,
        values: this.#buckets.map(({ sums, counts }) => known(sums[index]! / counts[index]!)),
        smoothed: this.#buckets.map(({ smoothed }) => known(smoothed[index]!)),
      })),
    };
  }

  #addStep(step: number, losses: readonly number[]): void {
    const smoothed = losses.map((loss, index) => this.#smoothed[index]!.add(loss));
    this.#addValues(step, losses, smoothed);
  }

  #addValues(step: number, losses: readonly number[], smoothed: readonly number[]): void {
    const open = this.#buckets.at(-1);
    if (open !== undefined && open.count < this.#stepsPerBucket) {
      open.step = step;
      open.count++;
      losses.forEach((loss, index) => {
        if (Number.isNaN(loss)) return;
        open.sums[index]! += loss;
        open.counts[index]!++;
      });
      open.smoothed = newest(open.smoothed, smoothed);
      return;
    }
    if (this.#buckets.length >= this.#capacity) this.#halve();
    const has = losses.map((loss) => !Number.isNaN(loss));
    const sums = losses.map((loss, index) => (has[index] === true ? loss : 0));
    this.#buckets.push({ step, count: 1, sums, counts: has.map(Number), smoothed });
  }

  #halve(): void {
    const pairs = this.#buckets;
    this.#buckets = [];
    for (let index = 0; index + 1 < pairs.length; index += 2) {
      const [first, second] = [pairs[index]!, pairs[index + 1]!];
      this.#buckets.push({
        step: second.step,
        count: first.count + second.count,
        sums: first.sums.map((sum, loss) => sum + second.sums[loss]!),
        counts: first.counts.map((count, loss) => count + second.counts[loss]!),
        smoothed: newest(first.smoothed, second.smoothed),
      });
    }
    this.#stepsPerBucket *= 2;
  }
}

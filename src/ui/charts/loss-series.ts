/**
 * The losses of a run of any length in bounded memory: steps are averaged in buckets, and when the
 * buckets run out, each two become one. Smooths step by step, before anything is averaged.
 */

import { METRIC_NAMES, type MetricsReport } from '../../protocol/reports.js';

/** More than a chart has pixels to draw them on. */
const CAPACITY = 1024;

const COLUMNS = [METRIC_NAMES.indexOf('discriminatorLoss'), METRIC_NAMES.indexOf('generatorLoss')] as const;

/** Steps that an average of losses looks back over: a hundredth of the run, within bounds. */
export function smoothingSpan(steps: number): number {
  return Math.min(500, Math.max(20, Math.round(steps / 100)));
}

/** An exponential average that is not pulled towards zero at its start. NaN in, NaN out. */
class Smoothed {
  readonly #rate: number;
  #sum = 0;
  #weight = 0;

  constructor(span: number) {
    this.#rate = 1 / span;
  }

  add(value: number): number {
    this.#sum += this.#rate * (value - this.#sum);
    this.#weight += this.#rate * (1 - this.#weight);
    return this.#sum / this.#weight;
  }
}

interface Bucket {
  /** The last step in it. */
  step: number;
  count: number;
  /** Sum of the raw values of discriminator and generator. */
  readonly sums: [number, number];
  /** Their smoothed values at `step`. */
  readonly smoothed: [number, number];
}

/** Columns for a chart; null where the recipe has no such loss. */
export interface LossColumns {
  readonly steps: number[];
  readonly discriminator: (number | null)[];
  readonly discriminatorSmoothed: (number | null)[];
  readonly generator: (number | null)[];
  readonly generatorSmoothed: (number | null)[];
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

export class LossSeries {
  readonly #smoothed: readonly [Smoothed, Smoothed];
  readonly #capacity: number;
  #buckets: Bucket[] = [];
  #stepsPerBucket = 1;

  /** `span`: see `smoothingSpan`. `capacity`: an even number of buckets. */
  constructor(span: number, capacity = CAPACITY) {
    this.#smoothed = [new Smoothed(span), new Smoothed(span)];
    this.#capacity = capacity;
  }

  add({ firstStep, steps, values }: MetricsReport): void {
    for (let index = 0; index < steps; index++) {
      const row = index * METRIC_NAMES.length;
      this.#addStep(firstStep + index, values[row + COLUMNS[0]]!, values[row + COLUMNS[1]]!);
    }
  }

  /** Smoothed losses at a step (or the last bucket's before it), or at the newest; null: none. */
  at(step: number | null): { readonly discriminator: number | null; readonly generator: number | null } {
    const bucket = step === null ? this.#buckets.at(-1) : this.#buckets.findLast((each) => each.step <= step);
    if (bucket === undefined) return { discriminator: null, generator: null };
    return { discriminator: known(bucket.smoothed[0]), generator: known(bucket.smoothed[1]) };
  }

  columns(): LossColumns {
    return {
      steps: this.#buckets.map(({ step }) => step),
      discriminator: this.#buckets.map(({ sums, count }) => known(sums[0] / count)),
      discriminatorSmoothed: this.#buckets.map(({ smoothed }) => known(smoothed[0])),
      generator: this.#buckets.map(({ sums, count }) => known(sums[1] / count)),
      generatorSmoothed: this.#buckets.map(({ smoothed }) => known(smoothed[1])),
    };
  }

  #addStep(step: number, discriminator: number, generator: number): void {
    const smoothed: [number, number] = [
      this.#smoothed[0].add(discriminator),
      this.#smoothed[1].add(generator),
    ];
    const open = this.#buckets.at(-1);
    if (open !== undefined && open.count < this.#stepsPerBucket) {
      open.step = step;
      open.count++;
      open.sums[0] += discriminator;
      open.sums[1] += generator;
      [open.smoothed[0], open.smoothed[1]] = smoothed;
      return;
    }
    if (this.#buckets.length >= this.#capacity) this.#halve();
    this.#buckets.push({ step, count: 1, sums: [discriminator, generator], smoothed });
  }

  #halve(): void {
    const pairs = this.#buckets;
    this.#buckets = [];
    for (let index = 0; index + 1 < pairs.length; index += 2) {
      const [first, second] = [pairs[index]!, pairs[index + 1]!];
      this.#buckets.push({
        step: second.step,
        count: first.count + second.count,
        sums: [first.sums[0] + second.sums[0], first.sums[1] + second.sums[1]],
        smoothed: second.smoothed,
      });
    }
    this.#stepsPerBucket *= 2;
  }
}

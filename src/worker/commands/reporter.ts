/**
 * Batches reports for the one callback: in order, at most some twenty batches a second, and none
 * while the page has not taken the one before, so that a stalled page costs no memory.
 */

import { transfer } from 'comlink';
import type { MetricsReport, Report } from '../../protocol/reports.js';
import type { ReportListener } from '../../protocol/trainer-api.js';

/** Time between the starts of two batches. */
const INTERVAL_MS = 50;

export interface ReporterOptions {
  readonly listener: ReportListener;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Calls back once after about `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** Joins metrics of consecutive steps that stand next to each other. */
function joinMetrics(reports: readonly Report[]): Report[] {
  const joined: Report[] = [];
  let parts: MetricsReport[] = [];
  const close = (): void => {
    const [first] = parts;
    if (first === undefined) return;
    const steps = parts.reduce((sum, part) => sum + part.steps, 0);
    const names = first.values.length / first.steps;
    const values = new Float32Array(steps * names);
    for (const part of parts) values.set(part.values, (part.firstStep - first.firstStep) * names);
    joined.push({ ...first, steps, values, stepsPerSecond: parts.at(-1)!.stepsPerSecond });
    parts = [];
  };
  for (const report of reports) {
    if (report.type !== 'metrics') {
      close();
      joined.push(report);
      continue;
    }
    const last = parts.at(-1);
    if (last !== undefined && last.firstStep + last.steps !== report.firstStep) close();
    parts.push(report);
  }
  close();
  return joined;
}

/** Whether `later` makes an `earlier` report that was not sent yet worthless. */
function supersedes(later: Report, earlier: Report): boolean {
  if (later.type === 'images') return earlier.type === 'images' && earlier.source === later.source;
  if (later.type === 'replay') return earlier.type === 'replay';
  if (later.type === 'featureMap') return earlier.type === 'featureMap';
  return later.type === 'loading' && earlier.type === 'loading' && earlier.stage === later.stage;
}

/** The buffers of a batch that move to the page instead of being copied. */
function buffersOf(batch: readonly Report[]): ArrayBuffer[] {
  return batch.flatMap((report) => {
    if (report.type === 'images') return [report.grid.rgba.buffer];
    if (report.type === 'spread' || report.type === 'featureMap') {
      return [report.points.buffer, report.classes.buffer];
    }
    return report.type === 'metrics' ? [report.values.buffer] : [];
  });
}

export class Reporter {
  readonly #options: ReporterOptions;
  #pending: Report[] = [];
  #lastSentAt = -Infinity;
  #isScheduled = false;
  #untaken = 0;
  /** Settles when the page has taken the batch that was sent last. */
  #lastTaken: Promise<void> = Promise.resolve();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Queues a report; its buffers belong to the page from now on. */
  report(report: Report): void {
    const superseded = this.#pending.findLastIndex((earlier) => supersedes(report, earlier));
    if (superseded !== -1) this.#pending.splice(superseded, 1);
    this.#pending.push(report);
    this.#schedule();
  }

  /**
   * Sends everything queued now, whether or not the page is behind. Resolves when the page has taken
   * everything that was sent.
   */
  flush(): Promise<void> {
    if (this.#pending.length === 0) return this.#lastTaken;
    const batch = joinMetrics(this.#pending);
    this.#pending = [];
    this.#lastSentAt = this.#options.now();
    this.#untaken++;
    const taken = (): void => {
      this.#untaken--;
      this.#schedule();
    };
    // Through Comlink the listener returns a promise. What it throws is the page's own affair.
    this.#lastTaken = new Promise((resolve) =>
      resolve(this.#options.listener(transfer(batch, buffersOf(batch)))),
    ).then(taken, taken);
    return this.#lastTaken;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#untaken > 0 || this.#pending.length === 0) return;
    this.#isScheduled = true;
    const delayMs = Math.max(0, this.#lastSentAt + INTERVAL_MS - this.#options.now());
    this.#options.schedule(() => {
      this.#isScheduled = false;
      if (this.#untaken === 0) void this.flush();
    }, delayMs);
  }
}

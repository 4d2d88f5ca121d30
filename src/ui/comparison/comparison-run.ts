/** A run that another is held against, through a client of its own: it trains up to a step and rests. */

import type { EvaluationReport, Report } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import type { TrainerClient, WorkerClientOptions } from '../worker-client.js';

export interface ComparisonRunOptions {
  readonly settings: Settings;
  readonly createClient: (options: Pick<WorkerClientOptions, 'onReports' | 'onDeath'>) => TrainerClient;
  /** There is another evaluation. */
  readonly onEvaluation: (evaluations: readonly EvaluationReport[]) => void;
}

export class ComparisonRun {
  readonly #options: ComparisonRunOptions;
  #client: TrainerClient | null = null;
  #isMade = false;
  #hasEnded = false;
  #step = 0;
  #stepsPerSecond: number | null = null;
  #evaluations: readonly EvaluationReport[] = [];
  #settleRest: () => void = () => undefined;

  constructor(options: ComparisonRunOptions) {
    this.#options = options;
  }

  get settings(): Settings {
    return this.#options.settings;
  }

  /** Updates done. */
  get step(): number {
    return this.#step;
  }

  /** null before it was measured. */
  get stepsPerSecond(): number | null {
    return this.#stepsPerSecond;
  }

  /** Whether it will never go on. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Trains until `step` updates are done, with an evaluation after the last; earlier where `signal` ends it. Never rejects. */
  async goTo(step: number, signal: AbortSignal): Promise<void> {
    if (this.#hasEnded || this.#isDone || signal.aborted) return;
    try {
      await this.#goTo(step, signal);
    } catch {
      this.#fail();
    }
    // Its evaluations are all that is asked for from now on.
    if (this.#isDone) this.#endWorker();
  }

  /** Ends its worker, wherever it is. */
  end(): void {
    this.#hasEnded = true;
    this.#endWorker();
    this.#settleRest();
  }

  /** Whether it was evaluated after its last step. */
  get #isDone(): boolean {
    return (this.#evaluations.at(-1)?.step ?? 0) >= this.#options.settings.steps;
  }

  #endWorker(): void {
    this.#client?.terminate();
    this.#client = null;
  }

  async #goTo(step: number, signal: AbortSignal): Promise<void> {
    const { settings, createClient } = this.#options;
    this.#client ??= createClient({
      onReports: (batch) => batch.forEach((report) => this.#take(report)),
      onDeath: () => this.#fail(),
    });
    const client = this.#client;
    // Made for all of its steps, so that its schedules are as long as those of the run that it is held against.
    if (!this.#isMade) await client.step(settings);
    this.#isMade = true;
    if (signal.aborted || this.#step >= step || this.#hasEnded) return;
    const rested = new Promise<void>((resolve) => (this.#settleRest = resolve));
    const pause = (): void => void client.pause().catch(() => this.#fail());
    await client.start({ ...settings, steps: step });
    if (signal.aborted) pause();
    else signal.addEventListener('abort', pause, { once: true });
    await rested;
    signal.removeEventListener('abort', pause);
  }

  #take(report: Report): void {
    switch (report.type) {
      case 'metrics':
        this.#step = report.firstStep + report.steps - 1;
        this.#stepsPerSecond = report.stepsPerSecond;
        return;
      case 'evaluation':
        this.#evaluations = [...this.#evaluations.filter(({ step }) => step < report.step), report];
        this.#options.onEvaluation(this.#evaluations);
        return;
      case 'state':
        if (report.state === 'failed') this.#fail();
        else if (report.state === 'paused' || report.state === 'finished') this.#settleRest();
        return;
      default:
    }
  }

  #fail(): void {
    if (!this.#hasEnded) this.end();
  }
}

/**
 * One run on one engine: the loop that makes steps in chunks, the evaluation schedule, pausing,
 * sample images, and the last good state. Knows no commands and no wire; `trainer.ts` does.
 */

import type { Report, SettingsReport } from '../../protocol/reports.js';
import { hasSchedule } from '../../recipe/metrics.js';
import type { ErrorInfo } from '../../protocol/errors.js';
import type { Settings } from '../../protocol/settings.js';
import { sampleLatents } from '../model/draws.js';
import type { Engine, StepMetrics } from '../engine/engine.js';
import type { Dataset, Split } from '../data/dataset.js';
import { toErrorInfo, TrainerError } from '../../protocol/errors.js';
import { Evaluation } from './evaluation.js';
import { isEvaluationDue, stepsToEvaluation } from '../../protocol/evaluation-schedule.js';
import { generateImageGrid, SAMPLE_COLUMNS, SAMPLE_COUNT } from '../engine/image-grid.js';
import { Cadence, Pace } from './pace.js';
import { MetricsRecord } from './metrics-record.js';
import { NO_PROGRESS, type RunProgress } from '../checkpoint/snapshot.js';
import { RandomStreams } from '../random/streams.js';
import type { Recipe } from '../../recipe/recipe.js';
import { SerialQueue } from './serial-queue.js';
import { checkFinite, type RunSnapshot } from '../checkpoint/snapshot.js';

/** While running, sample images and kept states come at most this often. */
const SAMPLES_EVERY_MS = 1000;
const KEEP_EVERY_MS = 5000;

export type RunOutcome = 'paused' | 'finished' | ErrorInfo;

export interface RunOptions {
  readonly settings: Settings;
  readonly recipe: Recipe;
  readonly scheduleSteps: number;
  readonly dataset: Dataset;
  readonly split: Split;
  /** The run's own from now on; it stands at `progress.step`. */
  readonly engine: Engine;
  /** See `EngineEntry` for both. */
  readonly evaluationSlice: number;
  readonly joinsSlices: boolean;
  /** Left out for a run that begins. */
  readonly progress?: RunProgress | undefined;
  readonly report: (report: Report) => void;
  /** Called whenever the run comes to rest. */
  readonly onRest: (outcome: RunOutcome) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Resolves after the commands that have arrived were given to the trainer. */
  readonly yieldToCommands: () => Promise<void>;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

export class Run {
  readonly #options: RunOptions;
  readonly #engine: Engine;
  readonly #latents: Float32Array<ArrayBuffer>;
  readonly #record: MetricsRecord;
  readonly #pace = new Pace();
  /** Of evaluation, in slices. */
  readonly #evaluationPace = new Pace();
  /** Engines take one call at a time. */
  readonly #engineCalls = new SerialQueue();
  #settings: Settings;
  /** Updates asked of the engine; the record may be behind until the engine is flushed. */
  #step: number;
  #goal = 0;
  #settleGoal: () => void = () => undefined;
  #loop: Promise<void> | null = null;
  #isStopRequested = false;
  #wantsSamplesAtRest = true;
  #evaluation: Evaluation | null = null;
  #failure: Error | null = null;
  #isDisposed = false;
  #lastGood: RunSnapshot | null = null;
  #hasStepped = false;
  #restedMs: number;
  #goesSince = 0;
  #samplesStep = -1;
  readonly #samplesCadence = new Cadence(SAMPLES_EVERY_MS);
  readonly #keepCadence = new Cadence(KEEP_EVERY_MS);

  constructor(options: RunOptions) {
    const { settings, recipe, engine, progress = NO_PROGRESS } = options;
    this.#options = options;
    this.#engine = engine;
    this.#settings = settings;
    this.#step = progress.step;
    this.#record = new MetricsRecord(recipe, progress);
    this.#restedMs = progress.elapsedMs;
    this.#latents =
      recipe.generator === null
        ? new Float32Array(0)
        : sampleLatents(new RandomStreams(settings.seed), SAMPLE_COUNT, recipe.generator.latentSize);
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** What the page is told of them, when the run is made and when its steps change. */
  get settingsReport(): SettingsReport {
    const { recipe, scheduleSteps } = this.#options;
    return {
      type: 'settings',
      settings: this.#settings,
      scheduleSteps: hasSchedule(recipe) ? scheduleSteps : null,
    };
  }

  get dataset(): Dataset {
    return this.#options.dataset;
  }

  /** Updates done. */
  get step(): number {
    return this.#step;
  }

  /** Whether nothing is left to do at the present number of steps. */
  get isFinished(): boolean {
    return this.#step >= this.#settings.steps && !this.#isEvaluationOwed();
  }

  /** The newest state whose every value was finite; null before the first. */
  get lastGood(): RunSnapshot | null {
    return this.#lastGood;
  }

  /** Makes a run that was just made presentable: keeps its state and shows its samples. */
  async prepare(): Promise<void> {
    await this.#keepState();
    await this.showSamples();
  }

  /** Changes the total at once, also while going. Not below the steps done. */
  setSteps(steps: number): void {
    if (steps < this.#step) throw new Error(`${steps} steps are fewer than the ${this.#step} done.`);
    this.#settings = Object.freeze({ ...this.#settings, steps });
  }

  /**
   * Makes steps until `goal` updates are done, the run's end at most. Resolves when the run rests
   * again, or when a further call gives it another goal; never rejects (`onRest` has the outcome).
   */
  go(goal: number): Promise<void> {
    this.#settleGoal();
    this.#goal = goal;
    const settled = new Promise<void>((resolve) => {
      this.#settleGoal = resolve;
    });
    if (this.#loop === null) {
      this.#isStopRequested = false;
      this.#wantsSamplesAtRest = true;
      this.#loop = this.#goOn();
    }
    return settled;
  }

  /** Resolves once no step is being computed: after the chunk or evaluation slice under way. */
  async stop({ withSamples = true } = {}): Promise<void> {
    this.#isStopRequested = true;
    this.#wantsSamplesAtRest &&= withSamples;
    await this.#loop;
  }

  /** Ends the run as failed, for an error that came from outside the loop. */
  fail(error: unknown): void {
    if (this.#failure !== null || this.#isDisposed) return;
    this.#failure = asError(error);
    if (this.#loop === null) this.#restAsFailed(this.#failure);
  }

  /** A copy of the state between two steps; a run that goes keeps going. */
  async snapshot(): Promise<RunSnapshot> {
    try {
      return await this.#callEngine(() => this.#takeSnapshot());
    } catch (error) {
      if (!this.#isDisposed) this.fail(error);
      throw error;
    }
  }

  /** Reports the generator's images of the fixed latents, once a step; nothing without a generator. */
  async showSamples(): Promise<void> {
    const { recipe, dataset, report, now } = this.#options;
    if (recipe.generator === null || this.#samplesStep === this.#step) return;
    const step = this.#step;
    const startedAt = now();
    const grid = await this.#callEngine(() =>
      generateImageGrid(this.#engine, this.#latents, SAMPLE_COUNT, SAMPLE_COLUMNS, dataset.imageShape),
    );
    report({ type: 'images', source: 'generated', step, grid });
    this.#samplesStep = step;
    this.#samplesCadence.done(startedAt, now());
  }

  /** Stops and frees the engine; what was asked of it before is still answered. */
  async dispose(): Promise<void> {
    await this.stop({ withSamples: false });
    this.#isDisposed = true;
    this.#lastGood = null;
    await this.#freeEngine();
  }

  async #goOn(): Promise<void> {
    const { now } = this.#options;
    this.#goesSince = now();
    try {
      // A goal set while the samples were made is still heard.
      do {
        await this.#train();
        await this.#callEngine(async () => this.#collect(await this.#engine.flush()));
        if (this.#wantsSamplesAtRest) await this.showSamples();
      } while (!this.#isStopRequested && !this.isFinished && this.#step < this.#goal);
    } catch (error) {
      this.#failure ??= asError(error);
    }
    this.#restedMs += now() - this.#goesSince;
    this.#loop = null;
    if (this.#failure === null) this.#options.onRest(this.isFinished ? 'finished' : 'paused');
    else this.#restAsFailed(this.#failure);
    this.#settleGoal();
  }

  #restAsFailed(failure: Error): void {
    this.#isDisposed = true;
    void this.#freeEngine();
    this.#options.onRest(toErrorInfo(failure));
  }

  async #freeEngine(): Promise<void> {
    // A lost device may not even be freed; nothing waits for it, and what is wrong was said before.
    await this.#engineCalls.run(() => this.#engine.dispose()).catch(() => undefined);
  }

  async #train(): Promise<void> {
    while (!this.isFinished && !this.#isStopRequested) {
      if (this.#isEvaluationOwed()) await this.#evaluate();
      else if (this.#step < this.#goal) await this.#advance();
      else return;
      await this.#options.yieldToCommands();
      if (this.#failure !== null) throw this.#failure;
    }
  }

  #isEvaluationOwed(): boolean {
    if (this.#evaluation !== null) return true;
    return this.#record.evaluatedStep !== this.#step && isEvaluationDue(this.#step, this.#settings);
  }

  async #advance(): Promise<void> {
    const { now, report } = this.#options;
    const toGoal = this.#goal - this.#step;
    const steps = Math.min(this.#pace.chunkSteps, toGoal, stepsToEvaluation(this.#step, this.#settings));
    if (!this.#hasStepped) report({ type: 'loading', stage: 'firstStep', loadedBytes: 0, totalBytes: 0 });
    this.#hasStepped = true;
    const metrics = await this.#callEngine(async () => {
      const startedAt = now();
      const arrived = await this.#engine.advance(steps);
      this.#step += steps;
      this.#pace.measured(steps, now() - startedAt);
      return arrived;
    });
    this.#collect(metrics);
    if (isEvaluationDue(this.#step, this.#settings)) return;
    if (this.#keepCadence.isDue(now())) await this.#keepState();
    if (this.#samplesCadence.isDue(now())) await this.showSamples();
  }

  async #evaluate(): Promise<void> {
    const { dataset, evaluationSlice, joinsSlices, now, report } = this.#options;
    this.#evaluation ??= new Evaluation(dataset.test.count, evaluationSlice);
    const evaluation = this.#evaluation;
    await this.#callEngine(async () => {
      this.#collect(await this.#engine.flush());
      const startedAt = now();
      const slices = joinsSlices ? this.#evaluationPace.chunkSteps : 1;
      const taken = await evaluation.evaluateSlices(this.#engine, slices);
      this.#evaluationPace.measured(taken, now() - startedAt);
    });
    if (!evaluation.isDone) return;
    this.#evaluation = null;
    report(this.#record.evaluated(evaluation.accuracy, this.#elapsedMs()));
    await this.showSamples();
    await this.#keepState();
  }

  #collect(metrics: readonly StepMetrics[]): void {
    const [first] = metrics;
    if (first === undefined) return;
    const values = new Float32Array(metrics.length * this.#record.names.length);
    let good = 0;
    try {
      for (const step of metrics) {
        this.#record.add(step);
        values.set(step.values, good * this.#record.names.length);
        good++;
      }
    } finally {
      // Steps before one that failed were measured and are shown.
      if (good > 0) {
        this.#options.report({
          type: 'metrics',
          firstStep: first.step,
          steps: good,
          values: values.slice(0, good * this.#record.names.length),
          stepsPerSecond: this.#pace.stepsPerSecond,
        });
      }
    }
  }

  async #keepState(): Promise<void> {
    const { now } = this.#options;
    const startedAt = now();
    const snapshot = await this.#callEngine(() => this.#takeSnapshot());
    checkFinite(snapshot.state);
    this.#lastGood = snapshot;
    this.#keepCadence.done(startedAt, now());
  }

  /** Inside an engine call only. */
  async #takeSnapshot(): Promise<RunSnapshot> {
    const { recipe, scheduleSteps, dataset, split } = this.#options;
    this.#collect(await this.#engine.flush());
    const state = await this.#engine.exportState();
    const progress = this.#record.progress(this.#elapsedMs());
    return {
      settings: this.#settings,
      scheduleSteps,
      recipe,
      dataset,
      split,
      engine: this.#engine.info,
      state,
      progress,
    };
  }

  #elapsedMs(): number {
    return this.#restedMs + (this.#loop === null ? 0 : this.#options.now() - this.#goesSince);
  }

  #callEngine<T>(call: () => Promise<T> | T): Promise<T> {
    return this.#engineCalls.run(() => {
      if (!this.#isDisposed) return call();
      throw new TrainerError('Aborted', 'The run was given up before this could be done.');
    });
  }
}

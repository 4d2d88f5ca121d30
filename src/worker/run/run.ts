/**
 * One run on one engine: the loop that makes steps in chunks, evaluates when that is due, and rests when it
 * is told to. What it does beside the steps is `evaluation.ts`, `samples.ts`, `feature-maps.ts`, `last-good.ts`,
 * `stage-begin.ts` and `replay.ts`.
 * Knows no commands and no wire; `trainer.ts` does.
 */

import type { Report, SettingsReport } from '../../protocol/reports.js';
import { hasSchedule } from '../../recipe/metrics.js';
import type { EngineName } from '../../protocol/engines.js';
import type { ErrorInfo } from '../../protocol/errors.js';
import type { Settings } from '../../protocol/settings.js';
import { SAVE_REPLAY_LIMIT_MS } from '../../protocol/time-limits.js';
import type { Engine, StepMetrics } from '../engine/engine.js';
import { ReplayStopped } from '../engine/recovering-engine.js';
import type { Dataset, Split } from '../data/dataset.js';
import type { SpreadKernels } from '../spread/kernels.js';
import { toErrorInfo } from '../../protocol/errors.js';
import { EngineCalls } from './engine-calls.js';
import { Evaluation } from './evaluation.js';
import {
  isEvaluationDue,
  stepsToEvaluation,
  type EvaluationSchedule,
} from '../../protocol/evaluation-schedule.js';
import { FeatureMaps } from './feature-maps.js';
import { LastGood } from './last-good.js';
import { Pace } from './pace.js';
import { PseudoLabels } from './pseudo-labels.js';
import { MetricsRecord } from './metrics-record.js';
import type { Replay } from './replay.js';
import { Reading } from './reading.js';
import { Samples } from './samples.js';
import { StageBegin } from './stage-begin.js';
import { mapsAfter, NO_MAPS, type LandmarkMaps } from '../checkpoint/landmark-maps.js';
import { NO_PROGRESS, type RunProgress, type RunSnapshot } from '../checkpoint/snapshot.js';
import { stageAt, unmeasuredSteps, type Recipe } from '../../recipe/recipe.js';

/** A single step waits for an evaluation that takes longer than this no longer than one of its slices. */
const EVALUATION_PATIENCE_MS = 1000;

export type RunOutcome = 'paused' | 'finished' | ErrorInfo;

export interface RunOptions {
  readonly settings: Settings;
  readonly recipe: Recipe;
  readonly scheduleSteps: number;
  readonly dataset: Dataset;
  readonly split: Split;
  /** The run's own from now on; it stands at `progress.step`. */
  readonly engine: Engine;
  /** For labels that are spread between stages. */
  readonly spreadKernels: SpreadKernels;
  /** What the engine makes lost steps again by. */
  readonly replay: Replay;
  /** Left out for a run that begins. */
  readonly progress?: RunProgress | undefined;
  /** Left out for a run that begins. */
  readonly maps?: LandmarkMaps | undefined;
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
  readonly #calls: EngineCalls;
  readonly #record: MetricsRecord;
  readonly #evaluation: Evaluation;
  readonly #samples: Samples;
  readonly #lastGood: LastGood;
  readonly #stages: StageBegin;
  readonly #featureMaps: FeatureMaps;
  #maps: LandmarkMaps;
  /** Of the engine named beside it: another one has a pace of its own. */
  #pace = new Pace();
  #pacedEngine: EngineName;
  #settings: Settings;
  /** Updates asked of the engine; the record may be behind until the engine is flushed. */
  #step: number;
  readonly #unmeasuredSteps: number;
  #goal = 0;
  #settleGoal: () => void = () => undefined;
  #loop: Promise<void> | null = null;
  /** Aborted when the loop is to rest; a loop that begins has its own. */
  #stopping = new AbortController();
  #wantsSamplesAtRest = true;
  #failure: Error | null = null;
  #hasStepped = false;
  /** Whether the goal was reached, and the loop goes on with an evaluation alone. */
  #restsBesideEvaluation = false;
  #restedMs: number;
  #goesSince = 0;

  constructor(options: RunOptions) {
    const { settings, recipe, dataset, engine, now, progress = NO_PROGRESS } = options;
    this.#options = options;
    this.#calls = new EngineCalls(engine);
    this.#pacedEngine = engine.info.engine;
    this.#settings = settings;
    this.#step = progress.step;
    this.#unmeasuredSteps = unmeasuredSteps(recipe);
    this.#maps = options.maps ?? NO_MAPS;
    const report = (item: Report): void => {
      // Before its buffers are the page's.
      this.#maps = mapsAfter(this.#maps, item);
      options.report(item);
    };
    const mapping = { ...options, calls: this.#calls, report };
    this.#stages = new StageBegin(mapping, progress.step);
    this.#featureMaps = new FeatureMaps(mapping);
    this.#record = new MetricsRecord(recipe, progress);
    this.#restedMs = progress.elapsedMs;
    const pseudoLabels = PseudoLabels.of({ ...options, spread: () => this.#maps.spread });
    this.#evaluation = new Evaluation(dataset.test.count, now, Reading.of(options), pseudoLabels);
    this.#samples = new Samples({ ...options, calls: this.#calls });
    this.#lastGood = new LastGood(now, progress.step);
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

  get #schedule(): EvaluationSchedule {
    return { ...this.#settings, unmeasuredSteps: this.#unmeasuredSteps };
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
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
    return this.#lastGood.snapshot;
  }

  /** Makes a run that was just made presentable: keeps its state and shows its samples. */
  async prepare(): Promise<void> {
    await this.#keepState();
    await this.#samples.show(this.#step);
  }

  /** Changes the total at once, also while going. Not below the steps done. */
  setSteps(steps: number): void {
    if (steps < this.#step) throw new Error(`${steps} steps are fewer than the ${this.#step} done.`);
    this.#settings = Object.freeze({ ...this.#settings, steps });
  }

  /**
   * Makes steps until `goal` updates are done, the run's end at most. Resolves when the run rests
   * again, or when a further call gives it another goal; never rejects (`onRest` has the outcome). Where
   * a goal of few steps ends in a long evaluation, the run rests with that under way, and goes on with it.
   */
  go(goal: number): Promise<void> {
    this.#settleGoal();
    this.#goal = goal;
    this.#restsBesideEvaluation = false;
    const settled = new Promise<void>((resolve) => {
      this.#settleGoal = resolve;
    });
    if (this.#loop === null) {
      this.#stopping = new AbortController();
      this.#wantsSamplesAtRest = true;
      this.#options.replay.allow();
      this.#loop = this.#goOn();
    }
    return settled;
  }

  /** Resolves once no step is being computed: after the chunk, evaluation slice or replay portion under way. */
  async stop({ withSamples = true } = {}): Promise<void> {
    this.#stopping.abort(new Error('The run is to rest.'));
    this.#wantsSamplesAtRest &&= withSamples;
    this.#options.replay.stop();
    await this.#loop;
  }

  /** Ends the run as failed, for an error that came from outside the loop. */
  fail(error: unknown): void {
    if (this.#failure !== null || this.#calls.isClosed) return;
    this.#failure = asError(error);
    if (this.#loop === null) this.#restAsFailed(this.#failure);
  }

  /**
   * A copy of the state between two steps; a run that goes keeps going. The last good state where steps
   * are being made again for long: it is the one that they go on from.
   */
  async snapshot(): Promise<RunSnapshot> {
    const { replay } = this.#options;
    const { lastGood } = this;
    const taking = this.#calls.call((engine) => {
      if (this.#loop === null) replay.allow();
      return this.#takeSnapshot(engine);
    });
    try {
      if (lastGood === null) return await taking;
      return await replay.orAfter(SAVE_REPLAY_LIMIT_MS, taking, () => {
        if (this.#loop === null) replay.stop();
        return lastGood;
      });
    } catch (error) {
      if (error instanceof ReplayStopped && lastGood !== null) return lastGood;
      if (!this.#calls.isClosed) this.fail(error);
      throw error;
    }
  }

  /** Stops and frees the engine; what was asked of it before is still answered. */
  async dispose(): Promise<void> {
    await this.stop({ withSamples: false });
    this.#lastGood.forget();
    await this.#calls.close();
  }

  async #goOn(): Promise<void> {
    const { now } = this.#options;
    this.#goesSince = now();
    try {
      // A goal set while the samples were made is still heard.
      do {
        await this.#train();
        await this.#calls.call((engine) => this.#flush(engine));
        if (this.#wantsSamplesAtRest) await this.#samples.show(this.#step);
      } while (!this.#isStopped && !this.isFinished && this.#step < this.#goal);
    } catch (error) {
      const isRest = error instanceof ReplayStopped && this.#isStopped;
      if (!isRest) this.#failure ??= asError(error);
    }
    this.#restedMs += now() - this.#goesSince;
    this.#loop = null;
    const outcome = this.isFinished ? 'finished' : 'paused';
    if (this.#failure !== null) this.#restAsFailed(this.#failure);
    else if (outcome === 'finished' || !this.#restsBesideEvaluation) this.#options.onRest(outcome);
    this.#settleGoal();
  }

  #restAsFailed(failure: Error): void {
    void this.#calls.close();
    this.#options.onRest(toErrorInfo(failure));
  }

  async #train(): Promise<void> {
    while (!this.isFinished && !this.#isStopped) {
      if (this.#isEvaluationOwed()) await this.#evaluateAndPass();
      else if (this.#step < this.#goal) await this.#goForward();
      else return;
      await this.#options.yieldToCommands();
      if (this.#failure !== null) throw this.#failure;
    }
  }

  /** A chunk of steps, or the begin of a stage before its first. */
  async #goForward(): Promise<void> {
    if (!this.#stages.isDue(this.#step)) return this.#advance();
    await this.#calls.call((engine) => this.#flush(engine));
    // What is made again after a lost device begins within the stage.
    if (await this.#stages.begin(this.#step, this.#stopping.signal)) await this.#keepState();
  }

  /** One slice of an evaluation; then what was asked for, where that is a single step and the evaluation takes long. */
  async #evaluateAndPass(): Promise<void> {
    await this.#evaluate();
    if (this.#goal === Infinity || this.#evaluation.leftMs <= EVALUATION_PATIENCE_MS) return;
    if (this.#step >= Math.min(this.#goal, this.#settings.steps)) {
      if (!this.#restsBesideEvaluation) await this.#restBesideEvaluation();
      return;
    }
    this.#evaluation.giveUp();
    await this.#goForward();
  }

  async #restBesideEvaluation(): Promise<void> {
    if (this.#wantsSamplesAtRest) await this.#samples.show(this.#step);
    // Another goal may have come meanwhile.
    if (this.#goal > this.#step || this.#isStopped) return;
    this.#restsBesideEvaluation = true;
    this.#options.onRest('paused');
    this.#settleGoal();
  }

  #isEvaluationOwed(): boolean {
    if (this.#evaluation.isUnderWay) return true;
    return this.#record.evaluatedStep !== this.#step && isEvaluationDue(this.#step, this.#schedule);
  }

  async #advance(): Promise<void> {
    const { report } = this.#options;
    if (!this.#hasStepped) report({ type: 'loading', stage: 'firstStep', loadedBytes: 0, totalBytes: 0 });
    this.#hasStepped = true;
    this.#collect(await this.#calls.call((engine) => this.#advanceChunk(engine)));
    if (isEvaluationDue(this.#step, this.#schedule)) return;
    if (this.#lastGood.isDue) await this.#keepState();
    if (this.#samples.areDue(this.#step)) await this.#samples.show(this.#step);
    if (this.#featureMaps.areDue(this.#step)) {
      await this.#featureMaps.show(this.#step, this.#stopping.signal);
    }
  }

  async #advanceChunk(engine: Engine): Promise<readonly StepMetrics[]> {
    const { now } = this.#options;
    this.#usePaceOf(engine);
    const toGoal = this.#goal - this.#step;
    const toEnd = stageAt(this.#options.recipe, this.#step).end - this.#step;
    const toEvaluation = stepsToEvaluation(this.#step, this.#schedule);
    const steps = Math.min(this.#pace.chunkSteps, toGoal, toEnd, toEvaluation);
    this.#pace.asked(steps, now());
    try {
      const arrived = await engine.advance(steps);
      this.#step += steps;
      if (engine.info.engine === this.#pacedEngine) this.#pace.done(arrived.length, now());
      return arrived;
    } catch (error) {
      if (error instanceof ReplayStopped) this.#step += error.stepsMade;
      throw error;
    }
  }

  #usePaceOf({ info }: Engine): void {
    if (info.engine === this.#pacedEngine) return;
    this.#pace = new Pace();
    this.#pacedEngine = info.engine;
  }

  async #evaluate(): Promise<void> {
    const result = await this.#calls.call(async (engine) => {
      await this.#flush(engine);
      return this.#evaluation.goOn(engine);
    });
    if (result === null) return;
    this.#options.report(this.#record.evaluated(result, this.#elapsedMs()));
    await this.#samples.show(this.#step);
    await this.#keepState();
  }

  async #flush(engine: Engine): Promise<void> {
    const arrived = await engine.flush();
    if (engine.info.engine === this.#pacedEngine) this.#pace.done(arrived.length, this.#options.now());
    this.#pace.settled();
    this.#collect(arrived);
  }

  #collect(metrics: readonly StepMetrics[]): void {
    const [first] = metrics;
    if (first === undefined) return;
    const values = new Float32Array(metrics.length * this.#record.names.length);
    let good = 0;
    try {
      for (const step of metrics) {
        values.set(this.#record.add(step), good * this.#record.names.length);
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
    await this.#lastGood.keep(() => this.#calls.call((engine) => this.#takeSnapshot(engine)));
  }

  async #takeSnapshot(engine: Engine): Promise<RunSnapshot> {
    const { recipe, scheduleSteps, dataset, split } = this.#options;
    await this.#flush(engine);
    const state = await engine.exportState();
    const progress = this.#record.progress(this.#elapsedMs());
    return {
      settings: this.#settings,
      scheduleSteps,
      recipe,
      dataset,
      split,
      engine: engine.info,
      state,
      progress,
      maps: this.#maps,
    };
  }

  #elapsedMs(): number {
    return this.#restedMs + (this.#loop === null ? 0 : this.#options.now() - this.#goesSince);
  }
}

/**
 * What the page knows of a run: the newest of every report, put together. Takes reports in, gives
 * facts out; knows no DOM, no worker and no words.
 */

import {
  isEvaluationDue,
  stepsToEvaluation,
  type EvaluationSchedule,
} from '../../protocol/evaluation-schedule.js';
import type { EngineReport } from '../../protocol/engines.js';
import type { ErrorInfo } from '../../protocol/errors.js';
import type {
  DataDescription,
  EvaluationReport,
  FeatureMapReport,
  ImagesReport,
  LoadingReport,
  ReplayReport,
  Note,
  Report,
  RunReport,
  SpreadReport,
  TrainerState,
} from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import { LossSeries, smoothingSpan } from '../charts/loss-series.js';
import { CONFIDENT_SHARE, unmeasuredStepsOf } from './stage-progress.js';

const NO_METRICS = { metrics: [], losses: [] };
/** Steps that the share of confident images is averaged over. */
const CONFIDENT_SPAN = 20;

function confidentSeries({ metrics }: Pick<RunReport, 'metrics'>): LossSeries {
  const losses = metrics.filter((name) => name === CONFIDENT_SHARE);
  // Only its newest value is asked for.
  return new LossSeries(CONFIDENT_SPAN, { metrics, losses }, 2);
}

export class RunModel {
  #state: TrainerState = 'idle';
  #error: ErrorInfo | null = null;
  #step = 0;
  /** Settings of the run that stands; null where there is none. */
  #settings: Settings | null = null;
  #scheduleSteps: number | null = null;
  #loading: LoadingReport | null = null;
  #replay: ReplayReport | null = null;
  #engine: EngineReport | null = null;
  #note: Note | null = null;
  #stepsPerSecond: number | null = null;
  /** What the steps since the last evaluation took, by their rates. */
  #stepMs = 0;
  #run: RunReport | null = null;
  #data: DataDescription | null = null;
  #losses = new LossSeries(1, NO_METRICS);
  #confident = confidentSeries(NO_METRICS);
  #evaluations: readonly EvaluationReport[] = [];
  /** How many of them are from before a load. */
  #evaluationsBefore = 0;
  #map: FeatureMapReport | SpreadReport | null = null;
  #spread: SpreadReport | null = null;
  #generated: ImagesReport | null = null;
  #real: ImagesReport | null = null;

  get state(): TrainerState {
    return this.#state;
  }

  /** Why the state is `failed`, else null. */
  get error(): ErrorInfo | null {
    return this.#error;
  }

  /** Updates done, as far as was reported. */
  get step(): number {
    return this.#step;
  }

  get settings(): Settings | null {
    return this.#settings;
  }

  /** Where the learning rates' schedule ends, if the run's steps were raised beyond it; else null. */
  get scheduleEnd(): number | null {
    const isBeyond = this.#scheduleSteps !== null && (this.#settings?.steps ?? 0) > this.#scheduleSteps;
    return isBeyond ? this.#scheduleSteps : null;
  }

  /** The stage at work while `loading`, and `firstStep` until its scalars come. */
  get loading(): LoadingReport | null {
    return this.#loading;
  }

  /** The steps that are being made again after a device was lost; null where none are. */
  get replay(): ReplayReport | null {
    return this.#replay;
  }

  get engine(): EngineReport | null {
    return this.#engine;
  }

  /** What there is to know about the run that stands. */
  get note(): Note | null {
    return this.#note;
  }

  get stepsPerSecond(): number | null {
    return this.#stepsPerSecond;
  }

  /** Time that went into the run, about: until its last evaluation, and for the steps since. */
  get trainedMs(): number {
    return (this.#evaluations.at(-1)?.elapsedMs ?? 0) + this.#stepMs;
  }

  /** What the run is about; null before it is known. */
  get run(): RunReport | null {
    return this.#run;
  }

  /** The data, from the first run on: as the real images, it outlives runs. */
  get data(): DataDescription | null {
    return this.#data;
  }

  get losses(): LossSeries {
    return this.#losses;
  }

  /** In order of their steps; a new array whenever one comes. */
  get evaluations(): readonly EvaluationReport[] {
    return this.#evaluations;
  }

  /** Those of this session: times between others may be another machine's. */
  get ownEvaluations(): readonly EvaluationReport[] {
    return this.#evaluations.slice(this.#evaluationsBefore);
  }

  /** Where landmarks lie by their features, as was told last. */
  get map(): FeatureMapReport | SpreadReport | null {
    return this.#map;
  }

  /** Share of images without a label that the network was sure of lately; null where it is not measured. */
  get confidentShare(): number | null {
    return this.#confident.at(null).get(CONFIDENT_SHARE) ?? null;
  }

  /** Whether the run waits for labels to be spread. */
  get isSpreading(): boolean {
    if (this.#state !== 'running' || this.#spread?.step === this.#step || this.isEvaluating) return false;
    let first = 0;
    for (const { steps, spreadsLabels } of this.#run?.stages ?? []) {
      if (first === this.#step) return spreadsLabels;
      first += steps;
    }
    return false;
  }

  /** How labels were spread before the newest stage that did so. */
  get spread(): SpreadReport | null {
    return this.#spread;
  }

  get generated(): ImagesReport | null {
    return this.#generated;
  }

  get real(): ImagesReport | null {
    return this.#real;
  }

  /** Whether the steps so far wait for their evaluation. */
  get isEvaluating(): boolean {
    if (this.#state !== 'running' || this.#settings === null || this.#step === 0) return false;
    if (this.#evaluations.at(-1)?.step === this.#step) return false;
    return isEvaluationDue(this.#step, this.#schedule(this.#settings));
  }

  /** The step after which the next evaluation comes; null where there is no run. */
  get nextEvaluation(): number | null {
    if (this.#settings === null) return null;
    if (this.#step >= this.#settings.steps) return null;
    return this.#step + stepsToEvaluation(this.#step, this.#schedule(this.#settings));
  }

  #schedule(settings: Settings): EvaluationSchedule {
    return { ...settings, unmeasuredSteps: unmeasuredStepsOf(this.#run?.stages ?? []) };
  }

  take(report: Report): void {
    switch (report.type) {
      case 'state':
        this.#state = report.state;
        this.#error = report.state === 'failed' ? report.error : null;
        this.#step = report.step;
        if (report.state !== 'loading' && report.state !== 'running') this.#loading = null;
        if (report.state !== 'running') this.#replay = null;
        return;
      case 'settings':
        // While loading they are a new run's; else only the number of steps was raised.
        if (this.#state === 'loading') this.#forgetRun();
        this.#scheduleSteps = report.scheduleSteps;
        this.#settings = report.settings;
        return;
      case 'run':
        this.#run = report;
        this.#data = report.data;
        this.#losses = new LossSeries(smoothingSpan(this.#settings?.steps ?? 1), report);
        this.#confident = confidentSeries(report);
        return;
      case 'loading':
        this.#loading = report;
        return;
      case 'engine':
        this.#engine = report;
        return;
      case 'replay':
        this.#replay = report.isUnderWay ? report : null;
        return;
      case 'note':
        this.#note = report.note;
        return;
      case 'metrics':
        this.#loading = null;
        this.#step = report.firstStep + report.steps - 1;
        this.#stepsPerSecond = report.stepsPerSecond;
        if (report.stepsPerSecond > 0) this.#stepMs += (1000 * report.steps) / report.stepsPerSecond;
        this.#losses.add(report);
        this.#confident.add(report);
        return;
      case 'evaluation':
        this.#evaluations = [...this.#evaluations, report];
        this.#stepMs = 0;
        return;
      case 'history':
        this.#evaluations = report.evaluations;
        this.#evaluationsBefore = report.evaluations.length;
        this.#losses.addHistory(report.evaluations);
        return;
      case 'featureMap':
        this.#map = report;
        return;
      case 'spread':
        this.#spread = report;
        this.#map = report;
        return;
      case 'images':
        if (report.source === 'real') this.#real = report;
        else this.#generated = report;
        return;
      default:
        report satisfies never;
    }
  }

  /** The worker is gone: what was shown stays. */
  fail(error: ErrorInfo): void {
    this.#state = 'failed';
    this.#error = error;
    this.#loading = null;
    this.#replay = null;
  }

  /** Back to before any run; real images and the description of the data stay. */
  clear(): void {
    this.#state = 'idle';
    this.#error = null;
    this.#loading = null;
    this.#replay = null;
    this.#engine = null;
    this.#settings = null;
    this.#forgetRun();
    this.#scheduleSteps = null;
  }

  #forgetRun(): void {
    this.#step = 0;
    this.#note = null;
    this.#stepsPerSecond = null;
    this.#stepMs = 0;
    this.#run = null;
    this.#losses = new LossSeries(1, NO_METRICS);
    this.#confident = confidentSeries(NO_METRICS);
    this.#evaluations = [];
    this.#evaluationsBefore = 0;
    this.#map = null;
    this.#spread = null;
    this.#generated = null;
  }
}

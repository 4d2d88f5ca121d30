/**
 * A trainer without a worker: keeps the command table, makes steps when a test says so, and its
 * figures and pictures follow from the step alone.
 */

import { isEvaluationDue } from '../../../src/protocol/evaluation-schedule.js';
import type {
  EvaluationReport,
  FeatureMapReport,
  ImageGrid,
  Report,
  RunReport,
  SpreadReport,
  TrainerState,
} from '../../../src/protocol/reports.js';
import { resolveSettings } from '../../../src/protocol/check-settings.js';
import type { EngineReport } from '../../../src/protocol/engines.js';
import type { ErrorInfo, ErrorKind } from '../../../src/protocol/errors.js';
import type { ExportedFile } from '../../../src/protocol/trainer-api.js';
import type { Settings, SettingsInput } from '../../../src/protocol/settings.js';
import { buildRecipe } from '../../../src/recipe/build-recipe.js';
import { allLossNames, allMetricNames, metricNames, TRAIN_ACCURACY } from '../../../src/recipe/metrics.js';
import { stageAt, type Recipe } from '../../../src/recipe/recipe.js';
import { unmeasuredStepsOf } from '../../../src/ui/element/stage-progress.js';
import type { TrainerClient, WorkerClientOptions } from '../../../src/ui/worker-client.js';

const CELL = 28;

function errorOf(kind: ErrorKind, message: string): Error {
  return Object.assign(new Error(message), { name: kind });
}

/** A grid whose cells are rings that grow with the step: something to see, and another one each step. */
export function gridAt(step: number, columns: number, rows: number): ImageGrid {
  const [width, height] = [columns * CELL, rows * CELL];
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [fromX, fromY] = [(x % CELL) - 13.5, (y % CELL) - 13.5];
      const ring = Math.abs(
        Math.hypot(fromX, fromY) - 4 - ((Math.floor(x / CELL) + Math.floor(y / CELL) + step) % 7),
      );
      rgba.fill(Math.max(0, 255 - 110 * ring), 4 * (y * width + x), 4 * (y * width + x) + 3);
    }
  }
  return { width, height, rgba, columns, rows, cellWidth: CELL, cellHeight: CELL };
}

const CLASS_NAMES = Array.from({ length: 10 }, (_, digit) => String(digit));

type RunSettings = Pick<Settings, 'recipe'> & { readonly steps?: number };

interface Built {
  readonly recipe: Recipe;
  readonly report: RunReport;
}

const built = new Map<string, Built>();

function build({ recipe: name, steps }: RunSettings): Built {
  const key = `${name} ${steps}`;
  const known = built.get(key);
  if (known !== undefined) return known;
  const imageShape = [CELL, CELL, 1] as const;
  const recipe = buildRecipe(resolveSettings({ recipe: name, steps }), {
    imageShape,
    classes: CLASS_NAMES.length,
  });
  const report: RunReport = {
    type: 'run',
    metrics: allMetricNames(recipe),
    losses: allLossNames(recipe),
    stages: recipe.stages.map(({ key: stage, steps: own, accuracy, before }) => ({
      key: stage,
      steps: own,
      isMeasured: accuracy !== null,
      spreadsLabels: before !== null,
    })),
    data: {
      imageShape,
      classNames: CLASS_NAMES,
      trainCount: 60_000,
      testCount: 10_000,
      fingerprint: 'mnist',
    },
  };
  built.set(key, { recipe, report });
  return { recipe, report };
}

/** What a run of a recipe is about, on data like MNIST. */
export function runOf(settings: RunSettings): RunReport {
  return build(settings).report;
}

/** Names of the scalars of the step after `step` updates. */
function metricsAt(step: number, settings: RunSettings): readonly string[] {
  const { recipe } = build(settings);
  return metricNames(recipe.stages[stageAt(recipe, step).stage]!);
}

/** Points in ten groups, of which the first have their class and the others what `classOf` says. */
function mapOf(count: number, classOf: (row: number) => number): Pick<SpreadReport, 'points' | 'classes'> {
  const points = Float32Array.from({ length: 2 * count }, (_, index) => {
    const [row, isY] = [index >> 1, index % 2];
    const turn = (2 * Math.PI * (row % 10)) / 10;
    return 0.7 * (isY === 0 ? Math.cos(turn) : Math.sin(turn)) + 0.25 * Math.sin(row * (isY + 1.7));
  });
  return { points, classes: Uint8Array.from({ length: count }, (_, row) => classOf(row)) };
}

/** Labels that were spread over 1,000 landmarks, 12 of which none has reached. */
export function spreadAt(step: number, more: Partial<SpreadReport> = {}): SpreadReport {
  return {
    type: 'spread',
    step,
    trust: 'all',
    leftOut: 100,
    leftOutRight: 96,
    usedShare: 0.988,
    reachedShare: 0.988,
    agreement: 0.95,
    ...mapOf(1000, (row) => (row < 12 ? 255 : row % 10)),
    ...more,
  };
}

/** Where 500 landmarks lie, 100 of which have a label. */
export function featureMapAt(step: number): FeatureMapReport {
  return { type: 'featureMap', step, ...mapOf(500, (row) => (row < 100 ? row % 10 : 255)) };
}

/** Figures that look like a run's: quick at first, then slow, never quite steady. */
export function evaluationAt(step: number, settings: RunSettings): EvaluationReport {
  const metrics = metricsAt(step - 1, settings);
  const hasGenerator = metrics.includes('generatorLoss');
  const wave = Math.sin(step * 0.7) * Math.exp(-step / 4000);
  const values: Readonly<Record<string, number>> = {
    discriminatorLoss: 0.5 + 3 * Math.exp(-step / 200) + 0.1 * wave,
    generatorLoss: 4.5 - 3.5 * Math.exp(-step / 400) + 0.5 * wave,
  };
  return {
    type: 'evaluation',
    step,
    trainAccuracy: 1,
    meanTrainAccuracy: 1 - 0.8 * Math.exp(-step / 150),
    testAccuracy: (hasGenerator ? 0.94 : 0.91) - 0.75 * Math.exp(-step / 300) + 0.015 * wave,
    losses: Object.fromEntries(
      metrics.filter((name) => name !== TRAIN_ACCURACY).map((name) => [name, values[name] ?? 0.5]),
    ),
    generated: hasGenerator ? { readShare: 0.6, classBits: 3.1, pixelDeviation: 0.3 } : null,
    pseudoLabels: metrics.includes('confidentShare')
      ? { confidentLandmarks: 0.8, spreadAgreement: 0.975 }
      : null,
    elapsedMs: 35 * step,
  };
}

export const FAKE_ENGINE: EngineReport = {
  type: 'engine',
  engine: 'tfjs-webgpu',
  adapter: 'Fake M1',
  isSoftware: false,
  reason: 'realAdapter',
  passedOver: [],
};

export class FakeTrainer implements TrainerClient {
  /** Every command that came, with its arguments. */
  readonly calls: [name: string, ...args: unknown[]][] = [];
  engine: EngineReport = FAKE_ENGINE;
  isTerminated = false;
  /** Whether loading stops at the data until `finishLoading`. */
  isSlow = false;
  /** Whether a start goes to the end of the run at once, a task later. */
  isEager = false;
  /** What the next command rejects with instead. */
  nextError: Error | null = null;
  state: TrainerState = 'idle';
  done = 0;
  settings: Settings | null = null;
  readonly #options: WorkerClientOptions;
  #afterLoading: (() => void)[] = [];
  #failure: ErrorInfo | null = null;

  constructor(options: WorkerClientOptions) {
    this.#options = options;
  }

  /** The options that the element gave. */
  get options(): WorkerClientOptions {
    return this.#options;
  }

  async start(settings: SettingsInput): Promise<TrainerState> {
    this.#called('start', settings);
    if (this.state === 'failed') throw errorOf('RunFailed', 'The run has failed.');
    if (this.state === 'finished' && settings.steps! <= this.done)
      throw errorOf('RunFinished', 'The run is finished.');
    if (this.state === 'idle' || this.state === 'loading') await this.#load(settings as Settings);
    if (settings.steps !== this.settings!.steps) {
      this.settings = { ...this.settings!, steps: settings.steps! };
      this.report({ type: 'settings', settings: this.settings, scheduleSteps: null });
    }
    const state = this.#go('running');
    if (this.isEager)
      setTimeout(() => this.state === 'running' && this.advance(this.settings!.steps - this.done));
    return state;
  }

  async pause(): Promise<TrainerState> {
    this.#called('pause');
    return this.state === 'running' ? this.#go('paused') : this.state;
  }

  async step(settings: SettingsInput): Promise<TrainerState> {
    this.#called('step', settings);
    if (this.state === 'running' || this.state === 'loading')
      throw errorOf('Busy', 'Not possible while running.');
    if (this.state === 'idle') await this.#load(settings as Settings);
    this.#go('running');
    this.advance(1);
    return this.done === this.settings!.steps ? 'finished' : this.#go('paused');
  }

  async reset(settings: SettingsInput): Promise<TrainerState> {
    this.#called('reset', settings);
    if (this.state === 'idle') return 'idle';
    if (this.state === 'loading') return this.#go('idle');
    await this.#load(settings as Settings);
    return this.#go('ready');
  }

  async save(): Promise<Uint8Array<ArrayBuffer>> {
    this.#called('save');
    if (this.settings === null) throw errorOf('NothingToSave', 'Nothing can be saved.');
    return new Uint8Array([1, 2, 3]);
  }

  async load(checkpoint: Uint8Array<ArrayBuffer>, overrides: SettingsInput): Promise<TrainerState> {
    this.#called('load', checkpoint, overrides);
    if (checkpoint[0] !== 1) throw errorOf('InvalidCheckpoint', 'The file is no checkpoint.');
    await this.#load({ ...LOADED_SETTINGS, engine: overrides.engine ?? LOADED_SETTINGS.engine });
    this.done = 400;
    return this.#go('paused');
  }

  async exportModel(): Promise<ExportedFile[]> {
    this.#called('exportModel');
    return [{ path: 'generator/model.json', bytes: new TextEncoder().encode('{}') }];
  }

  terminate(): void {
    this.isTerminated = true;
  }

  /** Makes steps, with their evaluations and one picture; stops at the end of the run. */
  advance(steps: number): void {
    const settings = this.settings!;
    const count = Math.min(steps, settings.steps - this.done);
    const unmeasuredSteps = unmeasuredStepsOf(runOf(settings).stages);
    const reports: Report[] = [this.#metrics(count)];
    for (let step = this.done + 1; step <= this.done + count; step++) {
      const isDue = isEvaluationDue(step, { ...settings, unmeasuredSteps });
      if (isDue) reports.push(evaluationAt(step, settings));
    }
    this.done += count;
    if (runOf(settings).losses.includes('generatorLoss')) {
      reports.push({ type: 'images', source: 'generated', step: this.done, grid: gridAt(this.done, 8, 8) });
    }
    this.report(...reports);
    if (this.done === settings.steps) this.#go('finished');
  }

  /** Lets a slow loading end. */
  finishLoading(): void {
    for (const resolve of this.#afterLoading) resolve();
    this.#afterLoading = [];
  }

  /** The run fails, the worker lives. */
  fail(error: ErrorInfo): void {
    this.#failure = error;
    this.#go('failed');
  }

  /** The worker is gone. */
  die(error: ErrorInfo): void {
    this.#options.onDeath(error);
  }

  report(...reports: Report[]): void {
    if (!this.isTerminated) this.#options.onReports(reports);
  }

  #called(name: string, ...args: unknown[]): void {
    this.calls.push([name, ...args]);
    const error = this.nextError;
    this.nextError = null;
    if (error !== null) throw error;
  }

  #go(state: TrainerState): TrainerState {
    this.state = state;
    const error = state === 'failed' ? this.#failure : null;
    this.report({ type: 'state', state, step: this.done, error });
    return state;
  }

  async #load(settings: Settings): Promise<void> {
    this.#go('loading');
    this.report({ type: 'loading', stage: 'engine', loadedBytes: 0, totalBytes: 0 });
    this.report({ type: 'loading', stage: 'data', loadedBytes: 4_200_000, totalBytes: 11_600_000 });
    if (this.isSlow) await new Promise<void>((resolve) => this.#afterLoading.push(resolve));
    this.settings = settings;
    this.done = 0;
    this.report(
      { type: 'images', source: 'real', step: 0, grid: gridAt(3, 8, 1) },
      { type: 'loading', stage: 'model', loadedBytes: 0, totalBytes: 0 },
      this.engine,
      { type: 'settings', settings, scheduleSteps: null },
      runOf(settings),
    );
    if (runOf(settings).losses.includes('generatorLoss')) {
      this.report({ type: 'images', source: 'generated', step: 0, grid: gridAt(0, 8, 8) });
    }
  }

  #metrics(steps: number): Report {
    const { metrics } = runOf(this.settings!);
    const values = new Float32Array(steps * metrics.length);
    for (let index = 0; index < steps; index++) {
      const step = this.done + 1 + index;
      const { losses } = evaluationAt(step, this.settings!);
      const own = metricsAt(step - 1, this.settings!);
      const noise: Readonly<Record<string, number>> = {
        discriminatorLoss: 0.4 * Math.sin(step * 12.9898),
        generatorLoss: 0.9 * Math.sin(step * 78.233),
      };
      const valueOf = (name: string): number =>
        name === TRAIN_ACCURACY ? 1 : losses[name]! + (noise[name] ?? 0);
      const row = metrics.map((name) => (own.includes(name) ? valueOf(name) : NaN));
      values.set(row, index * metrics.length);
    }
    return { type: 'metrics', firstStep: this.done + 1, steps, values, stepsPerSecond: 31.25 };
  }
}

/** What the fake's checkpoint holds. */
export const LOADED_SETTINGS: Settings = {
  recipe: 'notebook-feature-matching',
  engine: 'auto',
  seed: 7,
  steps: 800,
  labels: 100,
  balanced: true,
  batch: 32,
  evalEvery: 200,
  discriminatorLr: 0.001,
  discriminatorBeta1: 0.9,
  discriminatorBeta2: 0.999,
  generatorLr: 0.001,
  generatorBeta1: 0.9,
  generatorBeta2: 0.999,
  dropout: 0.5,
  repairs: 'none',
  threads: 0,
  subgroups: false,
  float16: false,
};

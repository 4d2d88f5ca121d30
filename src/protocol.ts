/**
 * All that crosses the thread boundary: the names both sides use, the settings and their ranges,
 * the commands of the worker and the reports it sends. Types and frozen tables; imports nothing.
 * The worker sends codes and numbers; the words a person reads are made in `ui/strings.ts`.
 */

/** Sent in the handshake; a page and a worker from different builds refuse each other by it. */
export const PROTOCOL_VERSION = 1;

export const RECIPE_NAMES = [
  'notebook',
  'notebook-as-run',
  'notebook-feature-matching',
  'labels-only',
] as const;
export type RecipeName = (typeof RECIPE_NAMES)[number];

export const ENGINE_NAMES = [
  'webgpu',
  'wasm',
  'tfjs-webgpu',
  'tfjs-webgl',
  'tfjs-wasm',
  'tfjs-cpu',
] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];
/** `auto` lets the worker choose; see `EngineReport` for what it says about the choice. */
export type EngineChoice = EngineName | 'auto';
export const ENGINE_CHOICES = ['auto', ...ENGINE_NAMES] as const;

export const TRAINER_STATES = [
  'idle',
  'loading',
  'ready',
  'running',
  'paused',
  'finished',
  'failed',
] as const;
export type TrainerState = (typeof TRAINER_STATES)[number];

/** Closed union; the kind of an error is its `name` on both sides of the wire. */
export const ERROR_KINDS = [
  'InvalidSettings',
  'InvalidCheckpoint',
  'DataUnavailable',
  'DataInvalid',
  'EngineUnavailable',
  'DeviceLost',
  'OutOfMemory',
  'NonFiniteLoss',
  'Busy',
  'NothingToSave',
  'RunFinished',
  'RunFailed',
  'WorkerUnavailable',
  'WorkerDied',
  'Aborted',
  'Internal',
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** What a run is made of. Numbers without a unit are plain counts or rates. */
export interface Settings {
  readonly recipe: RecipeName;
  readonly engine: EngineChoice;
  /** Key of every random stream, 0 to 2^53 - 1. */
  readonly seed: number;
  /** Total number of updates of the run. */
  readonly steps: number;
  /** Images whose label is used, 10 to 60,000. */
  readonly labels: number;
  /** Draw the labelled images with (as near as the count allows) the same number of each digit. */
  readonly balanced: boolean;
  /** b: a step sees floor(0.9 b) unlabelled, floor(0.1 b) labelled and b generated images. */
  readonly batch: number;
  /** Steps between evaluations on the test images. */
  readonly evalEvery: number;
  readonly discriminatorLr: number;
  readonly discriminatorBeta1: number;
  readonly discriminatorBeta2: number;
  readonly generatorLr: number;
  readonly generatorBeta1: number;
  readonly generatorBeta2: number;
  /** Dropout rate while training. */
  readonly dropout: number;
  /** Compute threads of engines that have them; 0 lets the engine choose. Changes no bit of a run. */
  readonly threads: number;
}

/** What a caller gives: whatever is left out takes the recipe's default. */
export type SettingsInput = { readonly [K in keyof Settings]?: Settings[K] | undefined };

/** Allowed range of a numeric setting, both ends included; `integer` ones take whole numbers only. */
export interface SettingRange {
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
}

export type NumericSetting = {
  [K in keyof Settings]: Settings[K] extends number ? (number extends Settings[K] ? K : never) : never;
}[keyof Settings];

export const SETTING_RANGES = {
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true },
  steps: { min: 1, max: 10_000_000, integer: true },
  labels: { min: 10, max: 60_000, integer: true },
  batch: { min: 10, max: 1024, integer: true },
  evalEvery: { min: 1, max: 1_000_000, integer: true },
  discriminatorLr: { min: 0, max: 1, integer: false },
  discriminatorBeta1: { min: 0, max: 0.9999, integer: false },
  discriminatorBeta2: { min: 0, max: 0.999999, integer: false },
  generatorLr: { min: 0, max: 1, integer: false },
  generatorBeta1: { min: 0, max: 0.9999, integer: false },
  generatorBeta2: { min: 0, max: 0.999999, integer: false },
  dropout: { min: 0, max: 0.9, integer: false },
  threads: { min: 0, max: 32, integer: true },
} as const satisfies Record<NumericSetting, SettingRange>;

/** The notebook's settings; a recipe overrides some of them in `RECIPE_DEFAULTS`. */
export const DEFAULT_SETTINGS: Settings = Object.freeze({
  recipe: 'notebook',
  engine: 'auto',
  seed: 1,
  steps: 20_000,
  labels: 900,
  balanced: false,
  batch: 32,
  evalEvery: 200,
  discriminatorLr: 1e-3,
  discriminatorBeta1: 0.9,
  discriminatorBeta2: 0.999,
  generatorLr: 1e-3,
  generatorBeta1: 0.9,
  generatorBeta2: 0.999,
  dropout: 0.5,
  threads: 0,
});

export const RECIPE_DEFAULTS: Readonly<Record<RecipeName, SettingsInput>> = Object.freeze({
  notebook: {},
  // TensorFlow's graph leaves Keras' learning phase at false, so its dropout drops nothing.
  'notebook-as-run': { dropout: 0 },
  'notebook-feature-matching': {},
  'labels-only': {},
});

/** What the worker answers to `open`. */
export interface Hello {
  readonly protocolVersion: number;
  readonly workerVersion: string;
}

/** Where the worker finds its data; absolute URLs, since a worker's base URL is its own script. */
export interface OpenOptions {
  readonly protocolVersion: number;
  /** Folder with the four IDX files (`train-images.gz`, …); ends with a slash. */
  readonly dataUrl: string;
}

/** Names of the scalars of a step, in the order of `MetricsReport.values`. */
export const METRIC_NAMES = [
  'trainAccuracy',
  'discriminatorLoss',
  'generatorLoss',
  'realUnlabelledLoss',
  'fakeLoss',
  'supervisedLoss',
  'fakeAsRealLoss',
  'featureMatchingLoss',
] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

/** Bytes of a finished picture: row-major RGBA, 4 x width x height; the buffer is transferred. */
export interface ImageGrid {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  /** Cells of the grid and their size in pixels, without gaps: width = columns x cellWidth. */
  readonly columns: number;
  readonly rows: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
}

export interface StateReport {
  readonly type: 'state';
  readonly state: TrainerState;
  /** Updates done. */
  readonly step: number;
  /** Set when `state` is `failed`. */
  readonly error: ErrorInfo | null;
}

export interface ErrorInfo {
  readonly kind: ErrorKind;
  /** One English sentence or two: what happened, the value met, what to do. */
  readonly message: string;
}

/** Settings in force, every default filled in; sent when a run is made and when `steps` is raised. */
export interface SettingsReport {
  readonly type: 'settings';
  readonly settings: Settings;
}

export const LOADING_STAGES = ['engine', 'data', 'model', 'firstStep'] as const;
export type LoadingStage = (typeof LOADING_STAGES)[number];

export interface LoadingReport {
  readonly type: 'loading';
  readonly stage: LoadingStage;
  /** Bytes read so far; both 0 where the stage reads none, total 0 where it is not known. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/** Why an engine was passed over or chosen; `detail` is the platform's own words, may be empty. */
export const ENGINE_REASONS = [
  'requested',
  'realAdapter',
  'noWebGpu',
  'noAdapter',
  'softwareAdapter',
  'noWasmSimd',
  'failedToStart',
  'fallback',
  'deviceLost',
] as const;
export type EngineReason = (typeof ENGINE_REASONS)[number];

export interface EngineReport {
  readonly type: 'engine';
  readonly engine: EngineName;
  /** What the engine runs on: the GPU adapter's description, or the CPU feature set. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** How the engine cuts its products on this adapter, by their role; left out by engines that choose nothing. */
  readonly tiles?: Readonly<Record<string, string>>;
  readonly reason: EngineReason;
  /** Engines looked at before this one, in order, and why each was passed over. */
  readonly passedOver: readonly {
    readonly engine: EngineName;
    readonly reason: EngineReason;
    readonly detail: string;
  }[];
}

/** The scalars of consecutive steps. */
export interface MetricsReport {
  readonly type: 'metrics';
  /** Number of updates done after the first of these steps (the first step of a run is 1). */
  readonly firstStep: number;
  readonly steps: number;
  /** [steps, METRIC_NAMES.length] float32, row-major; NaN where the recipe has no such term. */
  readonly values: Float32Array<ArrayBuffer>;
  /** Measured over the last chunks of steps, evaluation excluded. */
  readonly stepsPerSecond: number;
}

/** One evaluation on all test images, and that step's own scalars. */
export interface EvaluationReport {
  readonly type: 'evaluation';
  readonly step: number;
  /** Share of the step's labelled batch that is classified correctly, 0 to 1. */
  readonly trainAccuracy: number;
  /** Mean of `trainAccuracy` over the steps since the evaluation before, 0 to 1. */
  readonly meanTrainAccuracy: number;
  /** Share of the test images classified correctly (argmax over all logits), 0 to 1. */
  readonly testAccuracy: number;
  readonly discriminatorLoss: number;
  /** null where the recipe has no generator. */
  readonly generatorLoss: number | null;
  /** Time spent training and evaluating since the run began, pauses left out; a resumed run counts on. */
  readonly elapsedMs: number;
}

export interface ImagesReport {
  readonly type: 'images';
  /** `generated`: from the run's fixed latents; `real`: test images, for comparison. */
  readonly source: 'generated' | 'real';
  readonly step: number;
  readonly grid: ImageGrid;
}

export type Report =
  | StateReport
  | SettingsReport
  | LoadingReport
  | EngineReport
  | MetricsReport
  | EvaluationReport
  | ImagesReport;

/** The one callback: called with everything new since the last call, in order. */
export type ReportListener = (batch: readonly Report[]) => void;

/** What `exportModel` returns: files of tfjs LayersModels (`generator/model.json`, …). */
export interface ExportedFile {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The worker's commands. Each settles: it resolves with the state after it, or rejects with an
 * error whose `name` is an `ErrorKind`. What each does in which state stands in docs/architecture.md.
 */
export interface TrainerApi {
  open(options: OpenOptions, onReports: ReportListener): Promise<Hello>;
  /** Goes on from where the run stands; makes the run first where there is none. */
  start(settings: SettingsInput): Promise<TrainerState>;
  /** Resolves once no step is being computed. */
  pause(): Promise<TrainerState>;
  /** One update, then its images and (where due) its evaluation. */
  step(settings: SettingsInput): Promise<TrainerState>;
  /** Back to step 0 with these settings. */
  reset(settings: SettingsInput): Promise<TrainerState>;
  /** A safetensors file that `load` takes back; also in `failed`, from the last good state. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
  /** Goes on from a checkpoint; its settings win, but for those given here. */
  load(checkpoint: Uint8Array<ArrayBuffer>, overrides: Pick<SettingsInput, 'engine' | 'steps'>): Promise<TrainerState>;
  exportModel(): Promise<ExportedFile[]>;
}

/** Name of the Web Lock a worker holds for life; the client that made it waits for the same lock. */
export function workerLockName(workerId: string): string {
  return `sgan-trainer-worker-${workerId}`;
}

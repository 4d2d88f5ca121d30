/** What the worker tells the page: state, progress, metrics, pictures. It sends codes and numbers; words are made in `ui/words`. */

import type { Settings } from './settings.js';
import type { EngineReport } from './engines.js';
import type { ErrorInfo } from './errors.js';

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

/** Settings in force, every default filled in; sent when a run is made and when `steps` is raised. */
export interface SettingsReport {
  readonly type: 'settings';
  readonly settings: Settings;
  /**
   * The step at which the learning rates have come to their end, fixed when the run was made; the last
   * ones hold after it. null where none changes with the run's length.
   */
  readonly scheduleSteps: number | null;
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

/** What a run is about; sent once, before its first metrics. */
export interface RunReport {
  readonly type: 'run';
  /** Names of a step's scalars in the order of `MetricsReport.values`: the accuracy, losses, terms. */
  readonly metrics: readonly string[];
  /** Those of them that a network descends. */
  readonly losses: readonly string[];
  readonly data: DataDescription;
}

export interface DataDescription {
  /** [height, width, channels] */
  readonly imageShape: readonly [number, number, number];
  readonly classNames: readonly string[];
  readonly trainCount: number;
  readonly testCount: number;
}

/** After a device was lost, an engine makes the steps again that went with it; their metrics are not sent twice. */
export interface ReplayReport {
  readonly type: 'replay';
  readonly stepsMade: number;
  readonly stepsTotal: number;
  /** False once they are made, or while the run rests before they are. */
  readonly isUnderWay: boolean;
}

/** The scalars of consecutive steps. */
export interface MetricsReport {
  readonly type: 'metrics';
  /** Number of updates done after the first of these steps (the first step of a run is 1). */
  readonly firstStep: number;
  readonly steps: number;
  /** [steps, `RunReport.metrics`.length] float32, row-major. */
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
  /** The step's losses and terms by name. */
  readonly losses: Readonly<Record<string, number>>;
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

export const NOTES = ['checkpointWithoutDigest'] as const;

export type Note = (typeof NOTES)[number];

/** Something to know about the run that stands, which stops nothing. */
export interface NoteReport {
  readonly type: 'note';
  readonly note: Note;
}

export type Report =
  | StateReport
  | SettingsReport
  | RunReport
  | NoteReport
  | LoadingReport
  | EngineReport
  | ReplayReport
  | MetricsReport
  | EvaluationReport
  | ImagesReport;

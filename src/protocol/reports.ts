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
  /** Names of the scalars of all stages in the order of `MetricsReport.values`: the accuracy, losses, terms. */
  readonly metrics: readonly string[];
  /** Those of them that a network descends. */
  readonly losses: readonly string[];
  /** In order; the last goes on past its steps. Those of one key are one to a person. */
  readonly stages: readonly StageDescription[];
  readonly data: DataDescription;
}

export interface StageDescription {
  readonly key: string;
  readonly steps: number;
  /** Whether its steps have an accuracy, and evaluations are made. */
  readonly isMeasured: boolean;
  /** Whether labels are spread before its first step, which a `SpreadReport` tells the end of. */
  readonly spreadsLabels: boolean;
}

export interface DataDescription {
  /** [height, width, channels] */
  readonly imageShape: readonly [number, number, number];
  readonly classNames: readonly string[];
  readonly trainCount: number;
  readonly testCount: number;
  /** The same for the same images and labels alone, as checkpoints have it. */
  readonly fingerprint: string;
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
  /** [steps, `RunReport.metrics`.length] float32, row-major; NaN where a step's stage does not have the scalar. */
  readonly values: Float32Array<ArrayBuffer>;
  /** Measured over the last chunks of steps, evaluation excluded. */
  readonly stepsPerSecond: number;
}

/** What the classifier makes of 1,000 generated images of fixed latents. */
export interface GeneratedReading {
  /** Share whose class has a probability above 0.9, 0 to 1. */
  readonly readShare: number;
  /** Entropy of their classes in bits; log2 of the number of classes at most. */
  readonly classBits: number;
  /** Mean over pixels of the standard deviation over images, in units of [-1, 1]. */
  readonly pixelDeviation: number;
}

/** What the classifier makes of up to 1,000 landmarks without a label that spread labels have reached, always the same ones. */
export interface PseudoLabelReading {
  /** Share of them that it is confident of, as the recipe asks of a pseudo-label, 0 to 1. */
  readonly confidentLandmarks: number;
  /** Share of the confident ones whose class is their spread label, 0 to 1; null where there are none. */
  readonly spreadAgreement: number | null;
}

/** What an evaluation on all test images found, and that step's own scalars. */
export interface Evaluation {
  readonly step: number;
  /** Share of the step's labelled batch that is classified correctly, 0 to 1. */
  readonly trainAccuracy: number;
  /** Mean of `trainAccuracy` over the steps since the evaluation before, 0 to 1. */
  readonly meanTrainAccuracy: number;
  /** Share of the test images classified correctly (argmax over all logits), 0 to 1. */
  readonly testAccuracy: number;
  /** The step's losses and terms by name. */
  readonly losses: Readonly<Record<string, number>>;
  /** null without a generator. */
  readonly generated: GeneratedReading | null;
  /** null before labels were spread, and of files of older builds. */
  readonly pseudoLabels: PseudoLabelReading | null;
  /** Time spent training and evaluating since the run began, pauses left out; a resumed run counts on. */
  readonly elapsedMs: number;
}

/** One evaluation. */
export interface EvaluationReport extends Evaluation {
  readonly type: 'evaluation';
}

/**
 * The evaluations of a run before the checkpoint that it goes on from; sent once, after its `RunReport`. The map and the
 * spread labels of that time come after it, as they came then but for rounding.
 */
export interface HistoryReport {
  readonly type: 'history';
  /** In order of their steps; of a long run not all. */
  readonly evaluations: readonly EvaluationReport[];
}

/** Stands for no class in the `classes` of maps. */
export const NO_CLASS = 255;

/**
 * Where some landmarks lie by their features, while a stage looks at images without labels, and how far the labels
 * would spread by them. The labelled come first.
 */
export interface FeatureMapReport {
  readonly type: 'featureMap';
  /** Updates done. */
  readonly step: number;
  /** [landmarks, 2] float32 in [-1, 1]: two principal directions of the features; transferred. */
  readonly points: Float32Array<ArrayBuffer>;
  /** [landmarks] class by the spread labels; 255 where none has reached; transferred. */
  readonly classes: Uint8Array<ArrayBuffer>;
}

/** How the labels were spread over the landmarks before a stage, and how far that is trusted. The labelled come first. */
export interface SpreadReport {
  readonly type: 'spread';
  /** Updates done. */
  readonly step: number;
  /** Which landmarks have a target: all that a label has reached, the surest, or none. */
  readonly trust: 'all' | 'surest' | 'none';
  /** Labels that were left out one by one, and how many of them the others gave back. */
  readonly leftOut: number;
  readonly leftOutRight: number;
  /** Shares of the landmarks that have a target, and that a label has reached, 0 to 1. */
  readonly usedShare: number;
  readonly reachedShare: number;
  /** Share of pairs of neighbours that the spread labels give one class, 0 to 1. */
  readonly agreement: number;
  /** [landmarks, 2] float32 in [-1, 1]: two principal directions of the features; transferred. */
  readonly points: Float32Array<ArrayBuffer>;
  /** [landmarks] class by the spread labels; 255 where no label has reached; transferred. */
  readonly classes: Uint8Array<ArrayBuffer>;
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
  | HistoryReport
  | FeatureMapReport
  | SpreadReport
  | ImagesReport;

/** What a benchmark is asked for, and what it tells while it runs: all that crosses to its worker. */

import type { RecipeName } from '../../recipe/recipes.js';
import { SETTING_RANGES } from '../settings.js';
import type { Contender } from './contenders.js';
import type { Pacing } from './pacing.js';
import type { AdapterDescription, BenchmarkPeaks, BenchmarkResult, StepArithmetic } from './report.js';

export interface BenchmarkOrders {
  readonly contenders: readonly Contender[];
  readonly recipe: RecipeName;
  /** Key of the recipe's stage that is measured; null: the longest that learns from labels. */
  readonly stage: string | null;
  /** null: the recipe's own. */
  readonly batch: number | null;
  readonly pacing: Pacing;
  /** Whether the step's operations are timed one by one as well. */
  readonly wantsOperations: boolean;
}

/** Whether a batch can be asked for. */
export function isBatch(value: unknown): value is number {
  const { min, max } = SETTING_RANGES.batch;
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

/** What this browser has, asked before anything is measured. */
export interface Survey {
  readonly cores: number;
  readonly isIsolated: boolean;
  readonly adapter: AdapterDescription | null;
  /** Everyone that the page knows, with why it cannot run here; null where it can. */
  readonly contenders: readonly { readonly contender: Contender; readonly refusal: string | null }[];
}

export const PROGRESS_STAGES = ['data', 'peaks', 'start', 'turns', 'evaluation', 'operations'] as const;
export type ProgressStage = (typeof PROGRESS_STAGES)[number];

export interface Progress {
  readonly stage: ProgressStage;
  /** Index of the contender at work; null between them. */
  readonly contender: number | null;
  /** Milliseconds that are left at most, as far as is known by now; null where nothing is. */
  readonly leftMs: number | null;
  /** Turns taken so far by all; 0 before the first. */
  readonly turns: number;
}

/** What is known besides the results; told once it is. */
export interface Ground {
  readonly adapter: AdapterDescription | null;
  readonly arithmetic: StepArithmetic;
  readonly run: { readonly steps: number; readonly evaluations: number; readonly testImages: number };
  readonly batch: number;
}

export type BenchmarkRequest = {
  /** Absolute URLs of what does not lie beside the worker's script, by name; see `browser/build-files.ts`. */
  readonly files?: Readonly<Record<string, string>>;
} & (
  | { readonly type: 'survey' }
  | { readonly type: 'run'; readonly orders: BenchmarkOrders; readonly dataUrl: string }
);

/** In the order in which it happens; results replace earlier ones of the same index. */
export type BenchmarkEvent =
  | { readonly type: 'survey'; readonly survey: Survey }
  | { readonly type: 'ground'; readonly ground: Ground }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'result'; readonly index: number; readonly result: BenchmarkResult }
  | { readonly type: 'peaks'; readonly peaks: BenchmarkPeaks }
  | { readonly type: 'done' }
  | { readonly type: 'error'; readonly message: string };

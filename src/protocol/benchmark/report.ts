/**
 * A benchmark as a file: the one schema of `bench/results`, of the page's download and of `npm run bench --
 * --json`. bench/README.md describes it; `check-report.ts` reads it. Whoever changes a field's meaning raises
 * the version.
 */

import type { Contender } from './contenders.js';
import type { Pacing, PresetName } from './pacing.js';
import type { Spread } from './statistics.js';

export const REPORT_SCHEMA = 'sgan-trainer/benchmark';
export const REPORT_VERSION = 2;

/** A GPU adapter in its own words; each may be empty. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isSoftware: boolean;
  /** Features that matter here and that it has. */
  readonly features: readonly string[];
  /** Limits that matter here, by name. */
  readonly limits: Readonly<Record<string, number>>;
}

export interface MachineDescription {
  /** Name and version of the browser, or of what else ran it. */
  readonly browser: string;
  /** The processor's name; null where a browser does not tell. */
  readonly cpu: string | null;
  readonly cores: number;
  readonly memoryBytes: number | null;
  /** Processes that wanted to run, over the last minute; null where a browser does not tell. */
  readonly loadAverageBefore: number | null;
  readonly loadAverage: number | null;
  /** Whether the page was cross-origin isolated, without which there are no threads. */
  readonly isIsolated: boolean;
  /** null where a browser does not tell. */
  readonly isOnBattery: boolean | null;
}

/** An operation of the step by itself. */
export interface OperationTime {
  readonly name: string;
  readonly kind: string;
  readonly ms: number;
  /** 0 where it is no product. */
  readonly multiplyAdds: number;
  readonly gflops: number | null;
  /** What it must read and write at least, by its time; null where that is not known. */
  readonly gigabytesPerSecond: number | null;
}

/**
 * The largest relative difference from `wasm` on one thread over what one and the same step computes; null where
 * a kind was not compared, 1e9 where something is missing or is no number.
 */
export interface Difference {
  readonly losses: number | null;
  readonly logits: number | null;
  readonly gradients: number | null;
}

/** A figure is null where it does not apply, could not be told, or was not measured yet. */
export interface BenchmarkResult extends Contender {
  /** Why it did not run, or stopped; null where nothing is wrong. */
  readonly failure: string | null;
  /** Of the library, for those outside the browser. */
  readonly version?: string;
  /** From nothing to the end of the first step, compiling included. */
  readonly firstStepMs: number | null;
  readonly msPerStep: Spread | null;
  /** Steps that were timed. */
  readonly steps: number;
  /** How many times as long the last third of the timings took as the first. */
  readonly drift: number | null;
  /** JavaScript until a step's work is handed over; of the processor's engines it is the step. */
  readonly jsMsPerStep: number | null;
  readonly dispatchesPerStep: number | null;
  readonly submitsPerStep: number | null;
  readonly uploadedBytesPerStep: number | null;
  readonly evaluationMs: number | null;
  readonly evaluationImages: number | null;
  /** Of these, classified as labelled, after the benchmark's few steps: that it trains at all. */
  readonly evaluationCorrect: number | null;
  /** GPU buffers or textures, WebAssembly's memory, or what the library's tensors take. */
  readonly memoryBytes: number | null;
  readonly difference: Difference | null;
  readonly operations?: readonly OperationTime[];
  /** How those were timed: by the adapter's timestamps, or by the clock around a submit. */
  readonly operationsTimedBy?: 'timestamps' | 'clock';
}

/** GFLOP/s. */
export interface Rate {
  readonly median: number;
  readonly max: number;
}

/** What the machine reaches at best; the WebAssembly rates on one thread. */
export interface BenchmarkPeaks {
  readonly adapter: { readonly gflops: number; readonly gigabytesPerSecond: number } | null;
  /** The matrix product's inner loop by itself, by binary. */
  readonly microKernel: { readonly relaxed: Rate | null; readonly plain: Rate } | null;
}

/** Of a step's matrix products, each once. */
export interface StepArithmetic {
  /** Taps that fall into padding are left out. */
  readonly multiplyAdds: number;
}

export interface BenchmarkReport {
  readonly schema: typeof REPORT_SCHEMA;
  readonly version: typeof REPORT_VERSION;
  /** What a person calls it. */
  readonly name: string;
  /** When it began, ISO 8601; null where that was not noted. */
  readonly date: string | null;
  readonly machine: MachineDescription;
  /** null where WebGPU has none. */
  readonly adapter: AdapterDescription | null;
  readonly recipe: string;
  /** Key of the stage that was measured; absent or null where the recipe has one. */
  readonly stage?: string | null;
  readonly batch: number;
  /** null where turns were asked for by number. */
  readonly preset: PresetName | null;
  readonly pacing: Pacing | null;
  readonly arithmetic: StepArithmetic;
  /** A whole run of the recipe, or of its stage: its steps and evaluations, and the images of each. */
  readonly run: { readonly steps: number; readonly evaluations: number; readonly testImages: number };
  readonly peaks: BenchmarkPeaks;
  /** Whether the tab was hidden meanwhile, at least for a moment. */
  readonly wasHidden: boolean;
  /** Whether it was measured to the end. */
  readonly isComplete: boolean;
  readonly results: readonly BenchmarkResult[];
}

/** A result before anything is measured. */
export function emptyResult({ engine, threads }: Contender, failure: string | null = null): BenchmarkResult {
  return {
    engine,
    threads,
    failure,
    firstStepMs: null,
    msPerStep: null,
    steps: 0,
    drift: null,
    jsMsPerStep: null,
    dispatchesPerStep: null,
    submitsPerStep: null,
    uploadedBytesPerStep: null,
    evaluationMs: null,
    evaluationImages: null,
    evaluationCorrect: null,
    memoryBytes: null,
    difference: null,
  };
}

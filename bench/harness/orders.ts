/** What the benchmark is asked for and what it answers, on both sides of the thread boundary. */

import type { Rate } from './micro-kernel.js';
import type { RecipeName } from '../../src/recipe/recipes.js';

/** Engines that want a GPU adapter, and those that compute on the CPU. */
export const GPU_ENGINES = ['webgpu', 'tfjs-plain', 'jax-js'] as const;
export const CPU_ENGINES = ['wasm', 'wasm-plain', 'tfjs-wasm'] as const;
export type GpuEngineName = (typeof GPU_ENGINES)[number];
export type CpuEngineName = (typeof CPU_ENGINES)[number];
export type BenchEngineName = GpuEngineName | CpuEngineName;

/** An engine that takes part; `threads` is null where it has none to choose. */
export interface Contender {
  readonly engine: BenchEngineName;
  readonly threads: number | null;
}

export interface Orders {
  readonly contenders: readonly Contender[];
  readonly recipe: RecipeName;
  /** Rounds; in each, every contender makes steps for a tenth of a second, one at least. */
  readonly rounds: number;
  /** Whether the step's operations are timed one by one as well. */
  readonly wantsKernels: boolean;
  /** Whether a step's inputs are wanted, for yardsticks outside. */
  readonly wantsInputs: boolean;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** An operation of the step by itself. */
export interface KernelTime {
  readonly name: string;
  readonly kind: string;
  readonly ms: number;
  /** 0 where it is no product. */
  readonly multiplyAdds: number;
  readonly gflops: number | null;
  /** What it must read and write at least, by its time; null where that is not known. */
  readonly gigabytesPerSecond: number | null;
}

/** Counts and JavaScript's share are null for what runs on the CPU. */
export interface BenchResult extends Contender {
  /** From nothing to the end of the first step. */
  readonly firstStepMs: number;
  readonly msPerStep: Spread;
  readonly jsMsPerStep: number | null;
  readonly dispatchesPerStep: number | null;
  readonly submitsPerStep: number | null;
  readonly uploadedBytesPerStep: number | null;
  readonly evaluationMs: number;
  readonly evaluationImages: number;
  /** Of these, classified as labelled, after the run's few steps: that the engine trains at all. */
  readonly evaluationCorrect: number;
  /** GPU buffers, or the memory that a WebAssembly engine has taken; null where it cannot be told. */
  readonly bufferBytes: number | null;
  readonly kernels?: readonly KernelTime[];
}

/** What the machine reaches at best, GFLOP/s and GB/s; the WebAssembly ones on one thread. */
export interface Peaks {
  readonly adapter: { readonly gflops: number; readonly gigabytesPerSecond: number } | null;
  /** The matrix product's inner loop by itself, by binary. */
  readonly microKernel: { readonly relaxed: Rate; readonly plain: Rate } | null;
}

/** Of a step's matrix products, each once. */
export interface StepArithmetic {
  /** Taps that fall into padding are left out. */
  readonly multiplyAdds: number;
}

export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** One step's inputs and losses, which the yardsticks outside check themselves against. */
export interface StepInputs {
  readonly arrays: readonly NamedArray[];
  readonly losses: Readonly<Record<string, number>>;
}

export interface Outcome {
  /** null where WebGPU has none. */
  readonly adapter: string | null;
  readonly arithmetic: StepArithmetic;
  readonly results: readonly BenchResult[];
  readonly peaks: Peaks;
  readonly inputs: StepInputs | null;
}

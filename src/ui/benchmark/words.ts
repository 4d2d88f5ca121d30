/** The words of the benchmark's page. */

import type { PresetName } from '../../protocol/benchmark/pacing.js';
import type { ProgressStage } from '../../protocol/benchmark/orders.js';

export const PRESET_WORDS: Readonly<Record<PresetName, { readonly name: string; readonly hint: string }>> = {
  quick: { name: 'Quick', hint: 'about half a minute' },
  thorough: { name: 'Thorough', hint: 'three minutes, steadier figures' },
};

export const STAGE_WORDS: Readonly<Record<ProgressStage, string>> = {
  data: 'Loading the images',
  peaks: 'Measuring what this machine can do at best',
  start: 'First steps',
  turns: 'Taking turns',
  evaluation: 'Evaluating',
  operations: 'Timing each operation',
};

/** What each contender is, beside its name. */
export const CONTENDER_WORDS: Readonly<Record<string, string>> = {
  webgpu: 'this trainer’s own kernels on the GPU',
  wasm: 'this trainer’s own kernels on the processor',
  'wasm-plain': 'the same without relaxed SIMD',
  'tfjs-webgpu': 'plain TensorFlow.js on WebGPU',
  'tfjs-webgl': 'plain TensorFlow.js on WebGL',
  'tfjs-wasm': 'plain TensorFlow.js on WebAssembly',
  'tfjs-cpu': 'plain TensorFlow.js in JavaScript',
  'jax-js': 'jax-js on WebGPU',
  pytorch: 'PyTorch outside the browser',
  tensorflow: 'TensorFlow outside the browser',
};

export const VERDICT_WORDS = {
  right: 'right',
  wrong: 'wrong',
  reference: 'reference',
  unchecked: 'not checked',
} as const;

/**
 * The yardstick `tfjs-wasm`: the plain step on tfjs' wasm backend, with the two kernels without which
 * that backend cannot train it in useful time, both composed of its own products: the gradients of a
 * convolution. No other kernel is added. One thread; its threads never run (tensorflow/tfjs#8513).
 */

import * as tf from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { registerWasmConvolutionGradients } from '../../../src/worker/engine/tfjs/wasm-kernels/convolution.js';
import type { BenchEngine, BenchInput } from '../../harness/bench-engine.js';
import { createTfjs } from './step.js';

/** `binaries` is the URL of the folder with the backend's own binaries. */
export function createTfjsWasm(input: BenchInput, binaries: string): Promise<BenchEngine> {
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setWasmPaths(binaries);
  registerWasmConvolutionGradients();
  return createTfjs('tfjs-wasm', 'wasm', input);
}

/** Registers everything that training adds to, or replaces in, tfjs' wasm backend. */

import { registerWasmAdam } from './adam.js';
import { registerWasmBatchNorm } from './batch-norm.js';
import { registerWasmConvolutionGradients } from './convolution.js';
import { registerWasmGroupNorm } from './group-norm.js';

export function registerWasmKernels(): void {
  registerWasmConvolutionGradients();
  registerWasmBatchNorm();
  registerWasmGroupNorm();
  registerWasmAdam();
}

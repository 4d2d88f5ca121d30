/** The Adam update in one pass over the wasm heap; the maths stands in `kernels/adam.ts`. */

import * as tf from '@tensorflow/tfjs-core';
import { ADAM, type AdamAttributes } from '../kernels/adam.js';
import { allocate, floats, wasmBackend, type KernelArguments, type ThreeViews } from './heap.js';

function update(args: KernelArguments): tf.TensorInfo[] {
  const backend = wasmBackend(args);
  const inputs = args.inputs as Record<'parameter' | 'gradient' | 'm' | 'v', tf.TensorInfo>;
  const { rate, beta1, beta2, epsilon } = args.attrs as unknown as AdamAttributes;
  // Fresh tensors, not in place: XNNPACK keeps packed weights by tensor and would go on with the old.
  const { shape } = inputs.parameter;
  const result = [shape, shape, shape].map((each) => allocate(backend, each));
  const [newParameter, newM, newV] = result.map((tensor) => floats(backend, tensor)) as ThreeViews;
  const parameter = floats(backend, inputs.parameter);
  const gradient = floats(backend, inputs.gradient);
  const m = floats(backend, inputs.m);
  const v = floats(backend, inputs.v);
  for (let i = 0; i < parameter.length; i++) {
    const slope = gradient[i]!;
    newM[i] = beta1 * m[i]! + (1 - beta1) * slope;
    newV[i] = beta2 * v[i]! + (1 - beta2) * slope * slope;
    newParameter[i] = parameter[i]! - (rate * newM[i]!) / (Math.sqrt(newV[i]!) + epsilon);
  }
  return result;
}

export function registerWasmAdam(): void {
  tf.registerKernel({ kernelName: ADAM, backendName: 'wasm', kernelFunc: update });
}

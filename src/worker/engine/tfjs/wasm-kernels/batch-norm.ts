/** Batch norm's two kernels over the wasm heap; the maths stands in `kernels/batch-norm.ts`. */

import * as tf from '@tensorflow/tfjs-core';
import { BATCH_NORM, BATCH_NORM_GRADIENT } from '../kernels/batch-norm.js';
import { allocate, floats, wasmBackend, type KernelArguments, type ThreeViews } from './heap.js';

type Infos<Name extends string> = Record<Name, tf.TensorInfo>;

function forward(args: KernelArguments): tf.TensorInfo[] {
  const backend = wasmBackend(args);
  const { x, gamma, beta } = args.inputs as Infos<'x' | 'gamma' | 'beta'>;
  const epsilon = args.attrs!['epsilon'] as number;
  const channels = gamma.shape[0]!;
  const result = [x.shape, [channels], [channels]].map((shape) => allocate(backend, shape));
  const [output, mean, variance] = result.map((tensor) => floats(backend, tensor)) as ThreeViews;
  const values = floats(backend, x);
  const scale = floats(backend, gamma);
  const shift = floats(backend, beta);
  const rows = values.length / channels;
  // Sums in float64: JavaScript's numbers cost nothing more here.
  const sums = new Float64Array(channels);
  for (let i = 0; i < values.length;) for (let c = 0; c < channels; c++) sums[c]! += values[i++]!;
  for (let c = 0; c < channels; c++) mean[c] = sums[c]! / rows;
  sums.fill(0);
  for (let i = 0; i < values.length;) {
    for (let c = 0; c < channels; c++) {
      const centred = values[i++]! - mean[c]!;
      sums[c]! += centred * centred;
    }
  }
  const slopes = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    variance[c] = sums[c]! / rows;
    slopes[c] = scale[c]! / Math.sqrt(variance[c]! + epsilon);
  }
  for (let i = 0; i < values.length;) {
    for (let c = 0; c < channels; c++, i++) output[i] = (values[i]! - mean[c]!) * slopes[c]! + shift[c]!;
  }
  return result;
}

function backward(args: KernelArguments): tf.TensorInfo[] {
  const backend = wasmBackend(args);
  const inputs = args.inputs as Infos<'dy' | 'x' | 'gamma' | 'mean' | 'variance'>;
  const epsilon = args.attrs!['epsilon'] as number;
  const channels = inputs.gamma.shape[0]!;
  const result = [inputs.x.shape, [channels], [channels]].map((shape) => allocate(backend, shape));
  const views = result.map((tensor) => floats(backend, tensor)) as ThreeViews;
  const [inputGradient, gammaGradient, betaGradient] = views;
  const outputGradient = floats(backend, inputs.dy);
  const values = floats(backend, inputs.x);
  const scale = floats(backend, inputs.gamma);
  const mean = floats(backend, inputs.mean);
  const variance = floats(backend, inputs.variance);
  const rows = values.length / channels;
  const sums = new Float64Array(channels);
  const products = new Float64Array(channels);
  for (let i = 0; i < values.length;) {
    for (let c = 0; c < channels; c++, i++) {
      const gradient = outputGradient[i]!;
      sums[c]! += gradient;
      products[c]! += gradient * (values[i]! - mean[c]!);
    }
  }
  // dx = slope (dy - sum / n - (x - mean) curve), with the sums over this channel.
  const slopes = new Float64Array(channels);
  const curves = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const inverseDeviation = 1 / Math.sqrt(variance[c]! + epsilon);
    betaGradient[c] = sums[c]!;
    gammaGradient[c] = products[c]! * inverseDeviation;
    slopes[c] = scale[c]! * inverseDeviation;
    curves[c] = (products[c]! * inverseDeviation * inverseDeviation) / rows;
    sums[c]! /= rows;
  }
  for (let i = 0; i < values.length;) {
    for (let c = 0; c < channels; c++, i++) {
      const fromStatistics = sums[c]! + (values[i]! - mean[c]!) * curves[c]!;
      inputGradient[i] = slopes[c]! * (outputGradient[i]! - fromStatistics);
    }
  }
  return result;
}

export function registerWasmBatchNorm(): void {
  tf.registerKernel({ kernelName: BATCH_NORM, backendName: 'wasm', kernelFunc: forward });
  tf.registerKernel({ kernelName: BATCH_NORM_GRADIENT, backendName: 'wasm', kernelFunc: backward });
}

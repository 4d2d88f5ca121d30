/**
 * The gradients of a convolution on tfjs' wasm backend: the filter gradient, which that backend
 * lacks (tensorflow/tfjs#8474), and the input gradient (also the forward of a transposed convolution),
 * which is a naive loop there. Both become one matrix product, the only fast operation at hand.
 *
 * With rows r = (image, y, x) of the output, patches k = (filterY, filterX, inChannel):
 *   filter gradient [K, outChannels] = patches^T [K, R] · dy [R, outChannels]
 *   input gradient = sum over the overlapping patches of dy [R, outChannels] · filter^T [outChannels, K]
 */

import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { allocate, floats, wasmBackend, type KernelArguments } from './heap.js';

type Shape4D = [number, number, number, number];

interface Geometry extends tf.backend_util.Conv2DInfo {
  /** Rows and columns of the patch matrix. */
  readonly rowCount: number;
  readonly patchSize: number;
}

function geometry(inputShape: number[], filterShape: number[], attrs: tf.NamedAttrMap): Geometry {
  const dataFormat = (attrs['dataFormat'] ?? 'NHWC') as 'NHWC' | 'NCHW';
  if (dataFormat !== 'NHWC') throw new Error(`Convolutions here take NHWC images, not ${dataFormat}.`);
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    attrs['strides'] as number | [number, number],
    1,
    attrs['pad'] as 'same' | 'valid' | number,
    attrs['dimRoundingMode'] as 'floor' | 'round' | 'ceil',
  );
  return {
    ...info,
    rowCount: info.batchSize * info.outHeight * info.outWidth,
    patchSize: info.filterHeight * info.filterWidth * info.inChannels,
  };
}

/** a [rows, inner] · b [inner, columns], by XNNPACK. The caller disposes the data. */
function multiply(backend: BackendWasm, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  const inputs = { a, b } as unknown as tf.NamedTensorInfoMap;
  const attrs = { transposeA: false, transposeB: false };
  return tf.getKernel('BatchMatMul', 'wasm').kernelFunc({ inputs, backend, attrs }) as tf.TensorInfo;
}

function reshaped(tensor: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return { dataId: tensor.dataId, dtype: tensor.dtype, shape };
}

/** Writes patches^T [patchSize, rowCount] of `image`; zeros where a patch hangs over the edge. */
function transposedPatches(image: Float32Array, patches: Float32Array, g: Geometry): void {
  const { inChannels, inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = g;
  const columnStep = strideWidth * inChannels;
  let target = 0;
  for (let filterY = 0; filterY < g.filterHeight; filterY++) {
    for (let filterX = 0; filterX < g.filterWidth; filterX++) {
      // Output columns whose patch has this tap inside the image.
      const offsetX = filterX - g.padInfo.left;
      const firstX = Math.max(0, Math.ceil(-offsetX / strideWidth));
      const endX = Math.min(outWidth, Math.floor((inWidth - 1 - offsetX) / strideWidth) + 1);
      for (let channel = 0; channel < inChannels; channel++) {
        for (let row = 0; row < g.batchSize; row++) {
          for (let y = 0; y < outHeight; y++, target += outWidth) {
            const inY = y * strideHeight + filterY - g.padInfo.top;
            if (inY < 0 || inY >= inHeight) {
              patches.fill(0, target, target + outWidth);
              continue;
            }
            let source =
              ((row * inHeight + inY) * inWidth + firstX * strideWidth + offsetX) * inChannels + channel;
            for (let x = 0; x < firstX; x++) patches[target + x] = 0;
            for (let x = firstX; x < endX; x++, source += columnStep) patches[target + x] = image[source]!;
            for (let x = endX; x < outWidth; x++) patches[target + x] = 0;
          }
        }
      }
    }
  }
}

/** Adds patches [rowCount, patchSize] up to the image they were cut from. */
function addPatches(patches: Float32Array, image: Float32Array, g: Geometry): void {
  const { inChannels, inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth } = g;
  image.fill(0);
  let patch = 0;
  for (let row = 0; row < g.batchSize; row++) {
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++, patch += g.patchSize) {
        const left = x * g.strideWidth - g.padInfo.left;
        const firstX = Math.max(0, -left);
        const endX = Math.min(filterWidth, inWidth - left);
        for (let filterY = 0; filterY < filterHeight; filterY++) {
          const inY = y * g.strideHeight - g.padInfo.top + filterY;
          if (inY < 0 || inY >= inHeight) continue;
          // Neighbouring taps and their channels lie side by side in both.
          let source = patch + (filterY * filterWidth + firstX) * inChannels;
          let target = ((row * inHeight + inY) * inWidth + left + firstX) * inChannels;
          const end = target + (endX - firstX) * inChannels;
          while (target < end) image[target++]! += patches[source++]!;
        }
      }
    }
  }
}

/** Writes the transpose of a [rows, columns] matrix. */
function transpose(matrix: Float32Array, result: Float32Array, rows: number, columns: number): void {
  for (let row = 0, source = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = matrix[source++]!;
  }
}

function filterGradient(args: KernelArguments): tf.TensorInfo {
  const backend = wasmBackend(args);
  const { x, dy } = args.inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
  const filterShape = args.attrs!['filterShape'] as Shape4D;
  const g = geometry(x.shape, filterShape, args.attrs!);
  const patches = allocate(backend, [1, g.patchSize, g.rowCount]);
  transposedPatches(floats(backend, x), floats(backend, patches), g);
  const product = multiply(backend, patches, reshaped(dy, [1, g.rowCount, g.outChannels]));
  backend.disposeData(patches.dataId);
  return reshaped(product, filterShape);
}

function inputGradient(args: KernelArguments): tf.TensorInfo {
  const backend = wasmBackend(args);
  const { dy, filter } = args.inputs as { dy: tf.TensorInfo; filter: tf.TensorInfo };
  const inputShape = args.attrs!['inputShape'] as Shape4D;
  const g = geometry(inputShape, filter.shape, args.attrs!);
  const turned = allocate(backend, [1, g.outChannels, g.patchSize]);
  transpose(floats(backend, filter), floats(backend, turned), g.patchSize, g.outChannels);
  const patches = multiply(backend, reshaped(dy, [1, g.rowCount, g.outChannels]), turned);
  backend.disposeData(turned.dataId);
  const result = allocate(backend, inputShape);
  addPatches(floats(backend, patches), floats(backend, result), g);
  backend.disposeData(patches.dataId);
  return result;
}

/** Registers both gradients for the wasm backend, in place of its own input gradient. */
export function registerWasmConvolutionGradients(): void {
  const backendName = 'wasm';
  tf.unregisterKernel('Conv2DBackpropInput', backendName);
  tf.registerKernel({ kernelName: 'Conv2DBackpropInput', backendName, kernelFunc: inputGradient });
  tf.registerKernel({ kernelName: 'Conv2DBackpropFilter', backendName, kernelFunc: filterGradient });
}

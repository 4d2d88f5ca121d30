/**
 * The memory of tfjs' wasm backend as typed arrays. A view is good until the next allocation, which
 * may grow the memory and detach it: allocate first, then look.
 */

import type * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

export type KernelArguments = Parameters<tf.KernelFunc>[0];
export type ThreeViews = [Float32Array, Float32Array, Float32Array];

export function wasmBackend({ backend }: KernelArguments): BackendWasm {
  return backend as BackendWasm;
}

/** A new tensor, not cleared; its owner disposes its data. */
export function allocate(backend: BackendWasm, shape: readonly number[]): tf.TensorInfo {
  return backend.makeOutput([...shape], 'float32');
}

export function floats(backend: BackendWasm, tensor: tf.TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}

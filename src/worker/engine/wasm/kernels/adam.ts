/**
 * Adam as TensorFlow 1 has it (Kingma and Ba 2015, the form at the end of section 2): the bias
 * corrections are in the step's scalar, epsilon stands beside the uncorrected root.
 */

import { claimShare, shareEnd } from './claims';
import {
  UPDATE_BETA1,
  UPDATE_BETA2,
  UPDATE_EPSILON,
  UPDATE_GRADIENT,
  UPDATE_M,
  UPDATE_REST1,
  UPDATE_REST2,
  UPDATE_SCALAR,
  UPDATE_SIZE,
  UPDATE_SPLITS,
  UPDATE_STRIDE,
  UPDATE_V,
  UPDATE_VALUE,
} from './layout';
import { address, float, int } from './record';
import { VECTOR } from './simd';

/** Vectors that a thread claims at least. */
const FEWEST_VECTORS = 256;

/** Vectors are dealt out to the threads; tensors are padded to whole vectors. */
export function adam(record: usize, threads: i32): void {
  const vectors = (int(record, UPDATE_SIZE) + 3) >> 2;
  let first = claimShare(record, vectors, threads, FEWEST_VECTORS);
  while (first < vectors) {
    updateVectors(record, usize(first) << 4, usize(shareEnd()) << 4);
    first = claimShare(record, vectors, threads, FEWEST_VECTORS);
  }
}

/** Elements from byte `first` of their tensors to byte `end`. */
function updateVectors(record: usize, first: usize, end: usize): void {
  const value = address(record, UPDATE_VALUE);
  const m = address(record, UPDATE_M);
  const v = address(record, UPDATE_V);
  const gradients = address(record, UPDATE_GRADIENT);
  const stride = address(record, UPDATE_STRIDE);
  const splits = int(record, UPDATE_SPLITS);
  const beta1 = f32x4.splat(float(record, UPDATE_BETA1));
  const beta2 = f32x4.splat(float(record, UPDATE_BETA2));
  const rest1 = f32x4.splat(float(record, UPDATE_REST1));
  const rest2 = f32x4.splat(float(record, UPDATE_REST2));
  const epsilon = f32x4.splat(float(record, UPDATE_EPSILON));
  const scalar = f32x4.splat(load<f32>(address(record, UPDATE_SCALAR)));
  for (let at = first; at < end; at += VECTOR) {
    let gradient = v128.load(gradients + at);
    for (let split = 1; split < splits; split++) {
      gradient = f32x4.add(gradient, v128.load(gradients + usize(split) * stride + at));
    }
    const newM = f32x4.add(f32x4.mul(beta1, v128.load(m + at)), f32x4.mul(rest1, gradient));
    const squared = f32x4.mul(gradient, gradient);
    const newV = f32x4.add(f32x4.mul(beta2, v128.load(v + at)), f32x4.mul(rest2, squared));
    v128.store(m + at, newM);
    v128.store(v + at, newV);
    const step = f32x4.div(f32x4.mul(scalar, newM), f32x4.add(f32x4.sqrt(newV), epsilon));
    v128.store(value + at, f32x4.sub(v128.load(value + at), step));
  }
}

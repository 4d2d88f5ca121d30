/**
 * Adam as TensorFlow 1 has it (Kingma and Ba 2015, the form at the end of section 2): the bias
 * corrections are in the step's scalar, epsilon stands beside the uncorrected root.
 */

import { claimShare, shareEnd } from './threads/work-shares';
import { UpdateOperation } from './layout';
import { VECTOR } from './common/simd';

/** Vectors that a thread claims at least. */
const FEWEST_VECTORS = 256;

/** Threads share out vectors; tensors are padded to whole vectors. */
export function adam(record: UpdateOperation, threads: i32): void {
  const vectors = (record.size + 3) >> 2;
  let first = claimShare(record, vectors, threads, FEWEST_VECTORS);
  while (first < vectors) {
    updateVectors(record, usize(first) << 4, usize(shareEnd()) << 4);
    first = claimShare(record, vectors, threads, FEWEST_VECTORS);
  }
}

/** Elements from byte `first` of their tensors to byte `end`. */
function updateVectors(record: UpdateOperation, first: usize, end: usize): void {
  const value = record.value;
  const m = record.m;
  const v = record.v;
  const gradients = record.gradient;
  const stride = record.partialSumStep;
  const splits = record.partialSums;
  const beta1 = f32x4.splat(record.beta1);
  const beta2 = f32x4.splat(record.beta2);
  const rest1 = f32x4.splat(record.rest1);
  const rest2 = f32x4.splat(record.rest2);
  const epsilon = f32x4.splat(record.epsilon);
  const scalar = f32x4.splat(load<f32>(record.scaledRate));
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
  if (record.average != 0) moveAverage(record, first, end);
}

/** The average's elements from byte `first` to byte `end`, a share of the way to the parameter. */
function moveAverage(record: UpdateOperation, first: usize, end: usize): void {
  const value = record.value;
  const average = record.average;
  const rate = f32x4.splat(load<f32>(record.averageRate));
  for (let at = first; at < end; at += VECTOR) {
    const kept = v128.load(average + at);
    v128.store(average + at, f32x4.add(kept, f32x4.mul(rate, f32x4.sub(v128.load(value + at), kept))));
  }
}

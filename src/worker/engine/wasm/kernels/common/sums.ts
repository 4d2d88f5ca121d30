/** Sums over positions by channel; values lie `step` bytes apart, tables have `padded` bytes. */

import { multiplyAdd, VECTOR } from './simd';

/** Adds positions to sums; sixteen channels at a time, since an addition has to wait for the one before. */
export function addPositions(values: usize, step: usize, count: i32, padded: usize, sums: usize): void {
  let offset: usize = 0;
  for (; offset + 4 * VECTOR <= padded; offset += 4 * VECTOR) {
    let at = values + offset;
    let sum0 = v128.load(sums + offset);
    let sum1 = v128.load(sums + offset, VECTOR);
    let sum2 = v128.load(sums + offset, 2 * VECTOR);
    let sum3 = v128.load(sums + offset, 3 * VECTOR);
    for (let position = 0; position < count; position++, at += step) {
      sum0 = f32x4.add(sum0, v128.load(at));
      sum1 = f32x4.add(sum1, v128.load(at, VECTOR));
      sum2 = f32x4.add(sum2, v128.load(at, 2 * VECTOR));
      sum3 = f32x4.add(sum3, v128.load(at, 3 * VECTOR));
    }
    v128.store(sums + offset, sum0);
    v128.store(sums + offset, sum1, VECTOR);
    v128.store(sums + offset, sum2, 2 * VECTOR);
    v128.store(sums + offset, sum3, 3 * VECTOR);
  }
  for (; offset < padded; offset += VECTOR) {
    let at = values + offset;
    let sum = v128.load(sums + offset);
    for (let position = 0; position < count; position++, at += step) sum = f32x4.add(sum, v128.load(at));
    v128.store(sums + offset, sum);
  }
}

/** Sums over positions of g (x - mean) and of g, eight channels at a time, at the end perhaps some twice. */
export function sumProducts(
  source: usize,
  raw: usize,
  step: usize,
  count: i32,
  padded: usize,
  means: usize,
  products: usize,
  sums: usize,
): void {
  for (let channel: usize = 0; channel < padded; channel += 2 * VECTOR) {
    const next = min(channel + VECTOR, padded - VECTOR);
    const mean = v128.load(means + channel);
    const nextMean = v128.load(means + next);
    let sum = f32x4.splat(0);
    let nextSum = sum;
    let product = sum;
    let nextProduct = sum;
    let offset: usize = 0;
    for (let position = 0; position < count; position++, offset += step) {
      const gradient = v128.load(source + offset + channel);
      const nextGradient = v128.load(source + offset + next);
      sum = f32x4.add(sum, gradient);
      nextSum = f32x4.add(nextSum, nextGradient);
      product = multiplyAdd(gradient, f32x4.sub(v128.load(raw + offset + channel), mean), product);
      nextProduct = multiplyAdd(
        nextGradient,
        f32x4.sub(v128.load(raw + offset + next), nextMean),
        nextProduct,
      );
    }
    v128.store(sums + channel, sum);
    v128.store(sums + next, nextSum);
    v128.store(products + channel, product);
    v128.store(products + next, nextProduct);
  }
}

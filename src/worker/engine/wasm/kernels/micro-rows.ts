/**
 * The micro-kernel over rows in place: a block of 6 x 8 outputs held in registers while the depth of the
 * product runs by. The left operand is six rows read where they lie, the right one eight columns
 * packed as [depth][8].
 *
 * The sums start from `start` (bias, or what earlier parts of the depth left) and go to `out`; a step
 * of 0 repeats one row of eight. Each sum runs over the depth in order, one term at a time, so
 * neither blocking nor threads change a bit of it.
 *
 * Everything is exported because a single caller would have its kernel inlined, and V8 then spills
 * the accumulators: 28 instead of 61 GFLOP/s. The loops hold no second loop for the same reason. Plain
 * multiply and add need one register more than there are, which unrolling by four hides.
 */

import { multiplyAdd, VECTOR } from './simd';

/** Six rows read in place. `depth` > 0 counts float32 of each row. */
export function rows6x8(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  b: usize,
  depth: i32,
  start: usize,
  startStep: usize,
  out: usize,
  outStep: usize,
): void {
  let c00 = v128.load(start);
  let c01 = v128.load(start, VECTOR);
  start += startStep;
  let c10 = v128.load(start);
  let c11 = v128.load(start, VECTOR);
  start += startStep;
  let c20 = v128.load(start);
  let c21 = v128.load(start, VECTOR);
  start += startStep;
  let c30 = v128.load(start);
  let c31 = v128.load(start, VECTOR);
  start += startStep;
  let c40 = v128.load(start);
  let c41 = v128.load(start, VECTOR);
  start += startStep;
  let c50 = v128.load(start);
  let c51 = v128.load(start, VECTOR);
  while (depth > 0) {
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let value = v128.load32_splat(a0);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a1);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a2);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a3);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a4);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a5);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    a5 += 4;
    b += 32;
    depth -= 1;
  }
  v128.store(out, c00);
  v128.store(out, c01, VECTOR);
  out += outStep;
  v128.store(out, c10);
  v128.store(out, c11, VECTOR);
  out += outStep;
  v128.store(out, c20);
  v128.store(out, c21, VECTOR);
  out += outStep;
  v128.store(out, c30);
  v128.store(out, c31, VECTOR);
  out += outStep;
  v128.store(out, c40);
  v128.store(out, c41, VECTOR);
  out += outStep;
  v128.store(out, c50);
  v128.store(out, c51, VECTOR);
}

/** As `rows6x8` for a `depth` that is a multiple of 4. */
export function rows6x8By4(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  b: usize,
  depth: i32,
  start: usize,
  startStep: usize,
  out: usize,
  outStep: usize,
): void {
  let c00 = v128.load(start);
  let c01 = v128.load(start, VECTOR);
  start += startStep;
  let c10 = v128.load(start);
  let c11 = v128.load(start, VECTOR);
  start += startStep;
  let c20 = v128.load(start);
  let c21 = v128.load(start, VECTOR);
  start += startStep;
  let c30 = v128.load(start);
  let c31 = v128.load(start, VECTOR);
  start += startStep;
  let c40 = v128.load(start);
  let c41 = v128.load(start, VECTOR);
  start += startStep;
  let c50 = v128.load(start);
  let c51 = v128.load(start, VECTOR);
  while (depth > 0) {
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let value = v128.load32_splat(a0);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a1);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a2);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a3);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a4);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a5);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    b0 = v128.load(b, 32);
    b1 = v128.load(b, 48);
    value = v128.load32_splat(a0, 4);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a1, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a2, 4);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a3, 4);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a4, 4);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a5, 4);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    b0 = v128.load(b, 64);
    b1 = v128.load(b, 80);
    value = v128.load32_splat(a0, 8);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a1, 8);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a2, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a3, 8);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a4, 8);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a5, 8);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    b0 = v128.load(b, 96);
    b1 = v128.load(b, 112);
    value = v128.load32_splat(a0, 12);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a1, 12);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a2, 12);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a3, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a4, 12);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a5, 12);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    a0 += 16;
    a1 += 16;
    a2 += 16;
    a3 += 16;
    a4 += 16;
    a5 += 16;
    b += 128;
    depth -= 4;
  }
  v128.store(out, c00);
  v128.store(out, c01, VECTOR);
  out += outStep;
  v128.store(out, c10);
  v128.store(out, c11, VECTOR);
  out += outStep;
  v128.store(out, c20);
  v128.store(out, c21, VECTOR);
  out += outStep;
  v128.store(out, c30);
  v128.store(out, c31, VECTOR);
  out += outStep;
  v128.store(out, c40);
  v128.store(out, c41, VECTOR);
  out += outStep;
  v128.store(out, c50);
  v128.store(out, c51, VECTOR);
}

/** Six rows read in place, any depth, by whichever kernels are fastest in this binary. */
@inline
export function rowsBlock(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  b: usize,
  depth: i32,
  start: usize,
  startStep: usize,
  out: usize,
  outStep: usize,
): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    rows6x8(a0, a1, a2, a3, a4, a5, b, depth, start, startStep, out, outStep);
    return;
  }
  const even = depth & ~3;
  if (even > 0) {
    rows6x8By4(a0, a1, a2, a3, a4, a5, b, even, start, startStep, out, outStep);
    start = out;
    startStep = outStep;
  }
  if (depth > even) {
    const skip = usize(even) << 2;
    const left = depth - even;
    b += usize(even) << 5;
    rows6x8(a0 + skip, a1 + skip, a2 + skip, a3 + skip, a4 + skip, a5 + skip, b, left, start, startStep, out, outStep);
  }
}

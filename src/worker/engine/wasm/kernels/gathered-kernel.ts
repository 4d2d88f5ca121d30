/**
 * The micro-kernel for operands that are read where they lie, as `packed-kernel.ts` has it for packed ones, and
 * why it looks as it does: a table says where the six rows and the eight columns of each term of the depth are. Nothing
 * is copied, but only what has its six rows side by side can be read so.
 */

import { addressAt } from './record';
import { multiplyAdd, VECTOR } from './simd';

/**
 * Six neighbouring floats and eight, read where they lie: `table` has a pair of distances in bytes, from `a` and from `b`,
 * for each term.
 */
export function gathered6x8(
  a: usize,
  b: usize,
  table: usize,
  depth: i32,
  starts: usize,
  startOffset: usize,
  outs: usize,
  outOffset: usize,
): void {
  let start = addressAt(starts, 0) + startOffset;
  let c00 = v128.load(start);
  let c01 = v128.load(start, VECTOR);
  start = addressAt(starts, 1) + startOffset;
  let c10 = v128.load(start);
  let c11 = v128.load(start, VECTOR);
  start = addressAt(starts, 2) + startOffset;
  let c20 = v128.load(start);
  let c21 = v128.load(start, VECTOR);
  start = addressAt(starts, 3) + startOffset;
  let c30 = v128.load(start);
  let c31 = v128.load(start, VECTOR);
  start = addressAt(starts, 4) + startOffset;
  let c40 = v128.load(start);
  let c41 = v128.load(start, VECTOR);
  start = addressAt(starts, 5) + startOffset;
  let c50 = v128.load(start);
  let c51 = v128.load(start, VECTOR);
  while (depth > 0) {
    let left = a + usize(load<u32>(table));
    let right = b + usize(load<u32>(table, 4));
    let b0 = v128.load(right);
    let b1 = v128.load(right, 16);
    let value = v128.load32_splat(left);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(left, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(left, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(left, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(left, 16);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(left, 20);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    table += 8;
    depth -= 1;
  }
  let out = addressAt(outs, 0) + outOffset;
  v128.store(out, c00);
  v128.store(out, c01, VECTOR);
  out = addressAt(outs, 1) + outOffset;
  v128.store(out, c10);
  v128.store(out, c11, VECTOR);
  out = addressAt(outs, 2) + outOffset;
  v128.store(out, c20);
  v128.store(out, c21, VECTOR);
  out = addressAt(outs, 3) + outOffset;
  v128.store(out, c30);
  v128.store(out, c31, VECTOR);
  out = addressAt(outs, 4) + outOffset;
  v128.store(out, c40);
  v128.store(out, c41, VECTOR);
  out = addressAt(outs, 5) + outOffset;
  v128.store(out, c50);
  v128.store(out, c51, VECTOR);
}

/** As `gathered6x8` for a `depth` that is a multiple of 4. */
export function gathered6x8By4(
  a: usize,
  b: usize,
  table: usize,
  depth: i32,
  starts: usize,
  startOffset: usize,
  outs: usize,
  outOffset: usize,
): void {
  let start = addressAt(starts, 0) + startOffset;
  let c00 = v128.load(start);
  let c01 = v128.load(start, VECTOR);
  start = addressAt(starts, 1) + startOffset;
  let c10 = v128.load(start);
  let c11 = v128.load(start, VECTOR);
  start = addressAt(starts, 2) + startOffset;
  let c20 = v128.load(start);
  let c21 = v128.load(start, VECTOR);
  start = addressAt(starts, 3) + startOffset;
  let c30 = v128.load(start);
  let c31 = v128.load(start, VECTOR);
  start = addressAt(starts, 4) + startOffset;
  let c40 = v128.load(start);
  let c41 = v128.load(start, VECTOR);
  start = addressAt(starts, 5) + startOffset;
  let c50 = v128.load(start);
  let c51 = v128.load(start, VECTOR);
  while (depth > 0) {
    let left = a + usize(load<u32>(table));
    let right = b + usize(load<u32>(table, 4));
    let b0 = v128.load(right);
    let b1 = v128.load(right, 16);
    let value = v128.load32_splat(left);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(left, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(left, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(left, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(left, 16);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(left, 20);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    left = a + usize(load<u32>(table, 8));
    right = b + usize(load<u32>(table, 12));
    b0 = v128.load(right);
    b1 = v128.load(right, 16);
    value = v128.load32_splat(left);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(left, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(left, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(left, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(left, 16);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(left, 20);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    left = a + usize(load<u32>(table, 16));
    right = b + usize(load<u32>(table, 20));
    b0 = v128.load(right);
    b1 = v128.load(right, 16);
    value = v128.load32_splat(left);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(left, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(left, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(left, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(left, 16);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(left, 20);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    left = a + usize(load<u32>(table, 24));
    right = b + usize(load<u32>(table, 28));
    b0 = v128.load(right);
    b1 = v128.load(right, 16);
    value = v128.load32_splat(left);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(left, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(left, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(left, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(left, 16);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(left, 20);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    table += 32;
    depth -= 4;
  }
  let out = addressAt(outs, 0) + outOffset;
  v128.store(out, c00);
  v128.store(out, c01, VECTOR);
  out = addressAt(outs, 1) + outOffset;
  v128.store(out, c10);
  v128.store(out, c11, VECTOR);
  out = addressAt(outs, 2) + outOffset;
  v128.store(out, c20);
  v128.store(out, c21, VECTOR);
  out = addressAt(outs, 3) + outOffset;
  v128.store(out, c30);
  v128.store(out, c31, VECTOR);
  out = addressAt(outs, 4) + outOffset;
  v128.store(out, c40);
  v128.store(out, c41, VECTOR);
  out = addressAt(outs, 5) + outOffset;
  v128.store(out, c50);
  v128.store(out, c51, VECTOR);
}

/** Six floats and eight where they lie, any depth, likewise. */
@inline
export function gatheredBlock(
  a: usize,
  b: usize,
  table: usize,
  depth: i32,
  starts: usize,
  startOffset: usize,
  outs: usize,
  outOffset: usize,
): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    gathered6x8(a, b, table, depth, starts, startOffset, outs, outOffset);
    return;
  }
  const even = depth & ~3;
  if (even > 0) {
    gathered6x8By4(a, b, table, even, starts, startOffset, outs, outOffset);
    starts = outs;
    startOffset = outOffset;
  }
  if (depth > even) {
    gathered6x8(a, b, table + (usize(even) << 3), depth - even, starts, startOffset, outs, outOffset);
  }
}

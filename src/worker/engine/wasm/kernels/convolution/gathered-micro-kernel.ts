/**
 * The micro-kernel for operands that are read where they lie, as `packed-micro-kernel.ts` has it for packed ones, and
 * why it looks as it does: a table says where the six rows and the eight columns of each term of the depth are. Nothing
 * is copied, but only what has its six rows side by side can be read so.
 */

import { multiplyAdd } from '../common/simd';

/**
 * Six neighbouring floats and eight, read where they lie: `table` has a pair of distances in bytes, from `a` and from `b`,
 * for each term.
 */
export function gathered6x8(a: usize, b: usize, table: usize, depth: i32, accumulators: usize): void {
  let c00 = v128.load(accumulators);
  let c01 = v128.load(accumulators, 16);
  let c10 = v128.load(accumulators, 32);
  let c11 = v128.load(accumulators, 48);
  let c20 = v128.load(accumulators, 64);
  let c21 = v128.load(accumulators, 80);
  let c30 = v128.load(accumulators, 96);
  let c31 = v128.load(accumulators, 112);
  let c40 = v128.load(accumulators, 128);
  let c41 = v128.load(accumulators, 144);
  let c50 = v128.load(accumulators, 160);
  let c51 = v128.load(accumulators, 176);
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
  v128.store(accumulators, c00);
  v128.store(accumulators, c01, 16);
  v128.store(accumulators, c10, 32);
  v128.store(accumulators, c11, 48);
  v128.store(accumulators, c20, 64);
  v128.store(accumulators, c21, 80);
  v128.store(accumulators, c30, 96);
  v128.store(accumulators, c31, 112);
  v128.store(accumulators, c40, 128);
  v128.store(accumulators, c41, 144);
  v128.store(accumulators, c50, 160);
  v128.store(accumulators, c51, 176);
}

/** As `gathered6x8` for a `depth` that is a multiple of 4. */
export function gathered6x8By4(a: usize, b: usize, table: usize, depth: i32, accumulators: usize): void {
  let c00 = v128.load(accumulators);
  let c01 = v128.load(accumulators, 16);
  let c10 = v128.load(accumulators, 32);
  let c11 = v128.load(accumulators, 48);
  let c20 = v128.load(accumulators, 64);
  let c21 = v128.load(accumulators, 80);
  let c30 = v128.load(accumulators, 96);
  let c31 = v128.load(accumulators, 112);
  let c40 = v128.load(accumulators, 128);
  let c41 = v128.load(accumulators, 144);
  let c50 = v128.load(accumulators, 160);
  let c51 = v128.load(accumulators, 176);
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
  v128.store(accumulators, c00);
  v128.store(accumulators, c01, 16);
  v128.store(accumulators, c10, 32);
  v128.store(accumulators, c11, 48);
  v128.store(accumulators, c20, 64);
  v128.store(accumulators, c21, 80);
  v128.store(accumulators, c30, 96);
  v128.store(accumulators, c31, 112);
  v128.store(accumulators, c40, 128);
  v128.store(accumulators, c41, 144);
  v128.store(accumulators, c50, 160);
  v128.store(accumulators, c51, 176);
}

/** Adds terms of any number, likewise. */
@inline
export function gatheredBlock(a: usize, b: usize, table: usize, depth: i32, accumulators: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    gathered6x8(a, b, table, depth, accumulators);
    return;
  }
  const even = depth & ~3;
  gathered6x8By4(a, b, table, even, accumulators);
  if (depth > even) gathered6x8(a, b, table + (usize(even) << 3), depth - even, accumulators);
}

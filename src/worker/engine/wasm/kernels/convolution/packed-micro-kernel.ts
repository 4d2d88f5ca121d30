/**
 * The micro-kernels of matrix products: a tile of 6 x 8 outputs, or of 6 x 16 where that is faster, whose accumulators stay in
 * registers while the depth (K of a GEMM) runs by. The left operand is six rows packed as [depth][6], the right one panels of eight
 * columns as [depth][8]; of narrow kernel gradients both are gathered where they lie.
 *
 * `starts` and `outs` are the addresses of six rows, four bytes each: the accumulators start from what lies `startOffset`
 * bytes on (zeros, a bias, or partial sums of earlier depth) and go to `outOffset` bytes on. Each is summed over the
 * depth in order, one term at a time, so neither blocking nor threads change a bit of it.
 *
 * Everything is exported because a single caller would have its kernel inlined, and V8 then spills
 * the accumulators: 28 instead of 61 GFLOP/s. The loops hold no second loop and no branch for the same
 * reason, and read rows through one pointer: with six, a sixth of the rate is lost to counting them up. Plain
 * multiply and add need one register more than there are, which unrolling by four hides.
 */

import { addressAt } from '../common/tables';
import { multiplyAdd, VECTOR } from '../common/simd';

/** Six rows packed as [depth][6]. */
export function packed6x8(
  a: usize,
  b: usize,
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
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let value = v128.load32_splat(a);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a, 16);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a, 20);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    a += 24;
    b += 32;
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

/** As `packed6x8` for a `depth` that is a multiple of 4. */
export function packed6x8By4(
  a: usize,
  b: usize,
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
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let value = v128.load32_splat(a);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a, 16);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a, 20);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    b0 = v128.load(b, 32);
    b1 = v128.load(b, 48);
    value = v128.load32_splat(a, 24);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a, 28);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a, 32);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a, 36);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a, 40);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a, 44);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    b0 = v128.load(b, 64);
    b1 = v128.load(b, 80);
    value = v128.load32_splat(a, 48);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a, 52);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a, 56);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a, 60);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a, 64);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a, 68);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    b0 = v128.load(b, 96);
    b1 = v128.load(b, 112);
    value = v128.load32_splat(a, 72);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    value = v128.load32_splat(a, 76);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    value = v128.load32_splat(a, 80);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    value = v128.load32_splat(a, 84);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    value = v128.load32_splat(a, 88);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    value = v128.load32_splat(a, 92);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    a += 96;
    b += 128;
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

/**
 * As `packed6x8` for two panels of the right operand, `panelStep` bytes apart: a tile of 6 x 16. `halfStep`: bytes from the
 * first eight outputs of a row, and of what they start from, to the other eight.
 *
 * Of 128-bit vectors that takes 24 accumulators, more than x86-64 has registers. Where the compiler joins two to a 256-bit one it
 * takes twelve, enough to hide the latency of the multiply-adds; the six of `packed6x8` are too few.
 */
export function packed6x16(
  a: usize,
  b: usize,
  panelStep: usize,
  depth: i32,
  starts: usize,
  startOffset: usize,
  outs: usize,
  outOffset: usize,
  halfStep: usize,
): void {
  let start = addressAt(starts, 0) + startOffset;
  let c00 = v128.load(start);
  let c01 = v128.load(start, VECTOR);
  let c02 = v128.load(start + halfStep);
  let c03 = v128.load(start + halfStep, VECTOR);
  start = addressAt(starts, 1) + startOffset;
  let c10 = v128.load(start);
  let c11 = v128.load(start, VECTOR);
  let c12 = v128.load(start + halfStep);
  let c13 = v128.load(start + halfStep, VECTOR);
  start = addressAt(starts, 2) + startOffset;
  let c20 = v128.load(start);
  let c21 = v128.load(start, VECTOR);
  let c22 = v128.load(start + halfStep);
  let c23 = v128.load(start + halfStep, VECTOR);
  start = addressAt(starts, 3) + startOffset;
  let c30 = v128.load(start);
  let c31 = v128.load(start, VECTOR);
  let c32 = v128.load(start + halfStep);
  let c33 = v128.load(start + halfStep, VECTOR);
  start = addressAt(starts, 4) + startOffset;
  let c40 = v128.load(start);
  let c41 = v128.load(start, VECTOR);
  let c42 = v128.load(start + halfStep);
  let c43 = v128.load(start + halfStep, VECTOR);
  start = addressAt(starts, 5) + startOffset;
  let c50 = v128.load(start);
  let c51 = v128.load(start, VECTOR);
  let c52 = v128.load(start + halfStep);
  let c53 = v128.load(start + halfStep, VECTOR);
  let next = b + panelStep;
  while (depth > 0) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, VECTOR);
    const b2 = v128.load(next);
    const b3 = v128.load(next, VECTOR);
    let value = v128.load32_splat(a);
    c00 = multiplyAdd(value, b0, c00);
    c01 = multiplyAdd(value, b1, c01);
    c02 = multiplyAdd(value, b2, c02);
    c03 = multiplyAdd(value, b3, c03);
    value = v128.load32_splat(a, 4);
    c10 = multiplyAdd(value, b0, c10);
    c11 = multiplyAdd(value, b1, c11);
    c12 = multiplyAdd(value, b2, c12);
    c13 = multiplyAdd(value, b3, c13);
    value = v128.load32_splat(a, 8);
    c20 = multiplyAdd(value, b0, c20);
    c21 = multiplyAdd(value, b1, c21);
    c22 = multiplyAdd(value, b2, c22);
    c23 = multiplyAdd(value, b3, c23);
    value = v128.load32_splat(a, 12);
    c30 = multiplyAdd(value, b0, c30);
    c31 = multiplyAdd(value, b1, c31);
    c32 = multiplyAdd(value, b2, c32);
    c33 = multiplyAdd(value, b3, c33);
    value = v128.load32_splat(a, 16);
    c40 = multiplyAdd(value, b0, c40);
    c41 = multiplyAdd(value, b1, c41);
    c42 = multiplyAdd(value, b2, c42);
    c43 = multiplyAdd(value, b3, c43);
    value = v128.load32_splat(a, 20);
    c50 = multiplyAdd(value, b0, c50);
    c51 = multiplyAdd(value, b1, c51);
    c52 = multiplyAdd(value, b2, c52);
    c53 = multiplyAdd(value, b3, c53);
    a += 24;
    b += 32;
    next += 32;
    depth -= 1;
  }
  let out = addressAt(outs, 0) + outOffset;
  v128.store(out, c00);
  v128.store(out, c01, VECTOR);
  v128.store(out + halfStep, c02);
  v128.store(out + halfStep, c03, VECTOR);
  out = addressAt(outs, 1) + outOffset;
  v128.store(out, c10);
  v128.store(out, c11, VECTOR);
  v128.store(out + halfStep, c12);
  v128.store(out + halfStep, c13, VECTOR);
  out = addressAt(outs, 2) + outOffset;
  v128.store(out, c20);
  v128.store(out, c21, VECTOR);
  v128.store(out + halfStep, c22);
  v128.store(out + halfStep, c23, VECTOR);
  out = addressAt(outs, 3) + outOffset;
  v128.store(out, c30);
  v128.store(out, c31, VECTOR);
  v128.store(out + halfStep, c32);
  v128.store(out + halfStep, c33, VECTOR);
  out = addressAt(outs, 4) + outOffset;
  v128.store(out, c40);
  v128.store(out, c41, VECTOR);
  v128.store(out + halfStep, c42);
  v128.store(out + halfStep, c43, VECTOR);
  out = addressAt(outs, 5) + outOffset;
  v128.store(out, c50);
  v128.store(out, c51, VECTOR);
  v128.store(out + halfStep, c52);
  v128.store(out + halfStep, c53, VECTOR);
}

/**
 * As `packed6x8` for operands that lie where they are: term t multiplies the six floats at `a` + terms[2 t] by the eight at
 * `b` + terms[2 t + 1]. Adds to a tile of accumulators, [6][8].
 */
export function gathered6x8(a: usize, b: usize, terms: usize, depth: i32, tile: usize): void {
  let c00 = v128.load(tile, 0 * VECTOR);
  let c01 = v128.load(tile, 1 * VECTOR);
  let c10 = v128.load(tile, 2 * VECTOR);
  let c11 = v128.load(tile, 3 * VECTOR);
  let c20 = v128.load(tile, 4 * VECTOR);
  let c21 = v128.load(tile, 5 * VECTOR);
  let c30 = v128.load(tile, 6 * VECTOR);
  let c31 = v128.load(tile, 7 * VECTOR);
  let c40 = v128.load(tile, 8 * VECTOR);
  let c41 = v128.load(tile, 9 * VECTOR);
  let c50 = v128.load(tile, 10 * VECTOR);
  let c51 = v128.load(tile, 11 * VECTOR);
  while (depth > 0) {
    const left = a + usize(load<u32>(terms));
    const right = b + usize(load<u32>(terms, 4));
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
    terms += 8;
    depth -= 1;
  }
  v128.store(tile, c00, 0 * VECTOR);
  v128.store(tile, c01, 1 * VECTOR);
  v128.store(tile, c10, 2 * VECTOR);
  v128.store(tile, c11, 3 * VECTOR);
  v128.store(tile, c20, 4 * VECTOR);
  v128.store(tile, c21, 5 * VECTOR);
  v128.store(tile, c30, 6 * VECTOR);
  v128.store(tile, c31, 7 * VECTOR);
  v128.store(tile, c40, 8 * VECTOR);
  v128.store(tile, c41, 9 * VECTOR);
  v128.store(tile, c50, 10 * VECTOR);
  v128.store(tile, c51, 11 * VECTOR);
}

/** Columns of a tile of packed operands, 8 unless 16; a global of the instance, so each thread's own. */
let tileColumns: i32 = 8;

export function useTiles(columns: i32): void {
  tileColumns = columns;
}

/** Whether neighbouring panels are multiplied two by two, by `packed6x16`. */
@inline
export function joinsPanels(): boolean {
  return tileColumns == 16;
}

/** Six packed rows, any depth, by whichever kernels are fastest in this binary. */
@inline
export function packedBlock(
  a: usize,
  b: usize,
  depth: i32,
  starts: usize,
  startOffset: usize,
  outs: usize,
  outOffset: usize,
): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    packed6x8(a, b, depth, starts, startOffset, outs, outOffset);
    return;
  }
  const even = depth & ~3;
  if (even > 0) {
    packed6x8By4(a, b, even, starts, startOffset, outs, outOffset);
    starts = outs;
    startOffset = outOffset;
  }
  if (depth > even || depth == 0) {
    packed6x8(
      a + usize(even) * 24,
      b + (usize(even) << 5),
      depth - even,
      starts,
      startOffset,
      outs,
      outOffset,
    );
  }
}

/** Depth of the operands of `repeatTiles`, and where its scratch holds them, its outputs, and the addresses of those. */
const REPEATED_DEPTH: i32 = 256;
const REPEATED_RIGHT: usize = usize(REPEATED_DEPTH) * 24;
const REPEATED_OUTS: usize = REPEATED_RIGHT + usize(REPEATED_DEPTH) * 64;
const REPEATED_ROWS: usize = REPEATED_OUTS + 6 * 64;

/**
 * Makes the product of six rows by sixteen columns `turns` times with tiles of 8 or 16 `columns`, for measuring; see
 * `threads/tile-choice.ts`. The operands are at `scratch`.
 */
export function repeatTiles(columns: i32, turns: i32, scratch: usize): void {
  const panelBytes = usize(REPEATED_DEPTH) * 32;
  const right = scratch + REPEATED_RIGHT;
  const rows = scratch + REPEATED_ROWS;
  for (let row: usize = 0; row < 6; row++) {
    store<u32>(rows + (row << 2), u32(scratch + REPEATED_OUTS + (row << 6)));
  }
  for (; turns > 0; turns--) {
    if (columns == 16) {
      packed6x16(scratch, right, panelBytes, REPEATED_DEPTH, rows, 0, rows, 0, 32);
      continue;
    }
    packedBlock(scratch, right, REPEATED_DEPTH, rows, 0, rows, 0);
    packedBlock(scratch, right + panelBytes, REPEATED_DEPTH, rows, 32, rows, 32);
  }
}

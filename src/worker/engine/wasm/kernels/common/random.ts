/**
 * Philox4x32-10 (Salmon et al. 2011), bit-equal to `src/worker/random/`: a block a lane. Element i of a float
 * or an index stream is word i & 3 of block i >> 2; a dropout mask takes the 16-bit half i & 7 of block i >> 3.
 */

import { VECTOR } from './simd';

/** Blocks that are computed at once, two vectors of them: each step of a round waits for the one before, so two vectors share the wait. */
export const BLOCKS = 8;
/** Bytes of their words. */
export const BLOCKS_BYTES: usize = 16 * BLOCKS;

/**
 * Words of blocks `block` to `block` + 7 of one stream and step, block after block, into the 128 bytes
 * at `out`.
 */
export function philoxBlocks(block: i32, step: i32, stream: i32, key0: i32, key1: i32, out: usize): void {
  const multiplier0 = i32x4.splat(<i32>0xd2511f53);
  const multiplier1 = i32x4.splat(<i32>0xcd9e8d57);
  const weyl0 = i32x4.splat(<i32>0x9e3779b9);
  const weyl1 = i32x4.splat(<i32>0xbb67ae85);
  let c0 = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(step);
  let c2 = i32x4.splat(stream);
  let c3 = i32x4.splat(0);
  let d0 = i32x4.add(i32x4.splat(block), i32x4(4, 5, 6, 7));
  let d1 = c1;
  let d2 = c2;
  let d3 = c3;
  let keys0 = i32x4.splat(key0);
  let keys1 = i32x4.splat(key1);
  for (let round = 0; round < 10; round++) {
    // Products of 64 bits, two lanes each, of which high and low words are then gathered.
    let low = i64x2.extmul_low_i32x4_u(c0, multiplier0);
    let high = i64x2.extmul_high_i32x4_u(c0, multiplier0);
    const e2 = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
    const e3 = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
    low = i64x2.extmul_low_i32x4_u(c2, multiplier1);
    high = i64x2.extmul_high_i32x4_u(c2, multiplier1);
    c0 = v128.xor(v128.shuffle<i32>(low, high, 1, 3, 5, 7), v128.xor(c1, keys0));
    c1 = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
    c2 = v128.xor(e2, v128.xor(c3, keys1));
    c3 = e3;
    low = i64x2.extmul_low_i32x4_u(d0, multiplier0);
    high = i64x2.extmul_high_i32x4_u(d0, multiplier0);
    const f2 = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
    const f3 = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
    low = i64x2.extmul_low_i32x4_u(d2, multiplier1);
    high = i64x2.extmul_high_i32x4_u(d2, multiplier1);
    d0 = v128.xor(v128.shuffle<i32>(low, high, 1, 3, 5, 7), v128.xor(d1, keys0));
    d1 = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
    d2 = v128.xor(f2, v128.xor(d3, keys1));
    d3 = f3;
    keys0 = i32x4.add(keys0, weyl0);
    keys1 = i32x4.add(keys1, weyl1);
  }
  storeBlocks(c0, c1, c2, c3, out);
  storeBlocks(d0, d1, d2, d3, out + 4 * VECTOR);
}

/** Lanes are blocks in registers and words in memory: transposes. */
@inline
function storeBlocks(c0: v128, c1: v128, c2: v128, c3: v128, out: usize): void {
  const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  v128.store(out, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(out, v128.shuffle<i64>(low01, low23, 1, 3), VECTOR);
  v128.store(out, v128.shuffle<i64>(high01, high23, 0, 2), 2 * VECTOR);
  v128.store(out, v128.shuffle<i64>(high01, high23, 1, 3), 3 * VECTOR);
}

/** Word `index` of a stream; `scratch` has 128 bytes. */
export function philoxWord(index: i32, step: i32, stream: i32, key0: i32, key1: i32, scratch: usize): u32 {
  philoxBlocks(index >> 2, step, stream, key0, key1, scratch);
  return load<u32>(scratch + (usize(index & 3) << 2));
}

/** Uniform float32 in [low, low + range) from four words: low + range x (word >>> 8) 2^-24. */
@inline
export function wordsToUniform(words: v128, low: f32, range: f32): v128 {
  const unit = f32x4.mul(f32x4.convert_i32x4_u(i32x4.shr_u(words, 8)), f32x4.splat(5.9604644775390625e-8));
  return f32x4.add(f32x4.splat(low), f32x4.mul(unit, f32x4.splat(range)));
}

/** 1 / standard deviation of the sum of four uniform bytes. */
const BYTE_SUM_SCALE: f32 = 0.006765875034034252;

/** Four words as about normal float32: the sums of their bytes, standardised. */
@inline
export function wordsToNormal(words: v128): v128 {
  const sums = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(words));
  const whole = f32x4.convert_i32x4_s(i32x4.sub(sums, i32x4.splat(510)));
  return f32x4.mul(whole, f32x4.splat(BYTE_SUM_SCALE));
}

/** The same of one word. */
@inline
export function wordToNormal(word: u32): f32 {
  return f32x4.extract_lane(wordsToNormal(i32x4.splat(word)), 0);
}

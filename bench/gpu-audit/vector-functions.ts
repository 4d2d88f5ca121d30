/** What RDNA 2's vector instructions compute in a lane, by opcode without its encoding. */

import { fromHalf, toHalf } from '../../src/worker/engine/plan/half-floats.js';
import { bitsOf, floatOf } from './operands.js';

/** On words; sources in the order of the text. */
export const WORD_FUNCTIONS: Readonly<Record<string, (a: number, b: number, c: number) => number>> = {
  v_mov_b32: (a) => a,
  v_not_b32: (a) => ~a,
  v_bfrev_b32: reversed,
  v_add_nc_u32: (a, b) => a + b,
  v_sub_nc_u32: (a, b) => a - b,
  v_subrev_nc_u32: (a, b) => b - a,
  v_and_b32: (a, b) => a & b,
  v_or_b32: (a, b) => a | b,
  v_xor_b32: (a, b) => a ^ b,
  v_xnor_b32: (a, b) => ~(a ^ b),
  v_lshlrev_b32: (a, b) => b << (a & 31),
  v_lshrrev_b32: (a, b) => b >>> (a & 31),
  v_ashrrev_i32: (a, b) => (b | 0) >> (a & 31),
  v_min_u32: (a, b) => Math.min(a, b),
  v_max_u32: (a, b) => Math.max(a, b),
  v_min_i32: (a, b) => Math.min(a | 0, b | 0),
  v_max_i32: (a, b) => Math.max(a | 0, b | 0),
  v_med3_i32: (a, b, c) => medianOf(a | 0, b | 0, c | 0),
  v_mul_u32_u24: (a, b) => Math.imul(a & 0xff_ffff, b & 0xff_ffff),
  v_mul_lo_u32: (a, b) => Math.imul(a, b),
  v_mul_hi_u32: (a, b) => highProduct(a, b),
  v_add3_u32: (a, b, c) => a + b + c,
  v_add_lshl_u32: (a, b, c) => (a + b) << (c & 31),
  v_lshl_add_u32: (a, b, c) => (a << (b & 31)) + c,
  v_lshl_or_b32: (a, b, c) => (a << (b & 31)) | c,
  v_and_or_b32: (a, b, c) => (a & b) | c,
  v_or3_b32: (a, b, c) => a | b | c,
  v_xor3_b32: (a, b, c) => a ^ b ^ c,
  v_xad_u32: (a, b, c) => (a ^ b) + c,
  v_mad_u32_u24: (a, b, c) => Math.imul(a & 0xff_ffff, b & 0xff_ffff) + c,
  v_mad_i32_i24: (a, b, c) => Math.imul((a << 8) >> 8, (b << 8) >> 8) + c,
  v_bfe_u32: (a, b, c) => ((c & 31) === 0 ? 0 : (a >>> (b & 31)) & (0xffff_ffff >>> (32 - (c & 31)))),
  v_bfi_b32: (a, b, c) => (a & b) | (~a & c),
  v_cvt_f32_f16: (a) => bitsOf(fromHalf(a & 0xffff)),
  v_cvt_f16_f32: (a) => toHalf(floatOf(a)),
  v_cvt_u32_f32: (a) => wholeOf(a, 0, 0xffff_ffff),
  v_cvt_i32_f32: (a) => wholeOf(a, -0x8000_0000, 0x7fff_ffff),
};

/** On floats, rounded to float32 where they are stored; `v_fmac_f32` gets its target as the third. */
export const FLOAT_FUNCTIONS: Readonly<Record<string, (a: number, b: number, c: number) => number>> = {
  v_add_f32: (a, b) => a + b,
  v_sub_f32: (a, b) => a - b,
  v_subrev_f32: (a, b) => b - a,
  v_mul_f32: (a, b) => a * b,
  v_min_f32: (a, b) => Math.min(a, b),
  v_max_f32: (a, b) => Math.max(a, b),
  v_med3_f32: medianOf,
  v_fma_f32: (a, b, c) => a * b + c,
  v_fmac_f32: (a, b, c) => a * b + c,
  v_fmaak_f32: (a, b, c) => a * b + c,
  // Its constant stands in the middle.
  v_fmamk_f32: (a, b, c) => a * b + c,
  v_rcp_f32: (a) => 1 / a,
  v_rsq_f32: (a) => 1 / Math.sqrt(a),
  v_sqrt_f32: (a) => Math.sqrt(a),
  v_exp_f32: (a) => 2 ** a,
  v_log_f32: (a) => Math.log2(a),
  v_floor_f32: (a) => Math.floor(a),
  v_ceil_f32: (a) => Math.ceil(a),
  v_trunc_f32: (a) => Math.trunc(a),
  v_fract_f32: (a) => a - Math.floor(a),
};

export const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lg: (a, b) => a !== b,
  neq: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  nlt: (a, b) => !(a < b),
  nle: (a, b) => !(a <= b),
  ngt: (a, b) => !(a > b),
  nge: (a, b) => !(a >= b),
};

function medianOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** The bits of a word from the last to the first. */
export function reversed(word: number): number {
  let value = 0;
  for (let bit = 0; bit < 32; bit++) value |= ((word >>> bit) & 1) << (31 - bit);
  return value;
}

/** The upper word of the product of two words. */
export function highProduct(a: number, b: number): number {
  const [low, high] = [a & 0xffff, a >>> 16];
  const [other, upper] = [b & 0xffff, b >>> 16];
  const middle = high * other + ((low * other) >>> 16);
  const cross = low * upper + (middle & 0xffff);
  return high * upper + Math.floor(middle / 0x1_0000) + Math.floor(cross / 0x1_0000);
}

/** A float's bits as a whole number within bounds, towards zero; 0 for what is no number. */
function wholeOf(bits: number, least: number, most: number): number {
  const value = Math.trunc(floatOf(bits));
  return Number.isNaN(value) ? 0 : Math.max(least, Math.min(most, value));
}

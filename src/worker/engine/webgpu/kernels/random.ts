/**
 * Philox4x32-10 in WGSL: the random streams of `worker/random/`, integers and uniforms bit for
 * bit. Owns functions, no bindings.
 *
 * A round maps (c0, c1, c2, c3) under the key (k0, k1) to
 * (high(M1 c2) ^ c1 ^ k0, low(M1 c2), high(M0 c0) ^ c3 ^ k1, low(M0 c0)), after which the key grows
 * by the Weyl constants. WGSL has no 64-bit product, so the high word is made from 16-bit halves.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 */

import { BYTE_SUM_SCALE } from '../../../random/philox.js';
import { float } from './shader-text.js';

/** Declares `philox`, `word_to_index`, `word_to_uniform` and `word_to_normal`. */
export const RANDOM_FUNCTIONS = `
fn multiply_high(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let middle_1 = a_high * b_low + ((a_low * b_low) >> 16u);
  let middle_2 = a_low * b_high + (middle_1 & 0xffffu);
  return a_high * b_high + (middle_1 >> 16u) + (middle_2 >> 16u);
}

fn philox(counter: vec4u, first_key: vec2u) -> vec4u {
  var c = counter;
  var key = first_key;
  for (var round = 0u; round < 10u; round++) {
    let high_0 = multiply_high(0xd2511f53u, c.x);
    let high_1 = multiply_high(0xcd9e8d57u, c.z);
    c = vec4u(high_1 ^ c.y ^ key.x, 0xcd9e8d57u * c.z, high_0 ^ c.w ^ key.y, 0xd2511f53u * c.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// An index in [0, bound).
fn word_to_index(word: u32, bound: u32) -> u32 {
  return multiply_high(word, bound);
}

// Uniform in [0, 1): a multiple of 2^-24, so the float is exact.
fn word_to_uniform(word: u32) -> f32 {
  return f32(word >> 8u) * 5.9604644775390625e-8f;
}

// About normal: the sum of the four bytes, standardised; whole numbers until the one product.
fn word_to_normal(word: u32) -> f32 {
  let sum = (word & 255u) + ((word >> 8u) & 255u) + ((word >> 16u) & 255u) + (word >> 24u);
  return f32(i32(sum) - 510) * ${float(BYTE_SUM_SCALE)};
}
`;

/**
 * Philox4x32-10, the counter-based generator behind every draw, and what its words are turned into.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** High 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // Every partial sum stays below 2^32, so 32-bit integer arithmetic loses nothing.
  const low = Math.imul(aLow, bLow);
  const middle1 = (Math.imul(aHigh, bLow) + (low >>> 16)) | 0;
  const middle2 = (Math.imul(aLow, bHigh) + (middle1 & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle1 >>> 16) + (middle2 >>> 16)) >>> 0;
}

/** Index in [0, bound) from one random word: the high word of word x bound. */
export function wordToIndex(word: number, bound: number): number {
  return multiplyHigh(word, bound);
}

/** Uniform float32 in [0, 1) from the top 24 bits of one random word. */
export function wordToUniform(word: number): number {
  return (word >>> 8) * 2 ** -24;
}

/** 1 / standard deviation of the sum of four uniform bytes, whose variance is 4 (256^2 - 1) / 12. */
export const BYTE_SUM_SCALE = Math.fround(1 / Math.sqrt(65535 / 3));

/** About normal float32 (mean 0, deviation 1) from one random word: the sum of its bytes, standardised. */
export function wordToNormal(word: number): number {
  const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
  return Math.fround((sum - 510) * BYTE_SUM_SCALE);
}

/**
 * Writes Philox4x32-10's four output words for one counter and key (all unsigned 32-bit) into
 * `out[offset .. offset + 3]`.
 */
export function philox(
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
  out: Uint32Array,
  offset: number,
): void {
  let c0 = counter0 | 0;
  let c1 = counter1 | 0;
  let c2 = counter2 | 0;
  let c3 = counter3 | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0 >>> 0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2 >>> 0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[offset] = c0;
  out[offset + 1] = c1;
  out[offset + 2] = c2;
  out[offset + 3] = c3;
}

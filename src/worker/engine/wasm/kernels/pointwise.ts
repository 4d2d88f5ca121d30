/**
 * The steps of chains and epilogues, one function each: in place, on `count` positions of `floats` floats,
 * `step` bytes apart, with what they read beside them. Nothing past a position is written.
 */

import { hyperbolicTangent } from './math';
import { multiplyAdd, storeSome, VECTOR } from './simd';

/** Bytes of the whole vectors of a position. */
@inline
function wholeBytes(floats: i32): usize {
  return usize(floats & ~3) << 2;
}

export function addNumber(at: usize, count: i32, value: f32): void {
  for (; count > 0; count--, at += 4) store<f32>(at, load<f32>(at) + value);
}

export function addChannels(at: usize, count: i32, step: usize, floats: i32, values: usize, valueStep: usize): void {
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step, values += valueStep) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) v128.store(at + i, f32x4.add(v128.load(at + i), v128.load(values + i)));
    storeSome(at + i, f32x4.add(v128.load(at + i), v128.load(values + i)), floats & 3);
  }
}

export function affine(at: usize, count: i32, step: usize, floats: i32, scale: usize, shift: usize): void {
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) {
      v128.store(at + i, multiplyAdd(v128.load(at + i), v128.load(scale + i), v128.load(shift + i)));
    }
    if (floats & 3) {
      storeSome(at + i, multiplyAdd(v128.load(at + i), v128.load(scale + i), v128.load(shift + i)), floats & 3);
    }
  }
}

/** x where `decider` > 0, else slope x. */
@inline
function rectify(x: v128, decider: v128, slope: v128): v128 {
  return v128.bitselect(x, f32x4.mul(x, slope), f32x4.gt(decider, f32x4.splat(0)));
}

export function leaky(at: usize, count: i32, step: usize, floats: i32, alpha: f32): void {
  const slope = f32x4.splat(alpha);
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) {
      const x = v128.load(at + i);
      v128.store(at + i, rectify(x, x, slope));
    }
    const x = v128.load(at + i);
    storeSome(at + i, rectify(x, x, slope), floats & 3);
  }
}

export function tanh(at: usize, count: i32, step: usize, floats: i32): void {
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) v128.store(at + i, hyperbolicTangent(v128.load(at + i)));
    if (floats & 3) storeSome(at + i, hyperbolicTangent(v128.load(at + i)), floats & 3);
  }
}

/** Keep bits of elements `element` to `element` + 3 as lanes: they may straddle two words, so eight bytes are read. */
@inline
function keepLanes(words: usize, element: i32): v128 {
  const bits = i32x4(1, 2, 4, 8);
  const word = load<u64>(words + (usize(element >> 5) << 2));
  return i32x4.eq(v128.and(i32x4.splat(i32(word >> (element & 31))), bits), bits);
}

export function mask(
  at: usize,
  count: i32,
  step: usize,
  floats: i32,
  words: usize,
  element: i32,
  stride: i32,
  scale: f32,
): void {
  const kept = f32x4.splat(scale);
  const whole = wholeBytes(floats);
  const isAligned = ((element | stride | floats) & 31) == 0;
  for (; count > 0; count--, at += step, element += stride) {
    if (isAligned) {
      maskWords(at, floats, words + (usize(element >> 5) << 2), kept);
      continue;
    }
    let i: usize = 0;
    let own = element;
    for (; i < whole; i += VECTOR, own += 4) {
      v128.store(at + i, v128.and(f32x4.mul(v128.load(at + i), kept), keepLanes(words, own)));
    }
    if (floats & 3) {
      storeSome(at + i, v128.and(f32x4.mul(v128.load(at + i), kept), keepLanes(words, own)), floats & 3);
    }
  }
}

/** `floats`, a multiple of 32, whose bits begin with a word. */
function maskWords(at: usize, floats: i32, words: usize, scale: v128): void {
  const bits = i32x4(1, 2, 4, 8);
  for (; floats > 0; floats -= 32, words += 4) {
    let word = v128.load32_splat(words);
    for (const end = at + 128; at < end; at += VECTOR, word = i32x4.shr_u(word, 4)) {
      const isKept = i32x4.eq(v128.and(word, bits), bits);
      v128.store(at, v128.and(f32x4.mul(v128.load(at), scale), isKept));
    }
  }
}

@inline
function normGradientOf(at: usize, raw: usize, p: usize, table: usize): v128 {
  const own = multiplyAdd(v128.load(at), v128.load(p), v128.load(p + 2 * table));
  return multiplyAdd(v128.load(raw), v128.load(p + table), own);
}

export function normGradient(
  at: usize,
  count: i32,
  step: usize,
  floats: i32,
  raw: usize,
  rawStep: usize,
  p: usize,
  table: usize,
): void {
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step, raw += rawStep) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) v128.store(at + i, normGradientOf(at + i, raw + i, p + i, table));
    if (floats & 3) storeSome(at + i, normGradientOf(at + i, raw + i, p + i, table), floats & 3);
  }
}

export function leakyGradient(
  at: usize,
  count: i32,
  step: usize,
  floats: i32,
  saved: usize,
  savedStep: usize,
  alpha: f32,
): void {
  const slope = f32x4.splat(alpha);
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step, saved += savedStep) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) v128.store(at + i, rectify(v128.load(at + i), v128.load(saved + i), slope));
    storeSome(at + i, rectify(v128.load(at + i), v128.load(saved + i), slope), floats & 3);
  }
}

export function leakyAffineGradient(
  at: usize,
  count: i32,
  step: usize,
  floats: i32,
  saved: usize,
  savedStep: usize,
  scale: usize,
  shift: usize,
  alpha: f32,
): void {
  const slope = f32x4.splat(alpha);
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step, saved += savedStep) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) {
      const seen = multiplyAdd(v128.load(saved + i), v128.load(scale + i), v128.load(shift + i));
      v128.store(at + i, rectify(v128.load(at + i), seen, slope));
    }
    if (floats & 3) {
      const seen = multiplyAdd(v128.load(saved + i), v128.load(scale + i), v128.load(shift + i));
      storeSome(at + i, rectify(v128.load(at + i), seen, slope), floats & 3);
    }
  }
}

/** x (1 - y^2) */
@inline
function tanhGradientOf(x: v128, y: v128): v128 {
  return f32x4.mul(x, f32x4.sub(f32x4.splat(1), f32x4.mul(y, y)));
}

export function tanhGradient(at: usize, count: i32, step: usize, floats: i32, saved: usize, savedStep: usize): void {
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step, saved += savedStep) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) v128.store(at + i, tanhGradientOf(v128.load(at + i), v128.load(saved + i)));
    storeSome(at + i, tanhGradientOf(v128.load(at + i), v128.load(saved + i)), floats & 3);
  }
}

/**
 * The steps of prologues and epilogues, one function each: from one place to another, or in place, on `count`
 * positions of `floats` floats, so many bytes apart, with what they read beside them. Nothing past a position is
 * written. Loops go by two vectors: their own counting costs as much as a vector's arithmetic.
 */

import { hyperbolicTangent } from './common/math';
import { multiplyAdd, select, storeSome, VECTOR } from './common/simd';

const PAIR: usize = 2 * VECTOR;


@inline
function sumOf(x: usize, values: usize): v128 {
  return f32x4.add(v128.load(x), v128.load(values));
}

export function addChannels(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  values: usize,
  valueStep: usize,
): void {
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep, values += valueStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      v128.store(to + i, sumOf(from + i, values + i));
      v128.store(to + i, sumOf(from + i + VECTOR, values + i + VECTOR), VECTOR);
    }
    for (; i < bytes; i += VECTOR) storeSome(to + i, sumOf(from + i, values + i), i32(bytes - i) >> 2);
  }
}


@inline
function shareAdded(x: usize, values: usize, share: v128): v128 {
  return multiplyAdd(v128.load(values), share, v128.load(x));
}

/** x + factor value */
export function addShare(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  values: usize,
  valueStep: usize,
  factor: f32,
): void {
  const share = f32x4.splat(factor);
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep, values += valueStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      v128.store(to + i, shareAdded(from + i, values + i, share));
      v128.store(to + i, shareAdded(from + i + VECTOR, values + i + VECTOR, share), VECTOR);
    }
    for (; i < bytes; i += VECTOR)
      storeSome(to + i, shareAdded(from + i, values + i, share), i32(bytes - i) >> 2);
  }
}


@inline
function affineOf(x: usize, scale: usize, shift: usize): v128 {
  return multiplyAdd(v128.load(x), v128.load(scale), v128.load(shift));
}

export function affine(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  scale: usize,
  shift: usize,
): void {
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      v128.store(to + i, affineOf(from + i, scale + i, shift + i));
      v128.store(to + i, affineOf(from + i + VECTOR, scale + i + VECTOR, shift + i + VECTOR), VECTOR);
    }
    for (; i < bytes; i += VECTOR)
      storeSome(to + i, affineOf(from + i, scale + i, shift + i), i32(bytes - i) >> 2);
  }
}

/** `above` where `decider` > 0, else `below`. */
@inline
function slopeOf(decider: v128, above: v128, below: v128): v128 {
  return select(above, below, f32x4.gt(decider, f32x4.splat(0)));
}

/** x where `decider` > 0, else slope x. */
@inline
function rectify(x: v128, decider: v128, slope: v128): v128 {
  return slopeOf(decider, x, f32x4.mul(x, slope));
}


@inline
function leakyOf(x: v128, slope: v128): v128 {
  return rectify(x, x, slope);
}

export function leaky(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  alpha: f32,
): void {
  const slope = f32x4.splat(alpha);
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      v128.store(to + i, leakyOf(v128.load(from + i), slope));
      v128.store(to + i, leakyOf(v128.load(from + i + VECTOR), slope), VECTOR);
    }
    for (; i < bytes; i += VECTOR)
      storeSome(to + i, leakyOf(v128.load(from + i), slope), i32(bytes - i) >> 2);
  }
}

/** `affine`, then `leaky`, in one go. */
export function affineLeaky(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  scale: usize,
  shift: usize,
  alpha: f32,
): void {
  const slope = f32x4.splat(alpha);
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      const next = i + VECTOR;
      v128.store(to + i, leakyOf(affineOf(from + i, scale + i, shift + i), slope));
      v128.store(to + i, leakyOf(affineOf(from + next, scale + next, shift + next), slope), VECTOR);
    }
    for (; i < bytes; i += VECTOR) {
      storeSome(to + i, leakyOf(affineOf(from + i, scale + i, shift + i), slope), i32(bytes - i) >> 2);
    }
  }
}

export function tanh(from: usize, fromStep: usize, to: usize, toStep: usize, count: i32, floats: i32): void {
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      v128.store(to + i, hyperbolicTangent(v128.load(from + i)));
      v128.store(to + i, hyperbolicTangent(v128.load(from + i + VECTOR)), VECTOR);
    }
    for (; i < bytes; i += VECTOR)
      storeSome(to + i, hyperbolicTangent(v128.load(from + i)), i32(bytes - i) >> 2);
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
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  words: usize,
  element: i32,
  stride: i32,
  scale: f32,
): void {
  const kept = f32x4.splat(scale);
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep, element += stride) {
    for (let i: usize = 0; i < bytes; i += VECTOR) {
      const values = v128.and(f32x4.mul(v128.load(from + i), kept), keepLanes(words, element + i32(i >> 2)));
      storeSome(to + i, values, i32(bytes - i) >> 2);
    }
  }
}


@inline
function normGradientOf(x: usize, raw: usize, p: usize, table: usize): v128 {
  const own = multiplyAdd(v128.load(x), v128.load(p), v128.load(p + 2 * table));
  return multiplyAdd(v128.load(raw), v128.load(p + table), own);
}

export function normGradient(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  raw: usize,
  rawStep: usize,
  p: usize,
  table: usize,
): void {
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep, raw += rawStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      v128.store(to + i, normGradientOf(from + i, raw + i, p + i, table));
      v128.store(to + i, normGradientOf(from + i + VECTOR, raw + i + VECTOR, p + i + VECTOR, table), VECTOR);
    }
    for (; i < bytes; i += VECTOR) {
      storeSome(to + i, normGradientOf(from + i, raw + i, p + i, table), i32(bytes - i) >> 2);
    }
  }
}

export function leakyGradient(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  saved: usize,
  savedStep: usize,
  alpha: f32,
): void {
  const slope = f32x4.splat(alpha);
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep, saved += savedStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      v128.store(to + i, rectify(v128.load(from + i), v128.load(saved + i), slope));
      v128.store(to + i, rectify(v128.load(from + i + VECTOR), v128.load(saved + i + VECTOR), slope), VECTOR);
    }
    for (; i < bytes; i += VECTOR) {
      storeSome(to + i, rectify(v128.load(from + i), v128.load(saved + i), slope), i32(bytes - i) >> 2);
    }
  }
}


@inline
function leakyAffineGradientOf(x: usize, saved: usize, scale: usize, shift: usize, slope: v128): v128 {
  return rectify(v128.load(x), affineOf(saved, scale, shift), slope);
}

export function leakyAffineGradient(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  saved: usize,
  savedStep: usize,
  scale: usize,
  shift: usize,
  alpha: f32,
): void {
  const slope = f32x4.splat(alpha);
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep, saved += savedStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      const next = i + VECTOR;
      v128.store(to + i, leakyAffineGradientOf(from + i, saved + i, scale + i, shift + i, slope));
      v128.store(
        to + i,
        leakyAffineGradientOf(from + next, saved + next, scale + next, shift + next, slope),
        VECTOR,
      );
    }
    for (; i < bytes; i += VECTOR) {
      storeSome(
        to + i,
        leakyAffineGradientOf(from + i, saved + i, scale + i, shift + i, slope),
        i32(bytes - i) >> 2,
      );
    }
  }
}

/** x (1 - y^2) */
@inline
function tanhGradientOf(x: v128, y: v128): v128 {
  return f32x4.mul(x, f32x4.sub(f32x4.splat(1), f32x4.mul(y, y)));
}

export function tanhGradient(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
  saved: usize,
  savedStep: usize,
): void {
  const bytes = usize(floats) << 2;
  for (; count > 0; count--, from += fromStep, to += toStep, saved += savedStep) {
    let i: usize = 0;
    for (; i + PAIR <= bytes; i += PAIR) {
      v128.store(to + i, tanhGradientOf(v128.load(from + i), v128.load(saved + i)));
      v128.store(to + i, tanhGradientOf(v128.load(from + i + VECTOR), v128.load(saved + i + VECTOR)), VECTOR);
    }
    for (; i < bytes; i += VECTOR) {
      storeSome(to + i, tanhGradientOf(v128.load(from + i), v128.load(saved + i)), i32(bytes - i) >> 2);
    }
  }
}

/**
 * Chains and epilogues: what happens to the channels of positions on their way into a product or out of
 * it. A list of snippets is applied in place, one after the other, each to a run of positions of one
 * image that is short enough to stay in the first-level cache. Nothing past a position is written.
 */

import {
  IMAGE_FORWARD_ROW,
  IMAGE_FORWARD_SEGMENT,
  IMAGE_GRADIENT_SEGMENT,
  IMAGE_IN_SEGMENT,
  SNIPPET_A,
  SNIPPET_AFFINE,
  SNIPPET_B,
  SNIPPET_BIAS,
  SNIPPET_CODE,
  SNIPPET_LEAKY,
  SNIPPET_LEAKY_AFFINE_GRADIENT,
  SNIPPET_LEAKY_GRADIENT,
  SNIPPET_MASK,
  SNIPPET_NORM_GRADIENT,
  SNIPPET_NUMBER,
  SNIPPET_OFFSETS,
  SNIPPET_STEP,
  SNIPPET_TABLE,
  SNIPPET_TANH,
  SNIPPET_TANH_GRADIENT,
  SNIPPET_VECTOR,
  SNIPPET_WORDS,
} from './layout';
import { hyperbolicTangent } from './math';
import { address, float, int } from './record';
import { multiplyAdd, storeSome, VECTOR } from './simd';

/** Bytes at the start of a thread's scratch that hold a few positions' channels. */
export const POSITION_SCRATCH: usize = 32768;

/**
 * Applies the snippets at `list` to `count` positions of `channels` floats, the first at `at`, each `step`
 * bytes after the one before. In the plan's row of `size` elements that `image` (an entry of an
 * operation's table) describes, the first begins at element `position`, each `stride` after the one before.
 */
export function applySnippets(
  list: usize,
  at: usize,
  count: i32,
  step: usize,
  channels: i32,
  image: usize,
  position: i32,
  stride: i32,
  size: i32,
): void {
  const forward = usize(int(image, IMAGE_FORWARD_ROW) * size + position) << 2;
  const strideBytes = usize(stride) << 2;
  // To what does not ask for the channel, positions that follow each other here and there are one.
  const isDense = stride == channels && step == usize(channels) << 2;
  const runs = isDense ? 1 : count;
  const floats = isDense ? count * channels : channels;
  for (let code = int(list, SNIPPET_CODE); code != 0; list += SNIPPET_WORDS << 2, code = int(list, SNIPPET_CODE)) {
    const a = address(list, SNIPPET_A);
    switch (code) {
      case SNIPPET_BIAS:
        if (isDense && channels == 1) addNumber(at, count, load<f32>(a));
        else addChannels(at, count, step, channels, a, 0);
        break;
      case SNIPPET_AFFINE: {
        const scale = a + usize(int(image, IMAGE_FORWARD_SEGMENT)) * address(list, SNIPPET_STEP);
        affine(at, count, step, channels, scale, scale + address(list, SNIPPET_TABLE));
        break;
      }
      case SNIPPET_LEAKY:
        leaky(at, runs, step, floats, float(list, SNIPPET_NUMBER));
        break;
      case SNIPPET_TANH:
        tanh(at, runs, step, floats);
        break;
      case SNIPPET_MASK: {
        const offset = load<u32>(
          address(list, SNIPPET_OFFSETS) + (usize(int(image, IMAGE_FORWARD_SEGMENT)) << 2),
        );
        const element = int(image, IMAGE_IN_SEGMENT) * size + position;
        mask(at, runs, step, floats, a + (usize(offset) << 2), element, stride, float(list, SNIPPET_NUMBER));
        break;
      }
      case SNIPPET_NORM_GRADIENT: {
        const p = address(list, SNIPPET_B) + usize(int(image, IMAGE_GRADIENT_SEGMENT)) * address(list, SNIPPET_STEP);
        normGradient(at, count, step, channels, a + forward, strideBytes, p, address(list, SNIPPET_TABLE));
        break;
      }
      case SNIPPET_LEAKY_GRADIENT:
        leakyGradient(at, runs, step, floats, a + forward, strideBytes, float(list, SNIPPET_NUMBER));
        break;
      case SNIPPET_LEAKY_AFFINE_GRADIENT: {
        const scale = address(list, SNIPPET_B) + usize(int(image, IMAGE_FORWARD_SEGMENT)) * address(list, SNIPPET_STEP);
        const shift = scale + address(list, SNIPPET_TABLE);
        const alpha = float(list, SNIPPET_NUMBER);
        leakyAffineGradient(at, count, step, channels, a + forward, strideBytes, scale, shift, alpha);
        break;
      }
      case SNIPPET_TANH_GRADIENT:
        tanhGradient(at, runs, step, floats, a + forward, strideBytes);
        break;
      case SNIPPET_VECTOR: {
        const vector = a + usize(int(image, IMAGE_GRADIENT_SEGMENT)) * address(list, SNIPPET_STEP);
        addChannels(at, runs, step, floats, vector + (usize(position) << 2), strideBytes);
        break;
      }
      default:
        unreachable();
    }
  }
}

/** Bytes of the whole vectors of a position. */
@inline
function wholeBytes(floats: i32): usize {
  return usize(floats & ~3) << 2;
}

function addNumber(at: usize, count: i32, value: f32): void {
  for (; count > 0; count--, at += 4) store<f32>(at, load<f32>(at) + value);
}

function addChannels(at: usize, count: i32, step: usize, floats: i32, values: usize, valueStep: usize): void {
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step, values += valueStep) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) v128.store(at + i, f32x4.add(v128.load(at + i), v128.load(values + i)));
    storeSome(at + i, f32x4.add(v128.load(at + i), v128.load(values + i)), floats & 3);
  }
}

function affine(at: usize, count: i32, step: usize, floats: i32, scale: usize, shift: usize): void {
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

function leaky(at: usize, count: i32, step: usize, floats: i32, alpha: f32): void {
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

function tanh(at: usize, count: i32, step: usize, floats: i32): void {
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

function mask(
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

function normGradient(
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

function leakyGradient(
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

function leakyAffineGradient(
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

function tanhGradient(at: usize, count: i32, step: usize, floats: i32, saved: usize, savedStep: usize): void {
  const whole = wholeBytes(floats);
  for (; count > 0; count--, at += step, saved += savedStep) {
    let i: usize = 0;
    for (; i < whole; i += VECTOR) v128.store(at + i, tanhGradientOf(v128.load(at + i), v128.load(saved + i)));
    storeSome(at + i, tanhGradientOf(v128.load(at + i), v128.load(saved + i)), floats & 3);
  }
}

/** Copies `count` floats, no byte more. */
@inline
export function copyFloats(from: usize, to: usize, count: i32): void {
  if (count < 4) {
    copyFew(from, to, count);
    return;
  }
  const last = usize(count - 4) << 2;
  for (let i: usize = 0; i < last; i += VECTOR) v128.store(to + i, v128.load(from + i));
  // The last vector may overlap the one before.
  v128.store(to + last, v128.load(from + last));
}

function copyFew(from: usize, to: usize, count: i32): void {
  for (; count > 0; count--, from += 4, to += 4) store<f32>(to, load<f32>(from));
}

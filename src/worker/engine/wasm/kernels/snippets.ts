/**
 * Chains and epilogues: what happens to the channels of one position on their way into a product or
 * out of it. A list of snippets is applied one after the other in scratch, which stays in the
 * first-level cache. Positions are padded to whole vectors there; what lies in the padding goes nowhere.
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
import { multiplyAdd, VECTOR } from './simd';

/** Bytes at the start of a thread's scratch that hold one position's channels. */
export const POSITION_SCRATCH: usize = 32768;

/**
 * Applies the snippets at `list` to `channels` floats at `at`, in place. They are elements `position` …
 * of the `size` elements of the plan's row that `image` (an entry of an operation's table) describes.
 */
export function applySnippets(list: usize, at: usize, channels: i32, image: usize, position: i32, size: i32): void {
  const end = at + (usize(channels) << 2);
  const forward = usize(int(image, IMAGE_FORWARD_ROW) * size + position) << 2;
  for (let code = int(list, SNIPPET_CODE); code != 0; list += SNIPPET_WORDS << 2, code = int(list, SNIPPET_CODE)) {
    const a = address(list, SNIPPET_A);
    switch (code) {
      case SNIPPET_BIAS:
        addChannels(at, end, a);
        break;
      case SNIPPET_AFFINE: {
        const scale = a + usize(int(image, IMAGE_FORWARD_SEGMENT)) * address(list, SNIPPET_STEP);
        affine(at, end, scale, scale + address(list, SNIPPET_TABLE));
        break;
      }
      case SNIPPET_LEAKY:
        leaky(at, end, float(list, SNIPPET_NUMBER));
        break;
      case SNIPPET_TANH:
        for (let to = at; to < end; to += VECTOR) v128.store(to, hyperbolicTangent(v128.load(to)));
        break;
      case SNIPPET_MASK: {
        const offset = load<u32>(
          address(list, SNIPPET_OFFSETS) + (usize(int(image, IMAGE_FORWARD_SEGMENT)) << 2),
        );
        const element = int(image, IMAGE_IN_SEGMENT) * size + position;
        mask(at, end, a + (usize(offset) << 2), element, float(list, SNIPPET_NUMBER));
        break;
      }
      case SNIPPET_NORM_GRADIENT: {
        const p = address(list, SNIPPET_B) + usize(int(image, IMAGE_GRADIENT_SEGMENT)) * address(list, SNIPPET_STEP);
        normGradient(at, end, a + forward, p, address(list, SNIPPET_TABLE));
        break;
      }
      case SNIPPET_LEAKY_GRADIENT:
        leakyGradient(at, end, a + forward, float(list, SNIPPET_NUMBER));
        break;
      case SNIPPET_LEAKY_AFFINE_GRADIENT: {
        const scale = address(list, SNIPPET_B) + usize(int(image, IMAGE_FORWARD_SEGMENT)) * address(list, SNIPPET_STEP);
        const shift = scale + address(list, SNIPPET_TABLE);
        leakyAffineGradient(at, end, a + forward, scale, shift, float(list, SNIPPET_NUMBER));
        break;
      }
      case SNIPPET_TANH_GRADIENT:
        tanhGradient(at, end, a + forward);
        break;
      case SNIPPET_VECTOR: {
        const step = address(list, SNIPPET_STEP);
        addChannels(at, end, a + usize(int(image, IMAGE_GRADIENT_SEGMENT)) * step + (usize(position) << 2));
        break;
      }
      default:
        unreachable();
    }
  }
}

function addChannels(at: usize, end: usize, values: usize): void {
  for (; at < end; at += VECTOR, values += VECTOR) v128.store(at, f32x4.add(v128.load(at), v128.load(values)));
}

function affine(at: usize, end: usize, scale: usize, shift: usize): void {
  for (; at < end; at += VECTOR, scale += VECTOR, shift += VECTOR) {
    v128.store(at, multiplyAdd(v128.load(at), v128.load(scale), v128.load(shift)));
  }
}

function leaky(at: usize, end: usize, alpha: f32): void {
  const slope = f32x4.splat(alpha);
  for (; at < end; at += VECTOR) {
    const x = v128.load(at);
    v128.store(at, v128.bitselect(x, f32x4.mul(x, slope), f32x4.gt(x, f32x4.splat(0))));
  }
}

/** Four elements at a time: their bits may straddle two words, so eight bytes are read. */
function mask(at: usize, end: usize, words: usize, element: i32, scale: f32): void {
  const kept = f32x4.splat(scale);
  const bits = i32x4(1, 2, 4, 8);
  for (; at < end; at += VECTOR, element += 4) {
    const word = load<u64>(words + (usize(element >> 5) << 2));
    const own = v128.and(i32x4.splat(i32(word >> (element & 31))), bits);
    const isKept = i32x4.ne(own, i32x4.splat(0));
    v128.store(at, v128.and(f32x4.mul(v128.load(at), kept), isKept));
  }
}

function normGradient(at: usize, end: usize, raw: usize, p: usize, table: usize): void {
  for (; at < end; at += VECTOR, raw += VECTOR, p += VECTOR) {
    const own = multiplyAdd(v128.load(at), v128.load(p), v128.load(p + 2 * table));
    v128.store(at, multiplyAdd(v128.load(raw), v128.load(p + table), own));
  }
}

function leakyGradient(at: usize, end: usize, saved: usize, alpha: f32): void {
  const slope = f32x4.splat(alpha);
  for (; at < end; at += VECTOR, saved += VECTOR) {
    const x = v128.load(at);
    v128.store(at, v128.bitselect(x, f32x4.mul(x, slope), f32x4.gt(v128.load(saved), f32x4.splat(0))));
  }
}

function leakyAffineGradient(at: usize, end: usize, saved: usize, scale: usize, shift: usize, alpha: f32): void {
  const slope = f32x4.splat(alpha);
  for (; at < end; at += VECTOR, saved += VECTOR, scale += VECTOR, shift += VECTOR) {
    const x = v128.load(at);
    const seen = multiplyAdd(v128.load(saved), v128.load(scale), v128.load(shift));
    v128.store(at, v128.bitselect(x, f32x4.mul(x, slope), f32x4.gt(seen, f32x4.splat(0))));
  }
}

function tanhGradient(at: usize, end: usize, saved: usize): void {
  for (; at < end; at += VECTOR, saved += VECTOR) {
    const y = v128.load(saved);
    v128.store(at, f32x4.mul(v128.load(at), f32x4.sub(f32x4.splat(1), f32x4.mul(y, y))));
  }
}

/** Copies `count` floats, no byte more. */
export function copyFloats(from: usize, to: usize, count: i32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, v128.load(from));
    from += VECTOR;
    to += VECTOR;
  }
  for (; count > 0; count--) {
    store<f32>(to, load<f32>(from));
    from += 4;
    to += 4;
  }
}

/**
 * Chains and epilogues: what happens to the channels of positions on their way into a product or out of
 * it. A list of snippets is applied one after the other, each to a run of positions of one image that is
 * short enough to stay in the first-level cache. Nothing past a position is written.
 */

import {
  IMAGE_FORWARD_ROW,
  IMAGE_FORWARD_SEGMENT,
  IMAGE_GRADIENT_SEGMENT,
  IMAGE_IN_SEGMENT,
  SNIPPET_A,
  SNIPPET_AFFINE,
  SNIPPET_AFFINE_LEAKY,
  SNIPPET_B,
  SNIPPET_BIAS,
  SNIPPET_CODE,
  SNIPPET_LEAKY,
  SNIPPET_LEAKY_AFFINE_GRADIENT,
  SNIPPET_LEAKY_GRADIENT,
  SNIPPET_LEAKY_MASK,
  SNIPPET_MASK,
  SNIPPET_MASKED_LEAKY_GRADIENT,
  SNIPPET_NORM_GRADIENT,
  SNIPPET_NUMBER,
  SNIPPET_OFFSETS,
  SNIPPET_SCALE,
  SNIPPET_STEP,
  SNIPPET_TABLE,
  SNIPPET_TANH,
  SNIPPET_TANH_GRADIENT,
  SNIPPET_VECTOR,
  SNIPPET_WORDS,
} from './words';
import {
  addChannels,
  addNumber,
  affine,
  affineLeaky,
  leaky,
  leakyAffineGradient,
  leakyGradient,
  mask,
  maskedLeaky,
  normGradient,
  tanh,
  tanhGradient,
} from './pointwise';
import { address, float, int } from './record';
import { VECTOR } from './simd';

/**
 * Applies the snippets at `list`, or none where that is 0, to `count` positions of `channels` floats: the first at
 * `from`, each `fromStep` bytes after the one before, to places `toStep` bytes apart from `to` on, which may be the
 * same. In the plan's row of `size` elements that `image` (an entry of an operation's table) describes, the
 * first begins at element `position`, each `stride` after the one before.
 */
export function applySnippets(
  list: usize,
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  channels: i32,
  image: usize,
  position: i32,
  stride: i32,
  size: i32,
): void {
  if (list == 0) {
    copyPositions(from, fromStep, to, toStep, count, channels);
    return;
  }
  const forward = usize(int(image, IMAGE_FORWARD_ROW) * size + position) << 2;
  const strideBytes = usize(stride) << 2;
  const inSegment = int(image, IMAGE_IN_SEGMENT) * size + position;
  const bytes = usize(channels) << 2;
  // To what does not ask for the channel, positions that follow each other everywhere are one.
  const isDense = stride == channels && fromStep == bytes && toStep == bytes;
  const runs = isDense ? 1 : count;
  const floats = isDense ? count * channels : channels;
  for (
    let code = int(list, SNIPPET_CODE);
    code != 0;
    list += SNIPPET_WORDS << 2, code = int(list, SNIPPET_CODE)
  ) {
    const a = address(list, SNIPPET_A);
    switch (code) {
      case SNIPPET_BIAS:
        if (isDense && channels == 1) addNumber(from, to, count, load<f32>(a));
        else addChannels(from, fromStep, to, toStep, count, channels, a, 0);
        break;
      case SNIPPET_AFFINE: {
        const scale = a + usize(int(image, IMAGE_FORWARD_SEGMENT)) * address(list, SNIPPET_STEP);
        affine(from, fromStep, to, toStep, count, channels, scale, scale + address(list, SNIPPET_TABLE));
        break;
      }
      case SNIPPET_LEAKY:
        leaky(from, fromStep, to, toStep, runs, floats, float(list, SNIPPET_NUMBER));
        break;
      case SNIPPET_TANH:
        tanh(from, fromStep, to, toStep, runs, floats);
        break;
      case SNIPPET_AFFINE_LEAKY: {
        const scale = a + usize(int(image, IMAGE_FORWARD_SEGMENT)) * address(list, SNIPPET_STEP);
        const shift = scale + address(list, SNIPPET_TABLE);
        affineLeaky(from, fromStep, to, toStep, count, channels, scale, shift, float(list, SNIPPET_NUMBER));
        break;
      }
      case SNIPPET_MASK: {
        const words = a + maskOffset(list, image);
        mask(from, fromStep, to, toStep, runs, floats, words, inSegment, stride, float(list, SNIPPET_NUMBER));
        break;
      }
      case SNIPPET_LEAKY_MASK:
      case SNIPPET_MASKED_LEAKY_GRADIENT: {
        // The sign of the saved values decides, or that of the values themselves.
        const isGradient = code == SNIPPET_MASKED_LEAKY_GRADIENT;
        const saved = isGradient ? a + forward : from;
        const savedStep = isGradient ? strideBytes : fromStep;
        const words = (isGradient ? address(list, SNIPPET_B) : a) + maskOffset(list, image);
        const alpha = float(list, SNIPPET_NUMBER);
        const scale = float(list, SNIPPET_SCALE);
        maskedLeaky(
          from,
          fromStep,
          to,
          toStep,
          runs,
          floats,
          saved,
          savedStep,
          alpha,
          words,
          inSegment,
          stride,
          scale,
        );
        break;
      }
      case SNIPPET_NORM_GRADIENT: {
        const p =
          address(list, SNIPPET_B) + usize(int(image, IMAGE_GRADIENT_SEGMENT)) * address(list, SNIPPET_STEP);
        const table = address(list, SNIPPET_TABLE);
        normGradient(from, fromStep, to, toStep, count, channels, a + forward, strideBytes, p, table);
        break;
      }
      case SNIPPET_LEAKY_GRADIENT:
        leakyGradient(
          from,
          fromStep,
          to,
          toStep,
          runs,
          floats,
          a + forward,
          strideBytes,
          float(list, SNIPPET_NUMBER),
        );
        break;
      case SNIPPET_LEAKY_AFFINE_GRADIENT: {
        const scale =
          address(list, SNIPPET_B) + usize(int(image, IMAGE_FORWARD_SEGMENT)) * address(list, SNIPPET_STEP);
        const shift = scale + address(list, SNIPPET_TABLE);
        const alpha = float(list, SNIPPET_NUMBER);
        const saved = a + forward;
        leakyAffineGradient(
          from,
          fromStep,
          to,
          toStep,
          count,
          channels,
          saved,
          strideBytes,
          scale,
          shift,
          alpha,
        );
        break;
      }
      case SNIPPET_TANH_GRADIENT:
        tanhGradient(from, fromStep, to, toStep, runs, floats, a + forward, strideBytes);
        break;
      case SNIPPET_VECTOR: {
        const vector = a + usize(int(image, IMAGE_GRADIENT_SEGMENT)) * address(list, SNIPPET_STEP);
        addChannels(from, fromStep, to, toStep, runs, floats, vector + (usize(position) << 2), strideBytes);
        break;
      }
      default:
        unreachable();
    }
    // What follows goes on where this one has written.
    from = to;
    fromStep = toStep;
  }
}

/** Bytes from a mask's first word to that of the image's segment. */
@inline
function maskOffset(list: usize, image: usize): usize {
  const offsets = address(list, SNIPPET_OFFSETS);
  return usize(load<u32>(offsets + (usize(int(image, IMAGE_FORWARD_SEGMENT)) << 2))) << 2;
}

/** Copies `count` pieces of `floats` floats from and to places that are so many bytes apart. */
function copyPositions(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  count: i32,
  floats: i32,
): void {
  const bytes = usize(floats) << 2;
  if (fromStep == bytes && toStep == bytes) {
    copyFloats(from, to, count * floats);
    return;
  }
  for (; count > 0; count--, from += fromStep, to += toStep) copyFloats(from, to, floats);
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

/** Sets `count` floats to 0; for a few of them `memory.fill`, which is a call, takes longer. */
export function clearFloats(to: usize, count: i32): void {
  for (; count >= 4; count -= 4, to += VECTOR) v128.store(to, f32x4.splat(0));
  for (; count > 0; count--, to += 4) store<f32>(to, 0);
}

function copyFew(from: usize, to: usize, count: i32): void {
  for (; count > 0; count--, from += 4, to += 4) store<f32>(to, load<f32>(from));
}

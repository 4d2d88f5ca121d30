/**
 * Prologues and epilogues: what happens to the channels of positions on their way into a product or out of
 * it. A list of snippets is applied one after the other, each to a run of positions of one image that is
 * short enough to stay in the L1 cache. Nothing past a position is written.
 */

import {
  AffineSnippet,
  BiasSnippet,
  Image,
  LeakyAffineGradientSnippet,
  LeakyGradientSnippet,
  LeakySnippet,
  MaskSnippet,
  NoiseSnippet,
  NormGradientSnippet,
  SegmentVectorSnippet,
  Snippet,
  SNIPPET_BYTES,
  SnippetKind,
  TanhGradientSnippet,
} from './layout';
import {
  addChannels,
  addShare,
  affine,
  leaky,
  leakyAffineGradient,
  leakyGradient,
  mask,
  normGradient,
  tanh,
  tanhGradient,
} from './pointwise';
import { wordAt } from './common/tables';
import { VECTOR } from './common/simd';

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
  image: Image,
  position: i32,
  stride: i32,
  size: i32,
): void {
  if (list == 0) {
    copyPositions(from, fromStep, to, toStep, count, channels);
    return;
  }
  const forward = usize(image.forwardRow * size + position) << 2;
  const forwardSegment = usize(image.forwardSegment);
  const gradientSegment = usize(image.gradientSegment);
  const strideBytes = usize(stride) << 2;
  const inPass = image.passRow * size + position;
  const bytes = usize(channels) << 2;
  // To what does not ask for the channel, positions that follow each other everywhere are one.
  const isDense = stride == channels && fromStep == bytes && toStep == bytes;
  const runs = isDense ? 1 : count;
  const floats = isDense ? count * channels : channels;
  for (let kind = kindAt(list); kind != 0; list += SNIPPET_BYTES, kind = kindAt(list)) {
    switch (kind) {
      case SnippetKind.bias: {
        const values = changetype<BiasSnippet>(list).values;
        addChannels(from, fromStep, to, toStep, count, channels, values, 0);
        break;
      }
      case SnippetKind.affine: {
        const own = changetype<AffineSnippet>(list);
        const scale = own.scale + forwardSegment * own.segmentStep;
        affine(from, fromStep, to, toStep, count, channels, scale, scale + own.tableStep);
        break;
      }
      case SnippetKind.leaky:
        leaky(from, fromStep, to, toStep, runs, floats, changetype<LeakySnippet>(list).slope);
        break;
      case SnippetKind.tanh:
        tanh(from, fromStep, to, toStep, runs, floats);
        break;
      case SnippetKind.mask: {
        const own = changetype<MaskSnippet>(list);
        const words = maskWord(own.bits, own.offsets, image);
        mask(from, fromStep, to, toStep, runs, floats, words, inPass, stride, own.scale);
        break;
      }
      case SnippetKind.normGradient: {
        const own = changetype<NormGradientSnippet>(list);
        const raw = own.raw + forward;
        const p = own.p + gradientSegment * own.segmentStep;
        normGradient(from, fromStep, to, toStep, count, channels, raw, strideBytes, p, own.tableStep);
        break;
      }
      case SnippetKind.leakyGradient: {
        const own = changetype<LeakyGradientSnippet>(list);
        const saved = own.saved + forward;
        leakyGradient(from, fromStep, to, toStep, runs, floats, saved, strideBytes, own.slope);
        break;
      }
      case SnippetKind.leakyAffineGradient: {
        const own = changetype<LeakyAffineGradientSnippet>(list);
        const scale = own.scale + forwardSegment * own.segmentStep;
        leakyAffineGradient(
          from,
          fromStep,
          to,
          toStep,
          count,
          channels,
          own.saved + forward,
          strideBytes,
          scale,
          scale + own.tableStep,
          own.slope,
        );
        break;
      }
      case SnippetKind.tanhGradient: {
        const saved = changetype<TanhGradientSnippet>(list).saved + forward;
        tanhGradient(from, fromStep, to, toStep, runs, floats, saved, strideBytes);
        break;
      }
      case SnippetKind.noise: {
        const own = changetype<NoiseSnippet>(list);
        const noise = own.noise + forward;
        addShare(from, fromStep, to, toStep, runs, floats, noise, strideBytes, own.deviation);
        break;
      }
      case SnippetKind.segmentVector: {
        const own = changetype<SegmentVectorSnippet>(list);
        const vector = own.vectors + gradientSegment * own.segmentStep + (usize(position) << 2);
        addChannels(from, fromStep, to, toStep, runs, floats, vector, strideBytes);
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

/** 0 past the last one. */
@inline
function kindAt(list: usize): i32 {
  return changetype<Snippet>(list).kind;
}

/** Where the bits of a mask for the image's segment begin. */
@inline
function maskWord(bits: usize, offsets: usize, image: Image): usize {
  return bits + (usize(wordAt(offsets, image.forwardSegment)) << 2);
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

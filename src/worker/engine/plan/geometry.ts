/**
 * The shape of a linear layer, forward and backward in one: a `large` image side, a `small` one, and
 * the taps that join them. conv2d goes from large to small, conv2dTranspose from small to large, a
 * dense layer is a 1 x 1 tap between two single pixels. Kernels are [height, width, large, small]
 * channels for all three, which is how Keras lays them out.
 */

import { outputShape, type LayerDescription } from '../../../recipe/layers.js';

export interface Side {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** small(y, x) joins large(y * stride - padTop + i, x * stride - padLeft + j) by tap (i, j). */
export interface Geometry {
  readonly large: Side;
  readonly small: Side;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly stride: number;
  readonly padTop: number;
  readonly padLeft: number;
}

export type Direction = 'toSmall' | 'toLarge';

export interface LinearShape {
  readonly geometry: Geometry;
  /** The layer's own direction; its input gradient goes the other way. */
  readonly direction: Direction;
}

function sideOf(shape: readonly number[]): Side {
  if (shape.length === 1) return { height: 1, width: 1, channels: shape[0]! };
  const [height, width, channels] = shape;
  return { height: height!, width: width!, channels: channels! };
}

/** TensorFlow pads `same` at the end where the padding is odd. */
function padBefore(large: number, small: number, kernel: number, stride: number): number {
  return Math.floor(Math.max((small - 1) * stride + kernel - large, 0) / 2);
}

/** null where the layer is not linear. `input` is its input shape without rows. */
export function linearShape(layer: LayerDescription, input: readonly number[]): LinearShape | null {
  if (layer.kind !== 'conv2d' && layer.kind !== 'conv2dTranspose' && layer.kind !== 'dense') return null;
  const from = sideOf(input);
  const to = sideOf(outputShape(layer, input));
  if (layer.kind === 'dense') {
    const geometry = {
      large: from,
      small: to,
      kernelHeight: 1,
      kernelWidth: 1,
      stride: 1,
      padTop: 0,
      padLeft: 0,
    };
    return { geometry, direction: 'toSmall' };
  }
  const [large, small] = layer.kind === 'conv2d' ? [from, to] : [to, from];
  const [kernelHeight, kernelWidth] = layer.kernelSize;
  const pads = layer.padding === 'same';
  const geometry = {
    large,
    small,
    kernelHeight,
    kernelWidth,
    stride: layer.stride,
    padTop: pads ? padBefore(large.height, small.height, kernelHeight, layer.stride) : 0,
    padLeft: pads ? padBefore(large.width, small.width, kernelWidth, layer.stride) : 0,
  };
  return { geometry, direction: layer.kind === 'conv2d' ? 'toSmall' : 'toLarge' };
}

/**
 * One output phase of `toLarge` along one direction: the large positions phase, phase + stride, …
 * are reached by the taps first, first + stride, … and by no others.
 */
export interface Phase {
  /** Large positions: `first + stride * k`, k = 0 … count - 1. */
  readonly first: number;
  readonly count: number;
  /** Taps: `firstTap + stride * k`, k = 0 … taps - 1. */
  readonly firstTap: number;
  readonly taps: number;
  /** Small position of large position `first` at tap `firstTap`; each further tap is one less. */
  readonly firstSmall: number;
}

/** The phases of `toLarge` along one direction; a phase without taps is kept, its outputs are 0. */
export function phasesOf(large: number, kernel: number, stride: number, pad: number): readonly Phase[] {
  return Array.from({ length: Math.min(stride, large) }, (_, first) => {
    const firstTap = (first + pad) % stride;
    return {
      first,
      count: Math.ceil((large - first) / stride),
      firstTap,
      taps: Math.max(0, Math.ceil((kernel - firstTap) / stride)),
      firstSmall: (first + pad - firstTap) / stride,
    };
  });
}

/** Pairs (large, small) that any tap joins along one direction, without those in the padding. */
function joinedPairs(large: number, small: number, kernel: number, stride: number, pad: number): number {
  let pairs = 0;
  for (let at = 0; at < small; at++) {
    for (let tap = 0; tap < kernel; tap++) {
      const joined = at * stride - pad + tap;
      if (joined >= 0 && joined < large) pairs++;
    }
  }
  return pairs;
}

/** Multiply-adds of one row in any of the three forms; taps that fall into padding are not counted. */
export function multiplyAddsOf(geometry: Geometry): number {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  return (
    joinedPairs(large.height, small.height, kernelHeight, stride, padTop) *
    joinedPairs(large.width, small.width, kernelWidth, stride, padLeft) *
    large.channels *
    small.channels
  );
}

export function sideSize({ height, width, channels }: Side): number {
  return height * width * channels;
}

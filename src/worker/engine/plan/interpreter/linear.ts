/** The three forms of a linear layer, as plain loops over taps. Accumulators are float64 and rounded once. */

import { sideSize, type Geometry } from '../geometry.js';
import type { BiasGradientOp, FilterGradientOp, ProductOp } from '../operations.js';
import { applySnippets, readView, type SnippetContext } from './snippets.js';
import type { Values } from './store.js';

/** Calls back for every pair of pixels that a tap joins, without those in the padding. */
function forEachTap(
  { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft }: Geometry,
  visit: (largePixel: number, smallPixel: number, tap: number) => void,
): void {
  for (let y = 0; y < small.height; y++) {
    for (let i = 0; i < kernelHeight; i++) {
      const Y = y * stride - padTop + i;
      if (Y < 0 || Y >= large.height) continue;
      for (let x = 0; x < small.width; x++) {
        for (let j = 0; j < kernelWidth; j++) {
          const X = x * stride - padLeft + j;
          if (X < 0 || X >= large.width) continue;
          visit(Y * large.width + X, y * small.width + x, i * kernelWidth + j);
        }
      }
    }
  }
}

function productOfRow(
  geometry: Geometry,
  toSmall: boolean,
  source: Values,
  sourceOffset: number,
  kernel: Values,
  accumulators: Float64Array,
): void {
  const larges = geometry.large.channels;
  const smalls = geometry.small.channels;
  accumulators.fill(0);
  forEachTap(geometry, (largePixel, smallPixel, tap) => {
    const largeBase = largePixel * larges;
    const smallBase = smallPixel * smalls;
    for (let l = 0; l < larges; l++) {
      const kernelBase = (tap * larges + l) * smalls;
      if (toSmall) {
        const x = source[sourceOffset + largeBase + l]!;
        for (let s = 0; s < smalls; s++) accumulators[smallBase + s]! += x * kernel[kernelBase + s]!;
      } else {
        let sum = 0;
        for (let s = 0; s < smalls; s++)
          sum += source[sourceOffset + smallBase + s]! * kernel[kernelBase + s]!;
        accumulators[largeBase + l]! += sum;
      }
    }
  });
}

export function runProduct(context: SnippetContext, op: ProductOp): void {
  const { tensors, parameters } = context;
  const toSmall = op.direction === 'toSmall';
  const to = toSmall ? op.geometry.small : op.geometry.large;
  const sourceSize = sideSize(toSmall ? op.geometry.large : op.geometry.small);
  const targetSize = sideSize(to);
  const target = tensors.get(op.target);
  const accumulators = new Float64Array(targetSize);
  for (const segment of op.segments) {
    const source = readView(context, op.source, segment);
    const kernel = parameters.get(op.kernels[segment.instance]!);
    for (let row = 0; row < segment.rows; row++) {
      productOfRow(op.geometry, toSmall, source, row * sourceSize, kernel, accumulators);
      for (let element = 0; element < targetSize; element++) {
        target[(segment.targetRow + row) * targetSize + element] = applySnippets(
          context,
          op.epilogue,
          accumulators[element]!,
          segment,
          row,
          element,
          targetSize,
          to.channels,
        );
      }
    }
  }
}

export function runFilterGradient(context: SnippetContext, op: FilterGradientOp): void {
  const { geometry } = op;
  const larges = geometry.large.channels;
  const smalls = geometry.small.channels;
  const size = geometry.kernelHeight * geometry.kernelWidth * larges * smalls;
  const target = context.tensors.get(op.target);
  const accumulators = new Float64Array(size);
  for (const split of op.splits) {
    const large = readView(context, op.large, split);
    const small = readView(context, op.small, split);
    accumulators.fill(0);
    for (let row = 0; row < split.rows; row++) {
      const largeRow = row * sideSize(geometry.large);
      const smallRow = row * sideSize(geometry.small);
      forEachTap(geometry, (largePixel, smallPixel, tap) => {
        for (let l = 0; l < larges; l++) {
          const x = large[largeRow + largePixel * larges + l]!;
          const base = (tap * larges + l) * smalls;
          for (let s = 0; s < smalls; s++)
            accumulators[base + s]! += x * small[smallRow + smallPixel * smalls + s]!;
        }
      });
    }
    target.set(accumulators, split.split * size);
    if (op.bias !== null) context.tensors.get(op.bias).set(sumChannels(small, smalls), split.split * smalls);
  }
}

function sumChannels(values: Values, channels: number): Float64Array {
  const sums = new Float64Array(channels);
  values.forEach((value: number, index: number) => (sums[index % channels]! += value));
  return sums;
}

export function runBiasGradient(context: SnippetContext, op: BiasGradientOp): void {
  const { channels } = op.side;
  const target = context.tensors.get(op.target);
  for (const split of op.splits) {
    target.set(sumChannels(readView(context, op.source, split), channels), split.split * channels);
  }
}

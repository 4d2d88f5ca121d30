/** Draws of a step, from the same streams as `model/draws.ts`, and the gathering of images. */

import { NORMALISED_BYTES } from '../../../data/normalise.js';
import { RandomStreams } from '../../../random/streams.js';
import type { Dataset, Split } from '../../../data/dataset.js';
import type { DrawOp, DrawPart } from '../operations.js';
import type { TensorStore } from './store.js';

export interface DrawSource {
  readonly dataset: Dataset;
  readonly split: Split;
  readonly seed: number;
  /** Updates done. */
  readonly step: number;
  /** First test image of an evaluation. */
  readonly firstTestImage: number;
}

function indicesOf(
  part: Extract<DrawPart, { kind: 'images' | 'labels' }>,
  source: DrawSource,
): readonly number[] {
  if (part.source === 'test') {
    const last = source.dataset.test.count - 1;
    return Array.from({ length: part.rows }, (_, i) => Math.min(source.firstTestImage + i, last));
  }
  const pool = source.split[part.source];
  const draws = new RandomStreams(source.seed).indices(part.stream, source.step, part.rows, pool.length);
  return Array.from(draws, (index) => pool[index]!);
}

export function runDraw(tensors: TensorStore, op: DrawOp, source: DrawSource): void {
  const streams = new RandomStreams(source.seed);
  for (const part of op.parts) {
    const target = tensors.get(part.target);
    switch (part.kind) {
      case 'images': {
        const { images } = part.source === 'test' ? source.dataset.test : source.dataset.train;
        const size = tensors.rowSize(part.target);
        indicesOf(part, source).forEach((index, row) => {
          for (let i = 0; i < size; i++) {
            target[(part.targetRow + row) * size + i] = NORMALISED_BYTES[images[index * size + i]!]!;
          }
        });
        break;
      }
      case 'labels': {
        const { labels } = part.source === 'test' ? source.dataset.test : source.dataset.train;
        indicesOf(part, source).forEach((index, row) => (target[part.targetRow + row] = labels[index]!));
        break;
      }
      case 'latents':
        target.set(
          streams.uniform(part.stream, source.step, part.count, -1, 1),
          part.targetRow * tensors.rowSize(part.target),
        );
        break;
      case 'mask': {
        const factors = new Float32Array(part.count);
        streams.dropoutMask(part.stream, source.step, part.count, part.threshold / 65536, factors);
        for (let word = 0; word * 32 < part.count; word++) {
          let bits = 0;
          for (let bit = 0; bit < 32 && word * 32 + bit < part.count; bit++) {
            if (factors[word * 32 + bit] !== 0) bits |= 1 << bit;
          }
          target[part.offset + word] = bits >>> 0;
        }
        break;
      }
      default:
        part satisfies never;
    }
  }
}

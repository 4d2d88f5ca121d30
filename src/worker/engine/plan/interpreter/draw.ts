/** Draws of a step, from the same streams as `model/draws.ts`, and the gathering of images. */

import { NORMALISED_BYTES } from '../../../data/normalise.js';
import { RandomStreams } from '../../../random/streams.js';
import { pooledCount, type Dataset, type Split } from '../../../data/dataset.js';
import type { DrawOp, DrawPart } from '../operations.js';
import { classOfRow, writeClassCodes } from '../../../model/draws.js';
import { applyView, VIEW_WORDS } from '../../../model/views.js';
import type { SnippetContext } from './snippets.js';
import type { Values } from './store.js';

export interface DrawSource {
  readonly dataset: Dataset;
  readonly split: Split;
  readonly seed: number;
  /** Updates done. */
  readonly step: number;
  /** Updates done when its schedules began (`stageAt`). */
  readonly origin: number;
  /** First test image of an evaluation. */
  readonly firstTestImage: number;
}

/** What a part draws from: the images of its pool, as indices into the training set. */
function poolOf(
  { source, bound }: { readonly source: 'labelled' | 'unlabelled' | 'landmarks'; readonly bound: number },
  { split }: DrawSource,
): ArrayLike<number> {
  if (source !== 'landmarks') return split[source];
  return [...split.labelled, ...split.unlabelled].slice(0, Math.min(bound, pooledCount(split)));
}

function drawnFrom(
  part: { readonly stream: number; readonly rows: number },
  count: number,
  { seed, step }: DrawSource,
): readonly number[] {
  return Array.from(new RandomStreams(seed).indices(part.stream, step, part.rows, count));
}

function indicesOf(
  part: Extract<DrawPart, { kind: 'images' | 'labels' }>,
  source: DrawSource,
): readonly number[] {
  const { rows, source: from } = part;
  if (from === 'test') {
    const last = source.dataset.test.count - 1;
    return Array.from({ length: rows }, (_, i) => Math.min(source.firstTestImage + i, last));
  }
  const pool = poolOf({ source: from, bound: part.kind === 'images' ? part.bound : 0 }, source);
  return drawnFrom(part, pool.length, source).map((index) => pool[index]!);
}

/** The images of a part as their view shows them, into the rows of `target`. */
function drawImages(
  part: Extract<DrawPart, { kind: 'images' }>,
  source: DrawSource,
  target: Values,
  size: number,
): void {
  const { images } = part.source === 'test' ? source.dataset.test : source.dataset.train;
  const streams = new RandomStreams(source.seed);
  const { view } = part;
  const words = view === null ? null : streams.words(view.stream, source.step, part.rows * VIEW_WORDS);
  const shown = new Float32Array(size);
  indicesOf(part, source).forEach((index, row) => {
    const image = Float32Array.from(
      images.subarray(index * size, (index + 1) * size),
      (byte) => NORMALISED_BYTES[byte]!,
    );
    if (view !== null && words !== null) {
      const own = words.subarray(row * VIEW_WORDS, (row + 1) * VIEW_WORDS);
      applyView(view.view, own, image, source.dataset.imageShape, shown);
    }
    target.set(view === null ? image : shown, (part.targetRow + row) * size);
  });
}

export function runDraw({ tensors, parameters }: SnippetContext, op: DrawOp, source: DrawSource): void {
  const streams = new RandomStreams(source.seed);
  for (const part of op.parts) {
    const target = tensors.get(part.target);
    switch (part.kind) {
      case 'images':
        drawImages(part, source, target, tensors.rowSize(part.target));
        break;
      case 'labels': {
        const { labels } = part.source === 'test' ? source.dataset.test : source.dataset.train;
        indicesOf(part, source).forEach((index, row) => (target[part.targetRow + row] = labels[index]!));
        break;
      }
      case 'targets': {
        const { classes, bound } = part;
        const store = parameters.get(part.store);
        const pool = poolOf({ source: 'landmarks', bound }, source);
        drawnFrom(part, pool.length, source).forEach((landmark, row) =>
          target.set(
            store.subarray(landmark * classes, (landmark + 1) * classes),
            (part.targetRow + row) * classes,
          ),
        );
        break;
      }
      case 'noise': {
        const values = new Float32Array(part.count);
        streams.normals(part.stream, source.step, part.count, values);
        target.set(values, part.targetRow * tensors.rowSize(part.target));
        break;
      }
      case 'classes':
        for (let row = 0; row < part.rows; row++)
          target[part.targetRow + row] = classOfRow(row, part.classes);
        break;
      case 'latents': {
        const { rows, size, classes } = part;
        const values = streams.uniform(part.stream, source.step, rows * size, -1, 1);
        if (classes > 0) writeClassCodes(values, rows, classes);
        target.set(values, part.targetRow * tensors.rowSize(part.target));
        break;
      }
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

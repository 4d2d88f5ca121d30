/**
 * Toom-Cook (Winograd) transforms: images whose lines are linear combinations of lines of others, and whose columns are
 * then combinations of columns of these. They make what products with fewer multiply-adds multiply, and the
 * outputs of their results. A combination has up to three terms, each what lies at a place times a number.
 */

import { firstItem, itemAfter } from '../threads/work-shares';
import { Combination, Image, TransformOperation } from '../layout';
import { entryAt } from '../common/tables';
import { multiplyAdd, VECTOR } from '../common/simd';
import { applySnippets } from '../snippets';

/** Threads share out the lines of the images. */
export function transform(record: TransformOperation, threads: i32, scratch: usize): void {
  const height = record.height;
  const lines = record.images * height;
  for (
    let line = firstItem(record, lines, threads);
    line < lines;
    line = itemAfter(record, line, lines, threads)
  ) {
    const image = line / height;
    transformLine(record, image, line - image * height, scratch);
  }
}

function transformLine(record: TransformOperation, image: i32, line: i32, scratch: usize): void {
  const channels = record.channels;
  const width = record.width;
  const bytes = usize(channels) << 2;
  const entry = entryAt<Image>(record.imageTable, image);
  const row = record.imageTable == 0 ? image : entry.targetRow;
  const out = record.target + usize((row * record.height + line) * width) * bytes;
  const ofLines = entryAt<Combination>(record.lines, line);
  let from = record.source + usize(image) * record.sourceImageStep;
  if (ofLines.termCount == 1) from += ofLines.place0;
  else {
    combine(ofLines, from, usize(record.sourceWidth) * bytes, scratch);
    from = scratch;
  }
  let to = out;
  for (let column = 0; column < width; column++, to += bytes) {
    combine(entryAt<Combination>(record.columns, column), from, bytes, to);
  }
  const epilogue = record.epilogue;
  if (epilogue == 0) return;
  const position = line * width * channels;
  const size = record.height * width * channels;
  applySnippets(epilogue, out, bytes, out, bytes, width, channels, entry, position, channels, size);
}

/** A linear combination of pieces of `bytes` bytes, whole pairs of vectors. */
function combine(combination: Combination, from: usize, bytes: usize, to: usize): void {
  const terms = combination.termCount;
  if (terms == 1) copyOne(combination, from, bytes, to);
  else if (terms == 2) addTwo(combination, from, bytes, to);
  else addThree(combination, from, bytes, to);
}


@inline
function copyOne(combination: Combination, from: usize, bytes: usize, to: usize): void {
  let a = from + combination.place0;
  for (const end = to + bytes; to < end; to += 2 * VECTOR, a += 2 * VECTOR) {
    v128.store(to, v128.load(a));
    v128.store(to, v128.load(a, VECTOR), VECTOR);
  }
}


@inline
function addTwo(combination: Combination, from: usize, bytes: usize, to: usize): void {
  let a = from + combination.place0;
  let b = from + combination.place1;
  const factorA = f32x4.splat(combination.factor0);
  const factorB = f32x4.splat(combination.factor1);
  for (const end = to + bytes; to < end; to += 2 * VECTOR, a += 2 * VECTOR, b += 2 * VECTOR) {
    v128.store(to, multiplyAdd(v128.load(b), factorB, f32x4.mul(v128.load(a), factorA)));
    v128.store(
      to,
      multiplyAdd(v128.load(b, VECTOR), factorB, f32x4.mul(v128.load(a, VECTOR), factorA)),
      VECTOR,
    );
  }
}


@inline
function addThree(combination: Combination, from: usize, bytes: usize, to: usize): void {
  let a = from + combination.place0;
  let b = from + combination.place1;
  let c = from + combination.place2;
  const factorA = f32x4.splat(combination.factor0);
  const factorB = f32x4.splat(combination.factor1);
  const factorC = f32x4.splat(combination.factor2);
  for (
    const end = to + bytes;
    to < end;
    to += 2 * VECTOR, a += 2 * VECTOR, b += 2 * VECTOR, c += 2 * VECTOR
  ) {
    let two = multiplyAdd(v128.load(b), factorB, f32x4.mul(v128.load(a), factorA));
    v128.store(to, multiplyAdd(v128.load(c), factorC, two));
    two = multiplyAdd(v128.load(b, VECTOR), factorB, f32x4.mul(v128.load(a, VECTOR), factorA));
    v128.store(to, multiplyAdd(v128.load(c, VECTOR), factorC, two), VECTOR);
  }
}

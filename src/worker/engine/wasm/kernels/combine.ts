/**
 * Images whose lines are sums of lines of others, and whose columns are then sums of columns of these: what goes into
 * the products of `toom-products.ts`, and what comes out of them. A sum has three terms, each what lies at a place
 * times a number, which may be 0.
 */

import { firstItem, itemAfter } from './claims';
import {
  COMBINE_CHANNELS,
  COMBINE_COLUMNS,
  COMBINE_HEIGHT,
  COMBINE_IMAGES,
  COMBINE_IMAGE_STEP,
  COMBINE_LINES,
  COMBINE_SNIPPETS,
  COMBINE_SOURCE,
  COMBINE_SOURCE_WIDTH,
  COMBINE_TABLE,
  COMBINE_TARGET,
  COMBINE_WIDTH,
  IMAGE_TARGET_ROW,
  SUM_FACTORS,
  SUM_IS_COPY,
  SUM_WORDS,
} from './layout';
import { address, addressAt, float, imageEntry, int } from './record';
import { multiplyAdd, VECTOR } from './simd';
import { applySnippets } from './snippets';

/** Lines of the images are dealt out to the threads. */
export function combine(record: usize, threads: i32, scratch: usize): void {
  const height = int(record, COMBINE_HEIGHT);
  const lines = int(record, COMBINE_IMAGES) * height;
  for (let line = firstItem(record, lines, threads); line < lines; line = itemAfter(record, line, lines, threads)) {
    const image = line / height;
    combineLine(record, image, line - image * height, scratch);
  }
}

function combineLine(record: usize, image: i32, line: i32, scratch: usize): void {
  const channels = int(record, COMBINE_CHANNELS);
  const width = int(record, COMBINE_WIDTH);
  const bytes = usize(channels) << 2;
  const images = address(record, COMBINE_TABLE);
  const entry = imageEntry(images, image);
  const row = images == 0 ? image : int(entry, IMAGE_TARGET_ROW);
  const out = address(record, COMBINE_TARGET) + usize((row * int(record, COMBINE_HEIGHT) + line) * width) * bytes;
  const sum = address(record, COMBINE_LINES) + usize(line) * (SUM_WORDS << 2);
  let from = address(record, COMBINE_SOURCE) + image * address(record, COMBINE_IMAGE_STEP);
  if (int(sum, SUM_IS_COPY) != 0) from += addressAt(sum, 0);
  else {
    combineColumns(sum, 1, from, usize(int(record, COMBINE_SOURCE_WIDTH)) * bytes, scratch);
    from = scratch;
  }
  combineColumns(address(record, COMBINE_COLUMNS), width, from, bytes, out);
  const snippets = address(record, COMBINE_SNIPPETS);
  if (snippets == 0) return;
  const position = line * width * channels;
  const size = int(record, COMBINE_HEIGHT) * width * channels;
  applySnippets(snippets, out, bytes, out, bytes, width, channels, entry, position, channels, size);
}

/** So many sums one after the other, each of `bytes`, whole pairs of vectors. */
function combineColumns(sums: usize, count: i32, from: usize, bytes: usize, to: usize): void {
  for (; count > 0; count--, sums += SUM_WORDS << 2) {
    let a = from + addressAt(sums, 0);
    const end = to + bytes;
    if (int(sums, SUM_IS_COPY) != 0) {
      for (; to < end; to += 2 * VECTOR, a += 2 * VECTOR) {
        v128.store(to, v128.load(a));
        v128.store(to, v128.load(a, VECTOR), VECTOR);
      }
      continue;
    }
    // Distances, so that one address is counted up.
    const b = from + addressAt(sums, 1) - a;
    const c = from + addressAt(sums, 2) - a;
    const factorA = f32x4.splat(float(sums, SUM_FACTORS));
    const factorB = f32x4.splat(float(sums, SUM_FACTORS + 1));
    const factorC = f32x4.splat(float(sums, SUM_FACTORS + 2));
    for (; to < end; to += 2 * VECTOR, a += 2 * VECTOR) {
      v128.store(to, sumOf(a, a + b, a + c, factorA, factorB, factorC));
      const next = a + VECTOR;
      v128.store(to, sumOf(next, next + b, next + c, factorA, factorB, factorC), VECTOR);
    }
  }
}

@inline
function sumOf(a: usize, b: usize, c: usize, factorA: v128, factorB: v128, factorC: v128): v128 {
  const two = multiplyAdd(v128.load(b), factorB, f32x4.mul(v128.load(a), factorA));
  return multiplyAdd(v128.load(c), factorC, two);
}

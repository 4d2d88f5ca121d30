/**
 * Images whose lines are sums of lines of others, and whose columns are then sums of columns of these: what
 * products with fewer multiply-adds multiply, and what comes of their results. A sum has up to three terms, each
 * what lies at a place times a number.
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
  SUM_COUNT,
  SUM_FACTORS,
  SUM_WORDS,
} from './words';
import { address, addressAt, imageEntry, int } from './record';
import { multiplyAdd, VECTOR } from './simd';
import { applySnippets } from './snippets';

/** Lines of the images are dealt out to the threads. */
export function combine(record: usize, threads: i32, scratch: usize): void {
  const height = int(record, COMBINE_HEIGHT);
  const lines = int(record, COMBINE_IMAGES) * height;
  for (
    let line = firstItem(record, lines, threads);
    line < lines;
    line = itemAfter(record, line, lines, threads)
  ) {
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
  const out =
    address(record, COMBINE_TARGET) + usize((row * int(record, COMBINE_HEIGHT) + line) * width) * bytes;
  const sum = address(record, COMBINE_LINES) + usize(line) * (SUM_WORDS << 2);
  let from = address(record, COMBINE_SOURCE) + image * address(record, COMBINE_IMAGE_STEP);
  if (int(sum, SUM_COUNT) == 1) from += addressAt(sum, 0);
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
  for (; count > 0; count--, sums += SUM_WORDS << 2, to += bytes) {
    const terms = int(sums, SUM_COUNT);
    if (terms == 1) copyOne(sums, from, bytes, to);
    else if (terms == 2) addTwo(sums, from, bytes, to);
    else addThree(sums, from, bytes, to);
  }
}


@inline
function termAt(sums: usize, from: usize, term: usize): usize {
  return from + addressAt(sums, term);
}


@inline
function factorOf(sums: usize, term: usize): v128 {
  return v128.load32_splat(sums + (term << 2), SUM_FACTORS << 2);
}


@inline
function copyOne(sums: usize, from: usize, bytes: usize, to: usize): void {
  let a = termAt(sums, from, 0);
  for (const end = to + bytes; to < end; to += 2 * VECTOR, a += 2 * VECTOR) {
    v128.store(to, v128.load(a));
    v128.store(to, v128.load(a, VECTOR), VECTOR);
  }
}


@inline
function addTwo(sums: usize, from: usize, bytes: usize, to: usize): void {
  let a = termAt(sums, from, 0);
  let b = termAt(sums, from, 1);
  const factorA = factorOf(sums, 0);
  const factorB = factorOf(sums, 1);
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
function addThree(sums: usize, from: usize, bytes: usize, to: usize): void {
  let a = termAt(sums, from, 0);
  let b = termAt(sums, from, 1);
  let c = termAt(sums, from, 2);
  const factorA = factorOf(sums, 0);
  const factorB = factorOf(sums, 1);
  const factorC = factorOf(sums, 2);
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

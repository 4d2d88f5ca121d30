/** What a step draws: images, labels and targets by drawn index, noise, latents, keep bits of dropout masks. */

import { claimWhole, firstItem, itemAfter } from './threads/work-shares';
import {
  DrawClassesOperation,
  DrawImagesOperation,
  DrawLabelsOperation,
  DrawLatentsOperation,
  DrawMaskOperation,
  DrawNormalsOperation,
  DrawTargetsOperation,
  Operation,
  Run,
} from './layout';
import {
  BLOCKS,
  BLOCKS_BYTES,
  philoxBlocks,
  philoxWord,
  wordsToNormal,
  wordsToUniform,
} from './common/random';
import { VECTOR } from './common/simd';
import { copyFloats } from './snippets';

/** Which image row `row` shows. */
export function imageIndex(stream: i32, pool: usize, bound: u32, row: i32, run: Run, scratch: usize): u32 {
  if (stream == 0) return min(u32(run.first + row), bound - 1);
  const word = philoxWord(row, run.step, stream, run.key0, run.key1, scratch);
  const index = u32((u64(word) * u64(bound)) >> 32);
  return load<u32>(pool + (usize(index) << 2));
}

/** Threads share out the rows. */
export function drawImages(record: DrawImagesOperation, threads: i32, run: Run, scratch: usize): void {
  const rows = record.rows;
  const size = record.imageSize;
  const table = record.byteTable;
  for (let row = firstItem(record, rows, threads); row < rows; row = itemAfter(record, row, rows, threads)) {
    const image = imageIndex(record.stream, record.pool, record.bound, row, run, scratch);
    let from = record.source + usize(image) * size;
    let to = record.target + (usize(row * size) << 2);
    for (let i = 0; i < size; i++) {
      store<f32>(to, load<f32>(table + (usize(load<u8>(from)) << 2)));
      from++;
      to += 4;
    }
  }
}

export function drawLabels(record: DrawLabelsOperation, run: Run, scratch: usize): void {
  if (!claimWhole(record)) return;
  const rows = record.rows;
  for (let row = 0; row < rows; row++) {
    const image = imageIndex(record.stream, record.pool, record.bound, row, run, scratch);
    const label = load<u8>(record.source + usize(image));
    store<u32>(record.target + (usize(row) << 2), u32(label));
  }
}

/** Rows of a table by drawn index. */
export function drawTargets(record: DrawTargetsOperation, run: Run, scratch: usize): void {
  if (!claimWhole(record)) return;
  const rows = record.rows;
  const width = record.width;
  for (let row = 0; row < rows; row++) {
    const word = philoxWord(row, run.step, record.stream, run.key0, run.key1, scratch);
    const index = i32((u64(word) * u64(record.bound)) >> 32);
    const to = record.target + (usize(row * width) << 2);
    copyFloats(record.source + (usize(index * width) << 2), to, width);
  }
}

/** About normal. */
export function drawNormals(record: DrawNormalsOperation, threads: i32, run: Run, scratch: usize): void {
  drawFloats(record, record.stream, record.count, record.target, true, 0, 0, threads, run, scratch);
}

/** Uniform in [-1, 1) but for the codes of classes. */
export function drawLatents(record: DrawLatentsOperation, threads: i32, run: Run, scratch: usize): void {
  const classes = record.classes;
  drawFloats(
    record,
    record.stream,
    record.count,
    record.target,
    false,
    record.size,
    classes,
    threads,
    run,
    scratch,
  );
}

/** Threads share out what eight blocks give, 32 elements. Codes of classes begin rows of `size` where there are any. */
function drawFloats(
  record: Operation,
  stream: i32,
  count: i32,
  target: usize,
  isNormal: bool,
  size: i32,
  classes: i32,
  threads: i32,
  run: Run,
  scratch: usize,
): void {
  const groups = (count + 31) >> 5;
  for (
    let group = firstItem(record, groups, threads);
    group < groups;
    group = itemAfter(record, group, groups, threads)
  ) {
    drawWords(stream, group * BLOCKS, run, scratch);
    for (let offset: usize = 0; offset < BLOCKS_BYTES; offset += VECTOR) {
      const words = v128.load(scratch + offset);
      v128.store(scratch + offset, isNormal ? wordsToNormal(words) : wordsToUniform(words, -1, 2));
    }
    const some = min(32, count - (group << 5));
    if (classes > 0) writeClassCodes(size, classes, group << 5, some, scratch);
    memory.copy(target + (usize(group) << 7), scratch, usize(some) << 2);
  }
}

/** Over the elements of `count` latents, from `first` on, that are codes of their rows' classes. */
function writeClassCodes(size: i32, classes: i32, first: i32, count: i32, values: usize): void {
  for (let i = 0; i < count; i++) {
    const row = (first + i) / size;
    const column = first + i - row * size;
    if (column < classes) store<f32>(values + (usize(i) << 2), f32(row % classes == column));
  }
}

export function drawClasses(record: DrawClassesOperation): void {
  if (!claimWhole(record)) return;
  const rows = record.rows;
  for (let row = 0; row < rows; row++) store<u32>(record.target + (usize(row) << 2), row % record.classes);
}

function drawWords(stream: i32, block: i32, run: Run, scratch: usize): void {
  philoxBlocks(block, run.step, stream, run.key0, run.key1, scratch);
}

/** Threads share out words of 32 keep bits, two from eight blocks. */
export function drawMask(record: DrawMaskOperation, threads: i32, run: Run, scratch: usize): void {
  const count = record.count;
  // Rate 1 would need 65536, which 16 bits do not hold; the settings end at 0.9.
  const limit = i16x8.splat(i16(record.threshold));
  const pairs = (count + 63) >> 6;
  for (
    let pair = firstItem(record, pairs, threads);
    pair < pairs;
    pair = itemAfter(record, pair, pairs, threads)
  ) {
    drawWords(record.stream, pair * BLOCKS, run, scratch);
    const to = record.target + (usize(pair) << 3);
    const left = count - (pair << 6);
    store<i32>(to, keptWord(scratch, limit, left));
    if (left > 32) store<i32>(to, keptWord(scratch + 4 * VECTOR, limit, left - 32), 4);
  }
}

/** 32 keep bits; those past `left` are 0. */
@inline
function keptWord(halves: usize, limit: v128, left: i32): i32 {
  let bits = keptBits(v128.load(halves), limit);
  bits |= keptBits(v128.load(halves, VECTOR), limit) << 8;
  bits |= keptBits(v128.load(halves, 2 * VECTOR), limit) << 16;
  bits |= keptBits(v128.load(halves, 3 * VECTOR), limit) << 24;
  return left < 32 ? bits & ((1 << left) - 1) : bits;
}

/** Bit i: half i is not below the limit. */
@inline
function keptBits(halves: v128, limit: v128): i32 {
  return i16x8.bitmask(i16x8.ge_u(halves, limit));
}

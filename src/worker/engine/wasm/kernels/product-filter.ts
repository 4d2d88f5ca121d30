/**
 * Gradients of kernels: windows of the staged left operand, transposed, times the packed gradient of
 * the output (or, for a transposed convolution, the roles swapped). The depth is every window of
 * every image; it is gone through in chunks, of which six rows at a time are packed. Rows are
 * dealt out to the threads, so that every sum is one thread's, in order.
 */

import { claimShare, shareEnd } from './claims';
import {
  FILTER_FILTERS,
  FILTER_IMAGES,
  FILTER_LEFT,
  FILTER_LEFT_COLUMN_STEP,
  FILTER_LEFT_IMAGE_STEP,
  FILTER_LEFT_ROW_STEP,
  FILTER_OUT,
  FILTER_OUT_RUN_STEP,
  FILTER_RIGHT,
  FILTER_RUNS,
  FILTER_RUN_LENGTH,
  FILTER_RUN_STEP,
  FILTER_X,
  FILTER_Y,
} from './layout';
import { packedBlock } from './micro-kernel';
import { address, int } from './record';
import { FLOAT, VECTOR } from './simd';
import { copyFloats } from './snippets';

/** Six rows each that are packed together, so that they share what they read of a panel. */
const SIXES = 4;
/** Depth of a chunk: the packed rows and a panel of the right operand fit the first-level cache. */
const CHUNK = 384;
const LEFT: usize = 0;
const SUMS: usize = SIXES * CHUNK * 6 * FLOAT;
/** Bytes of sums that a chunk goes through, so that what it reads stays in the second-level cache. */
const MOST_SUMS = 131072;
/** Fewer tasks for each thread than this are cut by columns too. */
const FEWEST_TASKS = 4;

/** Rows, six at a time, are dealt out to the threads; where those are few, parts of the columns of them. */
export function productFilter(record: usize, threads: i32, scratch: usize): void {
  const panels = (int(record, FILTER_FILTERS) + 7) / 8;
  const sixes = int(record, FILTER_RUNS) * sixesOfRun(record);
  const parts = sixes < FEWEST_TASKS * threads ? min(panels, threads) : 1;
  const tasks = parts * sixes;
  const least = parts > 1 ? 1 : SIXES;
  let task = claimShare(record, tasks, threads, least);
  while (task < tasks) {
    const end = shareEnd();
    while (task < end) {
      const part = task / sixes;
      const first = task - part * sixes;
      const firstPanel = (panels * part) / parts;
      const ownPanels = (panels * (part + 1)) / parts - firstPanel;
      const most = max(SIXES, MOST_SUMS / (ownPanels * 192));
      const count = min(most, min(end - task, sixes - first));
      sumSixes(record, first, count, firstPanel, ownPanels, scratch);
      task += count;
    }
    task = claimShare(record, tasks, threads, least);
  }
}

@inline
function sixesOfRun(record: usize): i32 {
  return (int(record, FILTER_RUN_LENGTH) + 5) / 6;
}

function sumSixes(record: usize, first: i32, count: i32, firstPanel: i32, panels: i32, scratch: usize): void {
  const depth = int(record, FILTER_IMAGES) * int(record, FILTER_Y) * int(record, FILTER_X);
  memory.fill(scratch + SUMS, 0, usize(count * panels * 6) << 5);
  for (let start = 0; start < depth; start += CHUNK) {
    const some = min(CHUNK, depth - start);
    for (let six = 0; six < count; six += SIXES) {
      const sums = scratch + SUMS + (usize(six * panels * 6) << 5);
      sumChunk(record, first + six, min(SIXES, count - six), firstPanel, panels, start, some, sums, scratch);
    }
  }
  for (let six = 0; six < count; six++) {
    storeSums(record, first + six, firstPanel, panels, scratch + SUMS + (usize(six * panels * 6) << 5));
  }
}

/** Adds windows `start` to `start` + `some` - 1 to the sums of a few six rows. */
function sumChunk(
  record: usize,
  first: i32,
  count: i32,
  firstPanel: i32,
  panels: i32,
  start: i32,
  some: i32,
  sums: usize,
  scratch: usize,
): void {
  const depth = int(record, FILTER_IMAGES) * int(record, FILTER_Y) * int(record, FILTER_X);
  const right = address(record, FILTER_RIGHT);
  const sixBytes = usize(some) * 6 * FLOAT;
  const perRun = sixesOfRun(record);
  for (let six = 0; six < count; ) {
    const run = (first + six) / perRun;
    const inRun = first + six - run * perRun;
    const left = address(record, FILTER_LEFT) + usize(run) * address(record, FILTER_RUN_STEP) + usize(inRun * 6) * FLOAT;
    const isPair = six + 1 < count && inRun + 1 < perRun;
    packLeft(record, left, isPair, start, some, scratch + LEFT + usize(six) * sixBytes, sixBytes);
    six += isPair ? 2 : 1;
  }
  for (let panel = 0; panel < panels; panel++) {
    const b = right + (usize((firstPanel + panel) * depth + start) << 5);
    let a = scratch + LEFT;
    let to = sums + (usize(panel * 6) << 5);
    for (let six = 0; six < count; six++, a += sixBytes, to += usize(panels * 6) << 5) {
      packedBlock(a, b, some, to, 2 * VECTOR, to, 2 * VECTOR);
    }
  }
}

/** Six neighbouring floats of windows start .. start + count - 1, or twelve: the next six go `sixBytes` further. */
function packLeft(record: usize, left: usize, isPair: boolean, start: i32, count: i32, to: usize, sixBytes: usize): void {
  const width = int(record, FILTER_X);
  const height = int(record, FILTER_Y);
  const imageStep = int(record, FILTER_LEFT_IMAGE_STEP);
  const rowStep = int(record, FILTER_LEFT_ROW_STEP);
  const columnStep = int(record, FILTER_LEFT_COLUMN_STEP);
  let x = start % width;
  let y = (start / width) % height;
  let image = start / (width * height);
  while (count > 0) {
    const from = left + image * imageStep + y * rowStep + x * columnStep;
    const pieces = min(width - x, count);
    if (isPair) copyTwelves(from, columnStep, pieces, to, to + sixBytes);
    else copySixes(from, columnStep, pieces, to);
    to += usize(pieces) * 6 * FLOAT;
    count -= pieces;
    x = 0;
    if (++y == height) {
      y = 0;
      image++;
    }
  }
}

@inline
function copySixes(from: usize, step: usize, count: i32, to: usize): void {
  for (; count > 0; count--, from += step, to += 6 * FLOAT) {
    v128.store(to, v128.load(from));
    store<u64>(to, load<u64>(from, VECTOR), VECTOR);
  }
}

@inline
function copyTwelves(from: usize, step: usize, count: i32, to: usize, next: usize): void {
  for (; count > 0; count--, from += step, to += 6 * FLOAT, next += 6 * FLOAT) {
    v128.store(to, v128.load(from));
    store<u64>(to, load<u64>(from, VECTOR), VECTOR);
    store<u64>(next, load<u64>(from, VECTOR + 8));
    v128.store(next, v128.load(from, 2 * VECTOR), 8);
  }
}

/** Six rows of sums, [panel][6][8], to their place. */
function storeSums(record: usize, six: i32, firstPanel: i32, panels: i32, from: usize): void {
  const filters = int(record, FILTER_FILTERS);
  const columns = filters - firstPanel * 8;
  const perRun = sixesOfRun(record);
  const run = six / perRun;
  const first = (six - run * perRun) * 6;
  const rows = min(6, int(record, FILTER_RUN_LENGTH) - first);
  const target = address(record, FILTER_OUT) + usize(run) * address(record, FILTER_OUT_RUN_STEP);
  for (let row = 0; row < rows; row++) {
    let out = target + (usize((first + row) * filters + firstPanel * 8) << 2);
    let sums = from + (usize(row) << 5);
    for (let panel = 0; panel < panels; panel++) {
      copyFloats(sums, out, min(8, columns - panel * 8));
      out += 2 * VECTOR;
      sums += 12 * VECTOR;
    }
  }
}

/**
 * Gradients of kernels: windows of the staged left operand, transposed, times the gradient of the output (or, for a
 * transposed convolution, the roles swapped). The depth is windows of all images; both operands
 * are read where they lie, in chunks of the depth that stay in the L1 cache. Threads share out the rows,
 * so that every output is summed by one thread, in order.
 */

import { claimShare, shareEnd } from '../threads/work-shares';
import { gatheredBlock } from './gathered-micro-kernel';
import { KernelGradientOperation } from '../layout';
import { FLOAT, VECTOR } from '../common/simd';
import { copyFloats } from '../snippets';

/**
 * Depth of a chunk. What lies a power of two apart falls into few sets of the L1 cache, so it holds far less
 * than its size; smaller chunks load and store the accumulators more often.
 */
const CHUNK = 64;
/** Tile rows (six rows each) that a thread claims at least, so that it reads a chunk more than once. */
const FEWEST_TILE_ROWS = 4;
/** Bytes of accumulators that a chunk goes through, so that what it reads stays in the L2 cache. */
const MOST_ACCUMULATORS = 131072;
/** Fewer tasks for each thread than this are cut by columns too. */
const FEWEST_TASKS = 4;

/** Threads share out tile rows; where those are few, slices of their columns. */
export function kernelGradient(record: KernelGradientOperation, threads: i32, scratch: usize): void {
  const panels = (record.filters + 7) / 8;
  const tileRows = record.runs * tileRowsOfRun(record);
  const slices = tileRows < FEWEST_TASKS * threads ? min(panels, threads) : 1;
  const tasks = slices * tileRows;
  const least = slices > 1 ? 1 : FEWEST_TILE_ROWS;
  let task = claimShare(record, tasks, threads, least);
  while (task < tasks) {
    const end = shareEnd();
    while (task < end) {
      const slice = task / tileRows;
      const first = task - slice * tileRows;
      const firstPanel = (panels * slice) / slices;
      const ownPanels = (panels * (slice + 1)) / slices - firstPanel;
      const most = max(FEWEST_TILE_ROWS, MOST_ACCUMULATORS / (ownPanels * 192));
      const count = min(most, min(end - task, tileRows - first));
      sumTileRows(record, first, count, firstPanel, ownPanels, scratch);
      task += count;
    }
    task = claimShare(record, tasks, threads, least);
  }
}


@inline
function tileRowsOfRun(record: KernelGradientOperation): i32 {
  return (record.runLength + 5) / 6;
}

function sumTileRows(
  record: KernelGradientOperation,
  first: i32,
  count: i32,
  firstPanel: i32,
  panels: i32,
  scratch: usize,
): void {
  const depth = record.depth;
  const perRun = tileRowsOfRun(record);
  const table = record.terms;
  const right = record.gradients + (usize(firstPanel) << 5);
  memory.fill(scratch, 0, usize(count * panels * 6) << 5);
  for (let start = 0; start < depth; start += CHUNK) {
    const some = min(CHUNK, depth - start);
    const terms = table + (usize(start) << 3);
    let tile = scratch;
    for (let tileRow = first; tileRow < first + count; tileRow++) {
      const run = tileRow / perRun;
      const left = record.windows + usize(run) * record.runStep;
      const rows = left + usize((tileRow - run * perRun) * 6) * FLOAT;
      for (let panel = 0; panel < panels; panel++, tile += 12 * VECTOR) {
        gatheredBlock(rows, right + (usize(panel) << 5), terms, some, tile);
      }
    }
  }
  for (let tileRow = 0; tileRow < count; tileRow++) {
    storeTileRow(record, first + tileRow, firstPanel, panels, scratch + (usize(tileRow * panels * 6) << 5));
  }
}

/** A tile row, [panel][6][8], to its place. */
function storeTileRow(
  record: KernelGradientOperation,
  tileRow: i32,
  firstPanel: i32,
  panels: i32,
  from: usize,
): void {
  const filters = record.filters;
  const columns = filters - firstPanel * 8;
  const perRun = tileRowsOfRun(record);
  const run = tileRow / perRun;
  const first = (tileRow - run * perRun) * 6;
  const rows = min(6, record.runLength - first);
  const target = record.out + usize(run) * record.outRunStep;
  for (let row = 0; row < rows; row++) {
    let out = target + (usize((first + row) * filters + firstPanel * 8) << 2);
    let tile = from + (usize(row) << 5);
    for (let panel = 0; panel < panels; panel++) {
      copyFloats(tile, out, min(8, columns - panel * 8));
      out += 2 * VECTOR;
      tile += 12 * VECTOR;
    }
  }
}

/**
 * Gradients of kernels: windows of the staged left operand, transposed, times the gradient of the output (or, for a
 * transposed convolution, the roles swapped). The depth is windows of all images. Both operands are packed chunk by chunk
 * of the depth: terms lie far apart, often by powers of two, of which the L1 cache holds few. Where a layer is so narrow that
 * little is made of what is packed, they are read where they lie. Threads share out the rows, so that every output is
 * summed by one thread, in order.
 */

import { claimShare, shareEnd } from '../threads/work-shares';
import { gathered6x8, joinsPanels, packed6x16, packedBlock } from './packed-micro-kernel';
import { KernelGradientOperation } from '../layout';
import { VECTOR } from '../common/simd';
import { copyFloats } from '../snippets';

/** Depth of a chunk. */
const CHUNK = 128;
/** Tile rows (six rows each) whose windows are packed at a time: they lie side by side, and stay in the L1 cache. */
const GROUP = 8;
/** Panels of eight columns that are packed at a time. */
const MOST_PANELS = 32;
/** Bytes of accumulators that a chunk goes through, so that what it reads stays in the L2 cache. */
const MOST_ACCUMULATORS = 196608;
/** Fewer tasks for each thread than this are cut by columns too. */
const FEWEST_TASKS = 4;
/** Tiles that are gathered, not packed, at most: of more each packed operand serves enough. */
const MOST_GATHERED = 24;
/** Where a thread's scratch holds packed rows, packed columns, addresses of a tile's rows, and accumulators. */
const LEFT: usize = 0;
const RIGHT: usize = GROUP * CHUNK * 24;
const ROWS: usize = RIGHT + MOST_PANELS * CHUNK * 32;
const TILES: usize = ROWS + 64;
const TILE: usize = 12 * VECTOR;

/** Threads share out tile rows; where those are few, slices of their columns. */
export function kernelGradient(record: KernelGradientOperation, threads: i32, scratch: usize): void {
  const panels = (record.filters + 7) / 8;
  const tileRows = record.runs * tileRowsOfRun(record);
  const slices = tileRows < FEWEST_TASKS * threads ? min(panels, threads) : 1;
  const tasks = slices * tileRows;
  // What is packed serves all tile rows of a share; what is gathered stays in the L1 cache for all of a slice.
  let least = GROUP;
  if (slices > 1) least = isNarrow(record) ? tileRows : (tileRows + 1) / 2;
  for (let row: usize = 0; row < 6; row++)
    store<u32>(scratch + ROWS + (row << 2), u32(scratch + TILES + (row << 5)));
  let task = claimShare(record, tasks, threads, least);
  while (task < tasks) {
    const end = shareEnd();
    while (task < end) {
      const slice = task / tileRows;
      const first = task - slice * tileRows;
      const lastPanel = (panels * (slice + 1)) / slices;
      let firstPanel = (panels * slice) / slices;
      const most = max(GROUP, MOST_ACCUMULATORS / (min(MOST_PANELS, lastPanel - firstPanel) * i32(TILE)));
      const count = min(most, min(end - task, tileRows - first));
      for (; firstPanel < lastPanel; firstPanel += MOST_PANELS)
        sumTileRows(record, first, count, firstPanel, min(MOST_PANELS, lastPanel - firstPanel), scratch);
      task += count;
    }
    task = claimShare(record, tasks, threads, least);
  }
}

/** Whether each run of a window fits in one tile row. */
@inline
function isNarrow(record: KernelGradientOperation): bool {
  return record.runLength <= 6;
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
  const isGathered = isNarrow(record) && count * panels <= MOST_GATHERED;
  memory.fill(scratch + TILES, 0, usize(count * panels) * TILE);
  for (let start = 0; start < depth; start += CHUNK) {
    const some = min(CHUNK, depth - start);
    const terms = record.terms + (usize(start) << 3);
    if (isGathered) gatherChunk(record, terms, some, first, count, firstPanel, panels, scratch);
    else packChunk(record, terms, some, first, count, firstPanel, panels, scratch);
  }
  for (let tileRow = 0; tileRow < count; tileRow++) {
    storeTileRow(
      record,
      first + tileRow,
      firstPanel,
      panels,
      scratch + TILES + usize(tileRow * panels) * TILE,
    );
  }
}

/** Adds a chunk of the depth to tiles of runs of one tile row each, whose operands are read where they lie. */
function gatherChunk(
  record: KernelGradientOperation,
  terms: usize,
  depth: i32,
  first: i32,
  count: i32,
  firstPanel: i32,
  panels: i32,
  scratch: usize,
): void {
  let tile = scratch + TILES;
  for (let row = 0; row < count; row++) {
    const windows = record.windows + usize(first + row) * record.runStep;
    let gradients = record.gradients + (usize(firstPanel) << 5);
    for (let panel = 0; panel < panels; panel++, gradients += 2 * VECTOR, tile += TILE) {
      gathered6x8(windows, gradients, terms, depth, tile);
    }
  }
}

/** Adds a chunk of the depth to the tiles, both operands packed. */
function packChunk(
  record: KernelGradientOperation,
  terms: usize,
  depth: i32,
  first: i32,
  count: i32,
  firstPanel: i32,
  panels: i32,
  scratch: usize,
): void {
  const perRun = tileRowsOfRun(record);
  const rows = scratch + ROWS;
  packColumns(record.gradients + (usize(firstPanel) << 5), terms, depth, panels, scratch + RIGHT);
  for (let done = 0; done < count;) {
    const run = (first + done) / perRun;
    const inRun = first + done - run * perRun;
    const group = min(GROUP, min(count - done, perRun - inRun));
    const windows = record.windows + usize(run) * record.runStep + usize(inRun) * 24;
    packWindows(windows, terms, depth, group, scratch + LEFT);
    const panelBytes = usize(depth) << 5;
    let right = scratch + RIGHT;
    let panel = 0;
    if (joinsPanels()) {
      for (; panel + 1 < panels; panel += 2, right += 2 * panelBytes) {
        let left = scratch + LEFT;
        let tile = usize(done * panels + panel) * TILE;
        for (let row = 0; row < group; row++, left += usize(depth) * 24, tile += usize(panels) * TILE) {
          packed6x16(left, right, panelBytes, depth, rows, tile, rows, tile, TILE);
        }
      }
    }
    for (; panel < panels; panel++, right += panelBytes) {
      let left = scratch + LEFT;
      let tile = usize(done * panels + panel) * TILE;
      for (let row = 0; row < group; row++, left += usize(depth) * 24, tile += usize(panels) * TILE) {
        packedBlock(left, right, depth, rows, tile, rows, tile);
      }
    }
    done += group;
  }
}

/** The columns of each term as [panel][depth][8]. */
function packColumns(columns: usize, terms: usize, depth: i32, panels: i32, to: usize): void {
  const panelBytes = usize(depth) << 5;
  for (; depth > 0; depth--, terms += 8, to += 2 * VECTOR) {
    let from = columns + usize(load<u32>(terms, 4));
    let panel = to;
    for (let i = 0; i < panels; i++, from += 2 * VECTOR, panel += panelBytes) {
      v128.store(panel, v128.load(from));
      v128.store(panel, v128.load(from, VECTOR), VECTOR);
    }
  }
}

/** Floats of each term's window as [tile row][depth][6]. */
function packWindows(windows: usize, terms: usize, depth: i32, tileRows: i32, to: usize): void {
  const rowBytes = usize(depth) * 24;
  for (; depth > 0; depth--, terms += 8, to += 24) {
    let from = windows + usize(load<u32>(terms));
    let row = to;
    for (let i = 0; i < tileRows; i++, from += 24, row += rowBytes) {
      v128.store(row, v128.load(from));
      store<u64>(row, load<u64>(from, 16), 16);
    }
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

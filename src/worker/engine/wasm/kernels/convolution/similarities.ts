/**
 * Products of rows of a matrix with other rows of it. Both operands are read from one packed copy, panels of eight rows:
 * as they are on the right, and packed again six by six on the left. Threads share out pieces of the tile.
 */

import { SimilaritiesOperation, DEPTH_CHUNK } from '../layout';
import { VECTOR } from '../common/simd';
import { clearFloats } from '../snippets';
import { firstItem, itemAfter } from '../threads/work-shares';
import { joinsPanels, packed6x16, packedBlock } from './packed-micro-kernel';

/** Rows of a piece, and panels of columns: packing the rows takes little beside so many. */
const BLOCK = 24;
const PANELS = 128;
/** Where a thread's scratch holds the piece's packed rows, addresses of its outputs, and zeros with theirs. */
const LEFT: usize = 0;
const OUTS: usize = BLOCK * DEPTH_CHUNK * 4;
const STARTS: usize = OUTS + 128;
const ZEROS: usize = STARTS + 64;

export function similarities(record: SimilaritiesOperation, threads: i32, scratch: usize): void {
  const panels = record.columns / 8;
  const across = (panels + PANELS - 1) / PANELS;
  const pieces = (record.rows / BLOCK) * across;
  clearFloats(scratch + ZEROS, 16);
  for (let row: usize = 0; row < 6; row++) store<u32>(scratch + STARTS + (row << 2), u32(scratch + ZEROS));
  for (
    let piece = firstItem(record, pieces, threads);
    piece < pieces;
    piece = itemAfter(record, piece, pieces, threads)
  ) {
    const block = piece / across;
    const first = (piece - block * across) * PANELS;
    multiplyPiece(record, block * BLOCK, first, min(PANELS, panels - first), scratch);
  }
}

/** Rows from `row` of the tile on by panels from `firstPanel` of it on. */
function multiplyPiece(
  record: SimilaritiesOperation,
  row: i32,
  firstPanel: i32,
  panels: i32,
  scratch: usize,
): void {
  const depth = record.depth;
  const panelBytes = usize(depth) << 5;
  const left = record.panels + usize((record.firstRow + row) / 8) * panelBytes;
  const right = record.panels + usize(record.firstColumn / 8 + firstPanel) * panelBytes;
  for (let i = 0; i < BLOCK; i++) {
    store<u32>(scratch + OUTS + (usize(i) << 2), u32(record.out + usize(row + i) * record.outStep));
  }
  for (let first = 0; first < depth; first += DEPTH_CHUNK) {
    const some = min(DEPTH_CHUNK, depth - first);
    const skipped = usize(first) << 5;
    packRows(left + skipped, panelBytes, some, scratch + LEFT);
    const tileBytes = usize(some) * 24;
    let b = right + skipped;
    let panel = 0;
    if (joinsPanels()) {
      for (; panel + 1 < panels; panel += 2, b += 2 * panelBytes) {
        const offset = usize(firstPanel + panel) << 5;
        let a = scratch + LEFT;
        let outs = scratch + OUTS;
        for (let i = 0; i < BLOCK; i += 6, a += tileBytes, outs += 24) {
          const starts = first > 0 ? outs : scratch + STARTS;
          packed6x16(a, b, panelBytes, some, starts, first > 0 ? offset : 0, outs, offset, 32);
        }
      }
    }
    for (; panel < panels; panel++, b += panelBytes) {
      const offset = usize(firstPanel + panel) << 5;
      let a = scratch + LEFT;
      let outs = scratch + OUTS;
      for (let i = 0; i < BLOCK; i += 6, a += tileBytes, outs += 24) {
        if (first > 0) packedBlock(a, b, some, outs, offset, outs, offset);
        else packedBlock(a, b, some, scratch + STARTS, 0, outs, offset);
      }
    }
  }
}

/** Three panels of eight rows to four of six. */
function packRows(from: usize, panelBytes: usize, depth: i32, to: usize): void {
  const tileBytes = usize(depth) * 24;
  let panel0 = from;
  let panel1 = from + panelBytes;
  let panel2 = panel1 + panelBytes;
  let tile0 = to;
  let tile1 = tile0 + tileBytes;
  let tile2 = tile1 + tileBytes;
  let tile3 = tile2 + tileBytes;
  for (; depth > 0; depth--) {
    v128.store(tile0, v128.load(panel0));
    store<u64>(tile0, load<u64>(panel0, VECTOR), VECTOR);
    store<u64>(tile1, load<u64>(panel0, 24));
    v128.store(tile1, v128.load(panel1), 8);
    v128.store(tile2, v128.load(panel1, VECTOR));
    store<u64>(tile2, load<u64>(panel2), VECTOR);
    store<u64>(tile3, load<u64>(panel2, 8));
    v128.store(tile3, v128.load(panel2, VECTOR), 8);
    panel0 += 32;
    panel1 += 32;
    panel2 += 32;
    tile0 += 24;
    tile1 += 24;
    tile2 += 24;
    tile3 += 24;
  }
}

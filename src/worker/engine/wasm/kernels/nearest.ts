/**
 * The largest values of each row of a matrix that is symmetric and never whole in memory: tile by tile what is above
 * the last of a row's list goes in. Others come to a list in rising order, whatever the tiles and the threads: first those
 * that are rows of earlier tiles, then columns of its own. So equal values stand in the order of indices.
 */

import { VECTOR } from './common/simd';
import { firstItem, itemAfter } from './threads/work-shares';
import { NearestOperation } from './layout';

/** Columns that a thread takes at a time: four cache lines of a line of the tile. */
const COLUMNS = 64;

export function nearest(record: NearestOperation, threads: i32): void {
  const ofColumns = record.ofColumns != 0;
  const items = ofColumns ? (record.columns + COLUMNS - 1) / COLUMNS : record.rows;
  for (
    let item = firstItem(record, items, threads);
    item < items;
    item = itemAfter(record, item, items, threads)
  ) {
    if (ofColumns) scanColumns(record, item * COLUMNS, min(COLUMNS, record.columns - item * COLUMNS));
    else scanRow(record, item);
  }
}

/** Columns of the tile for one of its rows. */
function scanRow(record: NearestOperation, line: i32): void {
  const row = record.firstRow + line;
  const first = record.firstColumn;
  const columns = record.columns;
  const from = record.tile + usize(line) * record.tileStep;
  const place = record.thresholds + (usize(row) << 2);
  let threshold = v128.load32_splat(place);
  let column = 0;
  for (; column + 16 <= columns; column += 16) {
    const at = from + (usize(column) << 2);
    const low = v128.or(f32x4.gt(v128.load(at), threshold), f32x4.gt(v128.load(at, VECTOR), threshold));
    const high = v128.or(
      f32x4.gt(v128.load(at, 2 * VECTOR), threshold),
      f32x4.gt(v128.load(at, 3 * VECTOR), threshold),
    );
    if (!v128.any_true(v128.or(low, high))) continue;
    for (let i = 0; i < 16; i++) offer(record, row, first + column + i, load<f32>(at + (usize(i) << 2)));
    threshold = v128.load32_splat(place);
  }
  for (; column < columns; column++) {
    offer(record, row, first + column, load<f32>(from + (usize(column) << 2)));
  }
}

/** Rows of the tile for `count` of its columns, from `column` on. */
function scanColumns(record: NearestOperation, column: i32, count: i32): void {
  const rows = record.rows;
  const first = record.firstColumn + column;
  const thresholds = record.thresholds + (usize(first) << 2);
  let line = record.tile + (usize(column) << 2);
  for (let row = 0; row < rows; row++, line += record.tileStep) {
    for (let at = 0; at < count; at += 4) {
      const from = line + (usize(at) << 2);
      const isNear = f32x4.gt(v128.load(from), v128.load(thresholds + (usize(at) << 2)));
      if (!v128.any_true(isNear)) continue;
      for (let i = 0; i < 4; i++) {
        offer(record, first + at + i, record.firstRow + row, load<f32>(from + (usize(i) << 2)));
      }
    }
  }
}

/** Puts another row in the list of `row`, unless it is this row, or all there are nearer. */
function offer(record: NearestOperation, row: i32, index: i32, value: f32): void {
  if (index == row) return;
  const last = record.nearest - 1;
  const list = usize(row * record.nearest) << 2;
  const values = record.values + list;
  const indices = record.indices + list;
  let at = usize(last) << 2;
  if (!(value > load<f32>(values + at))) return;
  for (; at > 0; at -= 4) {
    const before = load<f32>(values + at - 4);
    if (!(value > before)) break;
    store<f32>(values + at, before);
    store<i32>(indices + at, load<i32>(indices + at - 4));
  }
  store<f32>(values + at, value);
  store<i32>(indices + at, index);
  store<f32>(record.thresholds + (usize(row) << 2), load<f32>(values + (usize(last) << 2)));
}

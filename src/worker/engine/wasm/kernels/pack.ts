/**
 * Packing the right operand of a product, weights in any of their roles: panels of eight columns,
 * [panel][depth][8], so that the micro-kernel reads it in one stream. What a panel or a phase has too many
 * of is zero.
 */

import { firstItem, itemAfter } from './claims';
import {
  PACK_CHANNELS,
  PACK_CHANNEL_STEP,
  PACK_FILTERS,
  PACK_FILTER_STEP,
  PACK_FIRST_X,
  PACK_FIRST_Y,
  PACK_GROUPS_X,
  PACK_GROUPS_Y,
  PACK_INCREMENT_X,
  PACK_INCREMENT_Y,
  PACK_SIZE_X,
  PACK_SIZE_Y,
  PACK_SOURCE,
  PACK_STEP_X,
  PACK_STEP_Y,
  PACK_TAPS_X,
  PACK_TAPS_Y,
  PACK_TARGET,
} from './layout';
import { address, int } from './record';
import { FLOAT, VECTOR } from './simd';

const DEPTH_BLOCK = 256;

/** Blocks of 256 channels of a tap of a panel are dealt out to the threads. */
export function pack(record: usize, threads: i32): void {
  const taps = int(record, PACK_TAPS_Y) * int(record, PACK_TAPS_X);
  const channels = int(record, PACK_CHANNELS);
  const columns = int(record, PACK_GROUPS_Y) * int(record, PACK_GROUPS_X) * int(record, PACK_FILTERS);
  const blocks = (channels + DEPTH_BLOCK - 1) / DEPTH_BLOCK;
  const perPanel = taps * blocks;
  const tasks = ((columns + 7) / 8) * perPanel;
  for (let task = firstItem(record, tasks, threads); task < tasks; task = itemAfter(record, task, tasks, threads)) {
    const panel = task / perPanel;
    const tap = (task - panel * perPanel) / blocks;
    const first = (task - panel * perPanel - tap * blocks) * DEPTH_BLOCK;
    packBlock(record, panel, tap, first, min(DEPTH_BLOCK, channels - first));
  }
}

function packBlock(record: usize, panel: i32, tap: i32, first: i32, count: i32): void {
  const tapsX = int(record, PACK_TAPS_X);
  const taps = int(record, PACK_TAPS_Y) * tapsX;
  const channels = int(record, PACK_CHANNELS);
  const filters = int(record, PACK_FILTERS);
  const groupsX = int(record, PACK_GROUPS_X);
  const groups = int(record, PACK_GROUPS_Y) * groupsX;
  const channelStep = int(record, PACK_CHANNEL_STEP);
  const filterStep = int(record, PACK_FILTER_STEP);
  const tapY = tap / tapsX;
  const tapX = tap - tapY * tapsX;
  const depth = panel * taps * channels + tap * channels + first;
  const target = address(record, PACK_TARGET) + (usize(depth) << 5);
  const source = address(record, PACK_SOURCE) + first * channelStep;
  if (groups == 1 && filterStep == 4 && panel * 8 + 8 <= filters) {
    const tapSource = tapAddress(record, source, tapY, tapX, 0, 0);
    if (tapSource != 0) {
      copyColumns(tapSource + (usize(panel) << 5), channelStep, target, count);
      return;
    }
  }
  for (let column = 0; column < 8; column++) {
    const at = panel * 8 + column;
    const group = at / filters;
    const groupY = group / groupsX;
    const out = target + (usize(column) << 2);
    const from = group < groups ? tapAddress(record, source, tapY, tapX, groupY, group - groupY * groupsX) : 0;
    if (from == 0) fillColumn(out, count);
    else copyColumn(from + (at - group * filters) * filterStep, channelStep, out, count);
  }
}

/** Address of a tap's first channel and filter, or 0 where the kernel has no such tap. */
function tapAddress(record: usize, source: usize, tapY: i32, tapX: i32, groupY: i32, groupX: i32): usize {
  const y = int(record, PACK_FIRST_Y) + groupY + tapY * int(record, PACK_INCREMENT_Y);
  const x = int(record, PACK_FIRST_X) + groupX + tapX * int(record, PACK_INCREMENT_X);
  if (y < 0 || x < 0 || y >= int(record, PACK_SIZE_Y) || x >= int(record, PACK_SIZE_X)) return 0;
  return source + y * int(record, PACK_STEP_Y) + x * int(record, PACK_STEP_X);
}

function copyColumns(from: usize, step: i32, to: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, VECTOR), VECTOR);
    from += step;
    to += 2 * VECTOR;
  }
}

function copyColumn(from: usize, step: i32, to: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    store<f32>(to, load<f32>(from));
    from += step;
    to += 8 * FLOAT;
  }
}

function fillColumn(to: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    store<f32>(to, 0);
    to += 8 * FLOAT;
  }
}

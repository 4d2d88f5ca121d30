/**
 * Packing the right operand of a product, weights in any of their roles: panels of eight columns,
 * [panel][depth][8], so that the micro-kernel reads it in one stream. What the last panel has too many of is
 * zero.
 */

import { firstItem, itemAfter } from './claims';
import {
  PACK_CHANNELS,
  PACK_CHANNEL_STEP,
  PACK_FILTERS,
  PACK_FILTER_STEP,
  PACK_PANEL_STEP,
  PACK_SOURCE,
  PACK_STEP_X,
  PACK_STEP_Y,
  PACK_TAPS_X,
  PACK_TAPS_Y,
  PACK_TARGET,
} from './words';
import { address, int } from './record';
import { FLOAT, VECTOR } from './simd';

const DEPTH_BLOCK = 256;

/** Blocks of 256 channels of a tap of a panel are dealt out to the threads. */
export function pack(record: usize, threads: i32): void {
  const taps = int(record, PACK_TAPS_Y) * int(record, PACK_TAPS_X);
  const channels = int(record, PACK_CHANNELS);
  const blocks = (channels + DEPTH_BLOCK - 1) / DEPTH_BLOCK;
  const perPanel = taps * blocks;
  const tasks = ((int(record, PACK_FILTERS) + 7) / 8) * perPanel;
  for (
    let task = firstItem(record, tasks, threads);
    task < tasks;
    task = itemAfter(record, task, tasks, threads)
  ) {
    const panel = task / perPanel;
    const tap = (task - panel * perPanel) / blocks;
    const first = (task - panel * perPanel - tap * blocks) * DEPTH_BLOCK;
    packBlock(record, panel, tap, first, min(DEPTH_BLOCK, channels - first));
  }
}

function packBlock(record: usize, panel: i32, tap: i32, first: i32, count: i32): void {
  const tapsX = int(record, PACK_TAPS_X);
  const filters = int(record, PACK_FILTERS);
  const channelStep = int(record, PACK_CHANNEL_STEP);
  const filterStep = int(record, PACK_FILTER_STEP);
  const tapY = tap / tapsX;
  const tapX = tap - tapY * tapsX;
  const depth = tap * int(record, PACK_CHANNELS) + first;
  const target =
    address(record, PACK_TARGET) + usize(panel) * address(record, PACK_PANEL_STEP) + (usize(depth) << 5);
  const ofTap = tapY * int(record, PACK_STEP_Y) + tapX * int(record, PACK_STEP_X);
  const source = address(record, PACK_SOURCE) + ofTap + first * channelStep + panel * 8 * filterStep;
  if (filterStep == FLOAT && panel * 8 + 8 <= filters) {
    copyColumns(source, channelStep, target, count);
    return;
  }
  for (let column = 0; column < 8; column++) {
    const to = target + (usize(column) << 2);
    if (panel * 8 + column < filters) copyColumn(source + column * filterStep, channelStep, to, count);
    else fillColumn(to, count);
  }
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

/**
 * Packing the right operand of a product, weights in any of their roles: panels of eight columns,
 * [panel][depth][8], so that the micro-kernel reads it in one stream. What the last panel has too many of is
 * zero.
 */

import { firstItem, itemAfter } from '../threads/work-shares';
import { PackOperation } from '../layout';
import { FLOAT, VECTOR } from '../common/simd';

const DEPTH_BLOCK = 256;

/** Threads share out blocks of 256 channels of a tap of a panel. */
export function pack(record: PackOperation, threads: i32): void {
  const taps = record.tapsY * record.tapsX;
  const channels = record.channels;
  const blocks = (channels + DEPTH_BLOCK - 1) / DEPTH_BLOCK;
  const perPanel = taps * blocks;
  const tasks = ((record.filters + 7) / 8) * perPanel;
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

function packBlock(record: PackOperation, panel: i32, tap: i32, first: i32, count: i32): void {
  const tapsX = record.tapsX;
  const filters = record.filters;
  const channelStep = record.channelStep;
  const filterStep = record.filterStep;
  const tapY = tap / tapsX;
  const tapX = tap - tapY * tapsX;
  const depth = tap * record.channels + first;
  const target = record.target + usize(panel) * record.panelStep + (usize(depth) << 5);
  const ofTap = usize(tapY) * record.tapStepY + usize(tapX) * record.tapStepX;
  const source = record.source + ofTap + usize(first) * channelStep + usize(panel * 8) * filterStep;
  if (filterStep == FLOAT && panel * 8 + 8 <= filters) {
    copyColumns(source, channelStep, target, count);
    return;
  }
  for (let column = 0; column < 8; column++) {
    const to = target + (usize(column) << 2);
    if (panel * 8 + column < filters) copyColumn(source + usize(column) * filterStep, channelStep, to, count);
    else fillColumn(to, count);
  }
}

function copyColumns(from: usize, step: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, VECTOR), VECTOR);
    from += step;
    to += 2 * VECTOR;
  }
}

function copyColumn(from: usize, step: usize, to: usize, count: i32): void {
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

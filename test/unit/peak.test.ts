/** The class of a device's peak: coarse enough to be a key. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peakClass } from '../../src/worker/engine/webgpu/tuning/peak.js';

test('measurements that differ by a little give one class, devices four times as fast the next', () => {
  const GIGA = 1e9;
  const of = (multiplyAddsASecond: number): number => peakClass(multiplyAddsASecond, 1000);
  assert.equal(of(1000 * GIGA), of(1100 * GIGA));
  assert.equal(of(4000 * GIGA), of(1000 * GIGA) + 1);
  assert.ok(Number.isFinite(peakClass(GIGA, 0)));
});

/** Which layers the webgpu engine computes as dense ones. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Geometry } from '../../src/worker/engine/plan/geometry.js';
import { denseGeometry } from '../../src/worker/engine/webgpu/kernels/linear.js';

const overWholeMap: Geometry = {
  large: { height: 3, width: 2, channels: 8 },
  small: { height: 1, width: 1, channels: 5 },
  kernelHeight: 3,
  kernelWidth: 2,
  stride: 2,
  padTop: 0,
  padLeft: 0,
};

test('a kernel over the whole map is a dense layer of all its pixels', () => {
  const { large, small, kernelHeight, kernelWidth, stride } = denseGeometry(overWholeMap);
  assert.deepEqual(large, { height: 1, width: 1, channels: 48 });
  assert.deepEqual(small, overWholeMap.small);
  assert.deepEqual([kernelHeight, kernelWidth, stride], [1, 1, 1]);
});

test('a layer of several windows, of padding or of channels that are not in fours stays as it is', () => {
  const { large, small } = overWholeMap;
  for (const other of [
    { ...overWholeMap, small: { ...small, width: 2 }, kernelWidth: 1 },
    { ...overWholeMap, padTop: 1 },
    { ...overWholeMap, kernelHeight: 2 },
    { ...overWholeMap, large: { ...large, channels: 6 } },
  ]) {
    assert.equal(denseGeometry(other), other);
  }
});

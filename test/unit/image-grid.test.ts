/** The bytes of the GPU's picture: the thresholds that its kernel bisects. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leastValues } from '../../src/worker/engine/webgpu/kernels/image-grid.js';
import { toByte } from '../../src/worker/engine/image-grid.js';

/** The next smaller float32. */
function below(value: number): number {
  const float = Float32Array.of(value);
  const word = new Uint32Array(float.buffer);
  word[0] = value > 0 ? word[0]! - 1 : word[0]! + 1;
  return float[0]!;
}

test('each threshold is the smallest float32 that the host shows as its byte', () => {
  const least = leastValues();
  assert.equal(least.length, 256);
  for (let byte = 1; byte < 256; byte++) {
    assert.equal(Math.fround(least[byte]!), least[byte]!);
    assert.ok(toByte(least[byte]!) >= byte, `byte ${byte}`);
    assert.ok(toByte(below(least[byte]!)) < byte, `below byte ${byte}`);
  }
});

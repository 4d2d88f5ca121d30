import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeWasmEngine } from '../../unit/support/wasm.js';
import { tinyInput } from '../../worker/support/tiny.js';

describe('the wasm engine over 10,000 steps', () => {
  it('takes no memory and stays finite', async () => {
    const engine = await nodeWasmEngine(tinyInput('notebook'));
    await engine.advance(1);
    const before = engine.memoryBytes;
    for (let hundred = 0; hundred < 100; hundred++) {
      const metrics = await engine.advance(100);
      assert.ok(
        metrics.every(({ values }) => values.every(Number.isFinite)),
        `a number that is not finite before step ${(hundred + 1) * 100}`,
      );
    }
    assert.equal(engine.memoryBytes, before);
    engine.dispose();
  });
});

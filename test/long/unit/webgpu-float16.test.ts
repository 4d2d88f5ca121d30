/**
 * The webgpu engine with activations stored as float16, on Dawn: operations one by one and whole steps beside the plan's
 * interpreter, which rounds where the engine stores. Chromium's software adapter has no float16; on one that has it
 * test/long/worker runs the same checks in the browser.
 */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { FLOAT16_CHECKS, plantedDefect } from '../../worker/support/float16-checks.js';
import { whyNotOnDawn } from './support/dawn.js';

const reason = await whyNotOnDawn('shader-f16');
if (reason !== null) console.warn(`Skipping the tests of float16: ${reason}.`);

describe('the webgpu engine with activations as float16', { skip: reason ?? false }, () => {
  // Dawn's threads would keep the process.
  after(() => setImmediate(() => process.exit()));

  for (const [name, check] of Object.entries(FLOAT16_CHECKS)) test(name, check);

  test('fails these checks where a kernel stores something else', () =>
    assert.rejects(plantedDefect, /is off by /));
});

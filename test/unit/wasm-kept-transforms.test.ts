/** Transformed images that products of the wasm engine leave their kernel's gradient. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindCode } from '../../src/worker/engine/wasm/layout/fields.js';
import { OPERATION, OPERATION_WORDS } from '../../src/worker/engine/wasm/layout/operations.js';
import { tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';

test('a kernel gradient transforms no image that a product of its layer has transformed', async () => {
  // With all channels, as narrow layers are not transformed at all.
  const engine = await nodeWasmEngine(tinyInput('few-labels', {}, 1));
  const { stored, bindings } = engine.measured.program;
  const words = bindings.arena.words(stored.address, stored.count * OPERATION_WORDS);
  const transforms = stored.names.filter(
    (name, index) =>
      name.endsWith(' kernel gradient') &&
      words[index * OPERATION_WORDS] === kindCode(OPERATION, 'transform'),
  );
  engine.dispose();
  // Each from its results to the taps, and nothing else.
  const layers = ['conv3', 'conv2'];
  assert.deepEqual(
    transforms,
    layers.map((layer) => `discriminator (to features)/${layer} kernel gradient`),
  );
});

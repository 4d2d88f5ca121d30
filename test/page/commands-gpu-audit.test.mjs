/** What `npm run gpu-audit` says where Mesa is not; test/long has it from end to end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inRoot } from '../../scripts/lib/paths.mjs';
import { runScript } from './support/scripts.mjs';

test('the audit of kernels is skipped aloud, and is no failure, where a tool is missing', async () => {
  const { code, output } = await runScript('gpu-audit', [], { PATH: inRoot('bench') });
  assert.equal(code, 0, output);
  assert.match(output, /The audit is skipped: this machine lacks /);
});

/** `npm run gpu-audit` from end to end, where Mesa is. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { describeMissing, findTools } from '../../../scripts/lib/gpu-audit-tools.mjs';
import { runScript } from '../../page/support/scripts.mjs';

const { missing } = findTools();

describe('the audit of kernels', () => {
  test(
    'gives every dispatch figures, and no difference to itself',
    { skip: missing.length > 0 && describeMissing(missing) },
    async (context) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'audit-'));
      context.after(() => rm(folder, { recursive: true }));
      const file = path.join(folder, 'audit.json');
      const args = ['--recipe', 'labels-only', '--json', file];
      const first = await runScript('gpu-audit', args);
      assert.equal(first.code, 0, first.output);
      assert.doesNotMatch(first.output, /doubtful/);
      const [audit, ...others] = JSON.parse(await readFile(file, 'utf8'));
      assert.equal(others.length, 0);
      assert.deepEqual([audit.recipe, audit.family], ['labels-only', 'NAVI21']);
      assert.ok(audit.dispatches.length > 10 && audit.evaluation.dispatches.length > 4);
      for (const { name, vgprs, occupancy, fmaShare, us } of audit.dispatches) {
        assert.ok(vgprs > 0 && occupancy > 0 && fmaShare >= 0 && fmaShare < 1, name);
        assert.ok(us.integrated > 0 && us.integrated >= us.discrete, name);
      }
      const { integrated, discrete } = audit.stepUs;
      assert.ok(integrated >= discrete && discrete > 5 * audit.dispatches.length);
      const second = await runScript('gpu-audit', ['--recipe', 'labels-only', '--compare', file]);
      assert.equal(second.code, 0, second.output);
      assert.match(second.output, /^step with gaps +[\d.]+ +[\d.]+ +\+0\.0 /m);
    },
  );
});

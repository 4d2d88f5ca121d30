/** Commands under a Node that is too old: one line that says so, on every way in. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { nodeProblem } from '../../../bin/lib/node-version.mjs';
import { inRoot } from '../../../scripts/lib/paths.mjs';

const scriptNames = readdirSync(inRoot('scripts')).filter((name) => name.endsWith('.mjs'));
const ENTRIES = [inRoot('bin', 'sgan-trainer.mjs'), ...scriptNames.map((name) => inRoot('scripts', name))];

const needs = (version) =>
  `sgan-trainer needs Node 20.11 or newer; this is v${version}. Get one from https://nodejs.org and try again.`;

test('a Node is too old below the version that package.json names', () => {
  for (const version of ['16.20.2', '18.19.0', '20.10.0', '20.9.0']) {
    assert.equal(nodeProblem(version), needs(version));
  }
  for (const version of ['20.11.0', '20.20.1', '22.0.0', '100.1.0']) assert.equal(nodeProblem(version), null);
  const { engines } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  assert.equal(engines.node, '>=20.11');
});

test('every command ends with that line alone, and does nothing', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'node-version-'));
  context.after(() => rm(folder, { recursive: true }));
  const older = path.join(folder, 'older.cjs');
  await writeFile(
    older,
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.0' } });",
  );
  for (const entry of ENTRIES) {
    const started = promisify(execFile)(process.execPath, ['--require', older, entry, '--help'], {
      cwd: folder,
    });
    const { code = 0, stdout, stderr } = await started.catch((error) => error);
    assert.deepEqual([code, stdout, stderr], [1, '', `${needs('18.19.0')}\n`], entry);
  }
});

test('nothing that an older Node may lack is imported before it is looked at', () => {
  const known = /^(node:(fs\/promises|path)|\.\/lib\/(main|interruption|node-version)\.mjs)$/;
  for (const entry of ENTRIES) {
    const text = readFileSync(entry, 'utf8');
    for (const [, from] of text.matchAll(/^(?:import|export) [^;]*?from '([^']+)';$/gm)) {
      assert.match(from, known, entry);
    }
  }
});

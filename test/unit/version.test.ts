import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { WORKER_VERSION } from '../../src/worker/version.js';

test('the worker’s version is the package’s', () => {
  const text = readFileSync(path.join(process.cwd(), 'package.json'), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  assert.equal(WORKER_VERSION, version);
});

/** The lock between processes. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { withLock } from '../../../scripts/lib/lock.mjs';

let folder;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scripts-'));
});

afterEach(() => rm(folder, { recursive: true }));

test('a lock is held by one at a time', async () => {
  const lock = path.join(folder, 'a.lock');
  let holders = 0;
  const work = async () => {
    holders += 1;
    assert.equal(holders, 1);
    await immediate();
    holders -= 1;
  };
  await Promise.all([withLock(lock, work), withLock(lock, work), withLock(lock, work)]);
});

test('a lock is taken over from a process that is gone', async () => {
  const lock = path.join(folder, 'a.lock');
  const child = spawn(process.execPath, ['--eval', '']);
  await once(child, 'exit');
  await writeFile(lock, String(child.pid));
  assert.equal(await withLock(lock, () => 'done'), 'done');
});

test('a lock is given back when the work fails', async () => {
  const lock = path.join(folder, 'a.lock');
  await assert.rejects(
    withLock(lock, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(await withLock(lock, () => 'done'), 'done');
});

test('a lock whose owner died before it could sign it is taken over', async () => {
  const lock = path.join(folder, 'a.lock');
  await writeFile(lock, '');
  await utimes(lock, 0, 0);
  assert.equal(await withLock(lock, () => 'done'), 'done');
});

/** What killed processes leave in the cache, and what lives on there. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  removeLeftovers,
  removeStagings,
  stagingOf,
  withTemporaryFolder,
} from '../../../scripts/lib/temporary.mjs';

let cache;

beforeEach(async () => {
  cache = await mkdtemp(path.join(tmpdir(), 'cache-'));
});

afterEach(() => rm(cache, { recursive: true }));

async function numberOfDead() {
  const child = spawn(process.execPath, ['--eval', '']);
  await once(child, 'exit');
  return child.pid;
}

test('folders and counts of dead processes go, those of living ones and other names stay', async () => {
  const dead = await numberOfDead();
  const leftovers = [
    `unit-tests-${dead}`,
    `unit-tests-${dead}-aB3xyz`,
    `bench-${dead}-aB3xyz`,
    `time-to-accuracy-${dead}-aB3xyz`,
    `counts/unit-${dead}.json`,
  ];
  const others = [
    `unit-tests-${process.pid}-aB3xyz`,
    `counts/page-${process.pid}.json`,
    'counts/browser.json',
    'kernels',
  ];
  for (const name of [...leftovers, ...others]) await mkdir(path.join(cache, name), { recursive: true });
  await removeLeftovers(cache);
  const left = (await readdir(cache, { recursive: true })).map((name) => name.split(path.sep).join('/'));
  assert.deepEqual(left.sort(), [...others, 'counts'].sort());
});

test('a folder whose leftovers nobody would know is not made', async () => {
  await assert.rejects(withTemporaryFolder('other', assert.fail), /No leftover of "other" would be removed/);
});

test('what a dead holder of a lock was making goes, what it made stays', async () => {
  const target = path.join(cache, 'mnist-1.2.6');
  for (const name of ['mnist-1.2.6', 'mnist-1.2.6.4711', 'mnist-1.2.6.lock', 'mnist-1x2.6.1']) {
    await mkdir(path.join(cache, name));
  }
  await writeFile(stagingOf(target), '');
  await removeStagings(target);
  assert.deepEqual((await readdir(cache)).sort(), ['mnist-1.2.6', 'mnist-1.2.6.lock', 'mnist-1x2.6.1']);
});

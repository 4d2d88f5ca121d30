/** How a script ends: an error in words, and a wish to stop while it waits. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tryLock } from '../../../scripts/lib/lock.mjs';
import { inRoot } from '../../../scripts/lib/paths.mjs';

const library = (name) => JSON.stringify(pathToFileURL(inRoot('scripts', 'lib', name)).href);

/** A script that waits for a lock, and says so first. */
const waiting = (lock) => `
import { heedInterruptions } from ${library('interruption.mjs')};
import { withLock } from ${library('lock.mjs')};
import { main } from ${library('main.mjs')};
await main(async () => {
  heedInterruptions();
  console.log('waiting');
  await withLock(${JSON.stringify(lock)}, () => {});
});`;

test(
  'a script that is stopped while it waits ends as stopped, without a stack',
  { skip: process.platform === 'win32' && 'there are no signals' },
  async (context) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'main-'));
    context.after(() => rm(folder, { recursive: true }));
    const lock = path.join(folder, 'a.lock');
    const { release } = await tryLock(lock);
    const script = ['--input-type=module', '--eval', waiting(lock)];
    const child = spawn(process.execPath, script, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    await release();
    assert.equal(code, 143, said);
    assert.match(said, /Interrupted by SIGTERM\./);
    assert.doesNotMatch(said, /\n {4}at /);
  },
);

test('a script that meets a person’s own file in the place of its lock ends with one line that names it', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'main-'));
  context.after(() => rm(folder, { recursive: true }));
  const lock = path.join(folder, 'a.lock');
  await writeFile(lock, 'mine');
  const script = ['--input-type=module', '--eval', waiting(lock)];
  const child = spawn(process.execPath, script, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
  assert.match(said, /^[^\n]*a\.lock is in the way of a lock, but is none [^\n]*\n$/);
  assert.equal(await readFile(lock, 'utf8'), 'mine');
});

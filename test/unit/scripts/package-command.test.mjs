/** `npx sgan-trainer`: what it refuses, and what it never overwrites. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { compressMnist } from '../../../bin/lib/mnist-files.mjs';
import { inRoot } from '../../../scripts/lib/paths.mjs';
import { hasEnded } from '../../../scripts/lib/processes.mjs';

let folder;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'command-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** Runs the command in the folder; resolves with its exit code and what it said against it. */
async function command(...args) {
  const started = promisify(execFile)(process.execPath, [inRoot('bin', 'sgan-trainer.mjs'), ...args], {
    cwd: folder,
  });
  const { code = 0, stderr } = await started.catch((error) => error);
  return { code, stderr };
}

const SOURCES = ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'];
const TARGETS = ['test-images.gz', 'test-labels.gz', 'train-images.gz', 'train-labels.gz'];

/** A package of data, each file of its own name. */
async function makePackage() {
  const data = path.join(folder, 'package', 'data');
  await mkdir(data, { recursive: true });
  for (const name of SOURCES) await writeFile(path.join(data, `${name}-ubyte`), name);
  return path.dirname(data);
}

test('a folder without a name is not the one that a person stands in', async () => {
  for (const args of [
    ['data', ''],
    ['site', ' '],
    ['site', '', '--no-data'],
  ]) {
    const { code, stderr } = await command(...args);
    assert.deepEqual([code, await readdir(folder)], [1, []]);
    assert.match(stderr, /The folder of "(data|site)" is empty; "\." is the one you stand in/);
  }
});

test('what cannot be done is told in words, without a stack', async () => {
  await writeFile(path.join(folder, 'file'), '');
  for (const [args, words] of [
    [[], /No command is given/],
    [['date', 'a'], /There is no command "date"/],
    [['data'], /"data" takes one folder/],
    [['data', 'a', '--no-data'], /--no-data is of the command "site"/],
    [['data', 'file'], /EEXIST|ENOTDIR/],
    [['data', 'file/a'], /ENOTDIR/],
  ]) {
    const { code, stderr } = await command(...args);
    assert.equal(code, 1, stderr);
    assert.match(stderr, words);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

test('the data are written again over themselves, and never over others', async () => {
  const source = await makePackage();
  const target = path.join(folder, 'data');
  await compressMnist(source, target);
  await compressMnist(source, target);
  assert.deepEqual((await readdir(target)).sort(), TARGETS);
  const file = path.join(target, 'test-labels.gz');
  assert.equal(gunzipSync(await readFile(file)).toString(), 't10k-labels-idx1');
  await rm(path.join(target, 'train-images.gz'));
  for (const other of [gzipSync('fashion'), gzipSync(Buffer.alloc(1e7)), Buffer.from('cut')]) {
    await writeFile(file, other);
    await assert.rejects(compressMnist(source, target), ({ name, message }) => {
      assert.equal(name, 'CommandError');
      assert.match(
        message,
        /holds another test-labels\.gz than MNIST's, or half of one, which is not overwritten/,
      );
      return true;
    });
    assert.deepEqual(await readFile(file), other);
    assert.equal((await readdir(target)).length, 3);
  }
});

/** In place of npm: says which process it is, and installs for ever. */
const STAND_IN = 'process.stderr.write(`npm is ${process.pid}\\n`); setInterval(() => {}, 1000);';

async function ends(pid) {
  for (let tries = 0; tries < 5000; tries++) if (await hasEnded(pid, null)) return true;
  return false;
}

test(
  'a command that is stopped while it fetches leaves neither npm nor a folder behind',
  { skip: process.platform === 'win32' && 'there are no signals' },
  async () => {
    // Outside the repository, where the package is not installed.
    await cp(inRoot('bin'), path.join(folder, 'bin'), { recursive: true });
    const npm = path.join(folder, 'npm-cli.js');
    await writeFile(npm, STAND_IN);
    const temporary = path.join(folder, 'temporary');
    await mkdir(temporary);
    const child = spawn(process.execPath, [path.join(folder, 'bin', 'sgan-trainer.mjs'), 'data', 'data'], {
      cwd: folder,
      env: { ...process.env, npm_execpath: npm, TMPDIR: temporary },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [said] = await once(child.stderr.setEncoding('utf8'), 'data');
    assert.equal((await readdir(temporary)).length, 1);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [143, null]);
    assert.deepEqual(await readdir(temporary), []);
    assert.equal(await ends(Number(/npm is (\d+)/.exec(said)[1])), true);
  },
);

test('another runner than npm is no npm: the one on the path is asked', async () => {
  await cp(inRoot('bin'), path.join(folder, 'bin'), { recursive: true });
  const runner = path.join(folder, 'pnpm.cjs');
  await writeFile(runner, 'process.exit(7);');
  const started = promisify(execFile)(
    process.execPath,
    [path.join(folder, 'bin', 'sgan-trainer.mjs'), 'data', 'data'],
    // Nothing is on it.
    { cwd: folder, env: { npm_execpath: runner, PATH: folder, TMPDIR: folder } },
  );
  const { code, stderr } = await started.catch((error) => error);
  assert.equal(code, 1);
  assert.match(stderr, /npm, which is to fetch the data, cannot be run/);
});

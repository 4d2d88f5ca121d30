/** `npx sgan-trainer`: what it refuses, and what it never overwrites. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { compressMnist } from '../../../bin/lib/mnist-files.mjs';
import { inRoot } from '../../../scripts/lib/paths.mjs';

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

/** The folder of a headless run: when it may be used, how its files are renewed. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  CHECKPOINT,
  METRICS,
  checkFolder,
  planFolders,
  readMetrics,
  replaceFile,
} from '../../../scripts/lib/run-folder.mjs';

let folder;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scripts-'));
});

afterEach(() => rm(folder, { recursive: true }));

test('an existing folder is refused without force, an empty one and a run gone on with in place are not', async () => {
  await checkFolder({ out: folder, isInPlace: false }, false);
  await writeFile(path.join(folder, 'note.txt'), '');
  assert.throws(() => checkFolder({ out: folder, isInPlace: false }, false), /is not empty.*--force/s);
  checkFolder({ out: folder, isInPlace: false }, true);
  checkFolder({ out: folder, isInPlace: true }, false);
  assert.throws(() => checkFolder({ out: path.join(folder, 'note.txt') }, true), /is a file/);
});

test('resuming takes a folder in place, and a file only into a folder of its own', async () => {
  assert.throws(() => planFolders({}), /--out runs\/a/);
  assert.throws(() => planFolders({ resume: path.join(folder, 'none') }), /no such folder or file/);
  assert.throws(() => planFolders({ resume: folder }), new RegExp(`has no ${CHECKPOINT}`));
  const checkpoint = path.join(folder, CHECKPOINT);
  await writeFile(checkpoint, '');
  assert.deepEqual(planFolders({ resume: folder }), { out: folder, checkpoint, isInPlace: true });
  assert.throws(() => planFolders({ resume: checkpoint }), /add --out/);
  assert.deepEqual(planFolders({ resume: checkpoint, out: 'b' }), { out: 'b', checkpoint, isInPlace: false });
  assert.deepEqual(planFolders({ resume: folder, out: 'b' }), { out: 'b', checkpoint, isInPlace: false });
});

test('evaluations later than the checkpoint are left out', async () => {
  await writeFile(path.join(folder, METRICS), '{"step":1}\n{"step":10}\n{"step":20}\n');
  assert.deepEqual(await readMetrics(folder, 10), [{ step: 1 }, { step: 10 }]);
  assert.deepEqual(await readMetrics(path.join(folder, 'none'), 10), []);
});

test('a file is replaced whole, and stays as it was when writing fails', async () => {
  const file = path.join(folder, 'deep', 'a.txt');
  await replaceFile(file, 'one');
  await replaceFile(file, 'two');
  assert.equal(await readFile(file, 'utf8'), 'two');
  await assert.rejects(replaceFile(file, 42));
  assert.equal(await readFile(file, 'utf8'), 'two');
  assert.deepEqual(await readdir(path.dirname(file)), ['a.txt']);
  // A folder in the way of the rename.
  await mkdir(path.join(folder, 'taken', 'x'), { recursive: true });
  await assert.rejects(replaceFile(path.join(folder, 'taken'), 'three'));
  assert.deepEqual((await readdir(folder)).sort(), ['deep', 'taken']);
});

/** The folder of a headless run: when it may be used, by whom, what is cleared, how files are renewed. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { claimFolder } from '../../../scripts/lib/claimed-folder.mjs';
import {
  CHECKPOINT,
  LOCK,
  METRICS,
  RUN,
  checkFolder,
  clearFolder,
  clearPartialRun,
  planFolders,
  readWhole,
  replaceFile,
} from '../../../scripts/lib/run-folder.mjs';
import { readResumedRun } from '../../../scripts/lib/resumed-run.mjs';
import { withData } from '../../../scripts/lib/run-data.mjs';
import { readRun } from '../../../scripts/lib/side-files.mjs';

const RUN_TEXT = JSON.stringify({ recipe: 'notebook', seed: 1, settings: {}, sessions: [] });

/** A user who may not write where root may. */
const NOBODY = 65_534;

let folder;
let plan;

const inFolder = (...parts) => path.join(folder, ...parts);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scripts-'));
  plan = { out: folder, name: 'runs/a b', isInPlace: false };
});

afterEach(() => rm(folder, { recursive: true }));

const isCheckpoint = (bytes) => String(bytes) === 'a checkpoint';
const check = (isForced) => checkFolder(plan, isForced, isCheckpoint);

describe('a folder', () => {
  test('that holds something is refused, an empty one and a run gone on with in place are not', async () => {
    await check(false);
    await writeFile(inFolder('note.txt'), '');
    await assert.rejects(check(false), /runs\/a b exists and is not empty/);
    await check(true);
    await checkFolder({ ...plan, isInPlace: true }, false, isCheckpoint);
  });

  test('with nothing to go on from advises no --resume, one with a checkpoint does, as a shell takes it', async () => {
    await writeFile(inFolder(RUN), RUN_TEXT);
    await assert.rejects(check(false), ({ message }) => {
      assert.doesNotMatch(message, /--resume/);
      return /--force.*no checkpoint\.safetensors/s.test(message);
    });
    await writeFile(inFolder(CHECKPOINT), 'a checkpoint');
    await assert.rejects(check(false), /npm run train -- --resume 'runs\/a b'$/);
  });

  test('with files of these names that no run wrote is not overwritten, not even with --force', async () => {
    for (const text of ['{}', '{"recipe":', '[]', 'null']) {
      await writeFile(inFolder(RUN), text);
      await assert.rejects(check(true), /holds run\.json, but nothing that shows that a run/);
    }
    await writeFile(inFolder(CHECKPOINT), 'somebody else’s');
    await assert.rejects(check(true), /holds checkpoint\.safetensors, run\.json, but/);
    await writeFile(inFolder(CHECKPOINT), 'a checkpoint');
    await check(true);
    await rm(inFolder(CHECKPOINT));
    await writeFile(inFolder(RUN), RUN_TEXT);
    await check(true);
  });

  test('is cleared of what a run wrote, and of nothing else', async () => {
    for (const name of [CHECKPOINT, METRICS, RUN, 'samples.png', 'note.txt'])
      await writeFile(inFolder(name), '');
    for (const network of ['generator', 'mine']) {
      await mkdir(inFolder('model', network), { recursive: true });
      await writeFile(inFolder('model', network, 'model.json'), '');
    }
    await writeFile(inFolder('model', 'generator', 'weights.bin'), '');
    await clearFolder(folder);
    assert.deepEqual((await readdir(folder, { recursive: true })).sort(), [
      'model',
      'model/mine',
      'model/mine/model.json',
      'note.txt',
    ]);
  });

  test('is cleared of what a killed process left half written', async () => {
    for (const name of [`${METRICS}.123.partial`, 'notes.123.partial', METRICS])
      await writeFile(inFolder(name), '');
    const network = inFolder('model', 'generator');
    await mkdir(network, { recursive: true });
    for (const name of ['weights.bin.123.partial', 'weights.bin'])
      await writeFile(path.join(network, name), '');
    await clearPartialRun(folder);
    assert.deepEqual((await readdir(folder)).sort(), [METRICS, 'model', 'notes.123.partial']);
    assert.deepEqual(await readdir(network), ['weights.bin']);
  });
});

test(
  'a pipe or a device is no file: nobody waits for its end',
  { skip: process.platform === 'win32' && 'there are no pipes of that kind' },
  async () => {
    execFileSync('mkfifo', [inFolder(CHECKPOINT)]);
    for (const file of [inFolder(CHECKPOINT), '/dev/zero']) {
      await assert.rejects(readWhole(file), /it is a pipe or a device, no file/);
    }
    await assert.rejects(readResumedRun(inFolder(CHECKPOINT), {}), /^UsageError: .*it is a pipe or a device/);
    await assert.rejects(check(true), /nothing that shows that a run of this command wrote it/);
    execFileSync('mkfifo', [inFolder(RUN)]);
    assert.match((await readRun(folder)).problems[0], /cannot be read \(no file\)/);
    execFileSync('mkfifo', [inFolder('train-images.gz')]);
    await assert.rejects(withData(new Map(), folder), /train-images\.gz cannot be read \(it is a pipe/);
  },
);

describe('claiming a folder', () => {
  test('refuses a second run by the folder’s name and the first one’s process', async () => {
    const release = await claimFolder(plan);
    await assert.rejects(
      claimFolder(plan),
      new RegExp(`^UsageError: The folder runs/a b is taken: process ${process.pid} has a run in it`),
    );
    await release();
    await (
      await claimFolder(plan)
    )();
    assert.deepEqual(await readdir(folder), []);
  });

  test('does not count its lock as something in the folder', async () => {
    const release = await claimFolder(plan);
    await mkdir(inFolder(`${LOCK}.1-01234567`));
    await check(false);
    await release();
  });

  test('refuses a file of the lock’s name that no command wrote, and leaves it', async () => {
    await writeFile(inFolder(LOCK), 'mine');
    await assert.rejects(
      claimFolder(plan),
      /^UsageError: The folder runs\/a b holds run\.lock, .*so it is not overwritten\. Move it away/,
    );
    assert.equal(await readFile(inFolder(LOCK), 'utf8'), 'mine');
  });

  test('counts a person’s file whose name begins like the lock’s as something in the folder', async () => {
    await writeFile(inFolder(`${LOCK}.txt`), 'mine');
    await assert.rejects(check(false), /exists and is not empty/);
  });

  test('takes the folders it made away again while they are empty', async () => {
    const deep = { out: inFolder('runs', 'a'), name: 'runs/a' };
    await (
      await claimFolder(deep)
    )();
    assert.deepEqual(await readdir(folder), []);
    const release = await claimFolder(deep);
    await writeFile(inFolder('runs', 'a', METRICS), '');
    await release();
    assert.deepEqual(await readdir(inFolder('runs', 'a')), [METRICS]);
  });

  test('tells in words where nothing can be written', async () => {
    await writeFile(inFolder('file'), '');
    await assert.rejects(claimFolder({ out: inFolder('file'), name: 'f' }), /^UsageError: --out f is a file/);
    await assert.rejects(
      claimFolder({ out: inFolder('file', 'a'), name: 'f/a' }),
      /^UsageError: The folder f\/a cannot be written to \(.*\)\. Name one that can, by --out\./,
    );
  });

  const isWindows = process.platform === 'win32';
  test(
    'tells in words that a folder is read-only',
    { skip: isWindows && 'folders are not made read-only so here' },
    async () => {
      await chmod(folder, 0o555);
      // Who may write anywhere tries it as someone who may not.
      const isRoot = process.getuid() === 0;
      if (isRoot) process.seteuid(NOBODY);
      try {
        await assert.rejects(
          claimFolder(plan),
          /^UsageError: The folder runs\/a b cannot be written to \(EACCES/,
        );
      } finally {
        if (isRoot) process.seteuid(0);
        await chmod(folder, 0o755);
      }
    },
  );
});

describe('resuming', () => {
  test('takes a folder in place, and a file only into a folder of its own', async () => {
    assert.throws(() => planFolders({}), /--out runs\/a/);
    assert.throws(() => planFolders({ resume: inFolder('none') }), /no such folder or file/);
    assert.throws(() => planFolders({ resume: folder }), new RegExp(`has no ${CHECKPOINT}`));
    const checkpoint = inFolder(CHECKPOINT);
    await writeFile(checkpoint, '');
    assert.deepEqual(planFolders({ resume: folder }), {
      out: folder,
      name: folder,
      checkpoint,
      isInPlace: true,
    });
    assert.throws(() => planFolders({ resume: checkpoint }), /add --out/);
    const elsewhere = { out: path.resolve('b'), name: 'b', checkpoint, isInPlace: false };
    assert.deepEqual(planFolders({ resume: checkpoint, out: 'b' }), elsewhere);
    assert.deepEqual(planFolders({ resume: folder, out: 'b' }), elsewhere);
  });

  test('is in place by whatever path the folder is named, so that its checkpoint is not cleared', async () => {
    await writeFile(inFolder(CHECKPOINT), '');
    const link = `${folder}-link`;
    await symlink(folder, link, 'junction');
    try {
      for (const resume of [folder, inFolder(CHECKPOINT), link, path.join(link, CHECKPOINT)]) {
        assert.equal(planFolders({ resume, out: link }).isInPlace, true, resume);
        assert.equal(planFolders({ resume, out: folder }).isInPlace, true, resume);
      }
    } finally {
      await rm(link);
    }
  });
});

test('a file is replaced whole, and stays as it was when writing fails', async () => {
  const file = inFolder('deep', 'a.txt');
  await replaceFile(file, 'one');
  await replaceFile(file, 'two');
  assert.equal(await readFile(file, 'utf8'), 'two');
  await assert.rejects(replaceFile(file, 42));
  assert.equal(await readFile(file, 'utf8'), 'two');
  assert.deepEqual(await readdir(path.dirname(file)), ['a.txt']);
  // A folder in the way of the rename.
  await mkdir(inFolder('taken', 'x'), { recursive: true });
  await assert.rejects(replaceFile(inFolder('taken'), 'three'));
  assert.deepEqual((await readdir(folder)).sort(), ['deep', 'taken']);
});

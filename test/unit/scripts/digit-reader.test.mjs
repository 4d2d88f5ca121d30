/** The options of the digit reader's two commands, and what they refuse. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
  parseReaderOptions,
  parseReadOptions,
  readerHelp,
  readHelp,
} from '../../../scripts/lib/digit-reader-options.mjs';
import { readDigits, trainIn } from '../../../scripts/lib/digit-reader-run.mjs';
import { writeRun } from './support/checkpoint.mjs';

test('the reader learns from all labels, as long as it is told', () => {
  const { settings, into, isResumed } = parseReaderOptions(['--out', 'a', '--steps', '7', '--threads', '2']);
  const { recipe, labels, balanced, steps, threads, evalEvery } = settings;
  assert.deepEqual(
    [recipe, labels, balanced, steps, threads, evalEvery],
    ['labels-only-augmented', 60_000, false, 7, 2, 0],
  );
  assert.match(into, /bench.digit-reader$/);
  assert.equal(isResumed, false);
  assert.equal(parseReaderOptions(['--help']), null);
  assert.match(readerHelp(), /--steps N .*\(default 3000, /);
});

test('a reader that stops names the command that goes on with it, into the same folder', () => {
  const words = ['--out', 'a b', '--into', 'c', '--steps', '7'];
  const command = /npm .*run digit-reader -- --out 'a b' --into c --steps 7 --resume$/;
  assert.match(parseReaderOptions(words).resumeCommand, command);
  assert.match(parseReaderOptions(['--resume', ...words]).resumeCommand, command);
});

test('a run that was cut off, with or without a checkpoint, is gone on with', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'reader-'));
  context.after(() => rm(folder, { recursive: true }));
  const trained = (...words) => {
    const options = parseReaderOptions(['--out', folder, '--steps', '7', ...words]);
    return trainIn(options, async ({ out, resume, force }) => ({ out, resume, force }));
  };
  const begun = { out: folder, resume: undefined, force: undefined };
  const resumed = { out: undefined, resume: folder, force: undefined };
  assert.deepEqual(await trained(), begun);
  // That there is nothing is told there.
  assert.deepEqual(await trained('--resume'), resumed);
  await writeFile(path.join(folder, 'run.json'), '{}');
  const advice =
    /is not empty\. Name another folder, or go on with the run in it: npm run digit-reader -- .* --resume\.$/;
  await assert.rejects(trained(), advice);
  assert.deepEqual(await trained('--resume'), { ...begun, force: true });
  const { settings } = parseReaderOptions(['--out', folder, '--steps', '7']);
  await writeRun(folder, settings, 3);
  await assert.rejects(trained(), advice);
  assert.deepEqual(await trained('--resume'), resumed);
  await writeRun(folder, settings, 7);
  assert.equal(await trained('--resume'), 0);
  await writeFile(path.join(folder, 'other'), '');
  for (const name of ['run.json', 'checkpoint.safetensors']) await rm(path.join(folder, name));
  await assert.rejects(trained(), /is not empty\. Name another folder\.$/);
});

test('what makes the reader another one cannot be given', () => {
  assert.throws(() => parseReaderOptions([]), /Say where the run goes/);
  for (const option of ['--labels', '--recipe', '--seed']) {
    assert.throws(() => parseReaderOptions(['--out', 'a', option, '3']), /Unknown option/);
  }
  assert.throws(() => parseReaderOptions(['--out', 'a', '--steps', '0']), /"steps" is 0/);
});

test('several runs can be read at once', () => {
  const { runs, out, reader } = parseReadOptions(['--run', 'a', '--run', 'b', '--out', 'c.json']);
  assert.deepEqual(runs, ['a', 'b']);
  assert.match(out, /c\.json$/);
  assert.match(reader, /digit-reader\.safetensors$/);
  assert.throws(() => parseReadOptions([]), /Say whose images are to be read/);
  assert.equal(parseReadOptions(['--help']), null);
  for (const option of ['--run', '--out', '--reader']) assert.ok(readHelp().includes(option));
});

test('runs and readers that are not there are named', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'reader-'));
  try {
    const file = path.join(folder, 'none.safetensors');
    await writeFile(file, 'nothing');
    const reading = (options) => readDigits({ runs: [file], reader: file, ...options });
    await assert.rejects(reading({ runs: ['nowhere'] }), /--run nowhere: there is no such folder or file/);
    await assert.rejects(reading({ runs: [folder] }), /has no checkpoint\.safetensors/);
    await assert.rejects(reading({ reader: 'nowhere' }), /--reader nowhere: there is no such file/);
    await assert.rejects(reading({ out: file }), /--out .* is one of the files that are read/);
    await assert.rejects(reading({ out: folder }), /--out .* cannot be written \(it is a folder\)/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

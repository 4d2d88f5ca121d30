/** The digit reader from its training to what it reads: tiny runs of real training. */

import assert from 'node:assert/strict';
import { lstat, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { runScript, TINY_RUN } from './support/scripts.mjs';

let folder;
const inFolder = (...parts) => path.join(folder, ...parts);

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'digit-reader-'));
});
after(() => rm(folder, { recursive: true }));

test('a reader is trained, written with its accuracy, and reads the images of a run', async () => {
  const training = ['--steps', '2', '--batch', '40', '--threads', '2', '--into', inFolder('into')];
  const trained = await runScript('digit-reader', [...training, '--out', inFolder('reader')]);
  assert.equal(trained.code, 0, trained.output);
  assert.match(trained.output, /The reader reads \d+\.\d\d % of the test images rightly/);
  assert.deepEqual((await readdir(inFolder('into'))).sort(), [
    'digit-reader.json',
    'digit-reader.safetensors',
  ]);
  const record = JSON.parse(await readFile(inFolder('into', 'digit-reader.json'), 'utf8'));
  assert.deepEqual([record.settings.labels, record.testImages], [60_000, 10_000]);

  // What has finished is not trained again.
  const again = await runScript('digit-reader', [...training, '--resume', '--out', inFolder('reader')]);
  assert.equal(again.code, 0, again.output);
  assert.doesNotMatch(again.output, /Starting the engine/);

  const run = await runScript('train', [
    ...TINY_RUN,
    '--eval-every',
    '0',
    '--steps',
    '2',
    '--out',
    inFolder('run'),
  ]);
  assert.equal(run.code, 0, run.output);
  // What is there is written to, whatever it is: a link, or a device.
  await writeFile(inFolder('elsewhere.json'), '');
  await symlink(inFolder('elsewhere.json'), inFolder('reading.json'));
  const read = await runScript('read-digits', [
    ...['--run', inFolder('run'), '--reader', inFolder('into', 'digit-reader.safetensors')],
    ...['--out', inFolder('reading.json')],
  ]);
  assert.equal(read.code, 0, read.output);
  assert.match(read.output, /run +recipe +step +read +bits +deviation\n.*notebook +2 +\d/);
  const [reading, ...others] = JSON.parse(await readFile(inFolder('reading.json'), 'utf8'));
  assert.equal(others.length, 0);
  assert.equal((await lstat(inFolder('reading.json'))).isSymbolicLink(), true);
  assert.deepEqual(Object.keys(reading), [
    'run',
    'recipe',
    'seed',
    'labels',
    'step',
    'readShare',
    'classBits',
    'pixelDeviation',
  ]);

  const refused = await runScript('read-digits', ['--run', inFolder('reader')]);
  assert.equal(refused.code, 1);
  assert.match(refused.output, /Its recipe labels-only-augmented has no generator/);
});

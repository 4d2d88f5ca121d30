/** What `npm run time-to-accuracy` can be asked for, what it hands to PyTorch, and what it makes of its figures. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { resolveGiven } from '../../../scripts/lib/invocation.mjs';
import { hasEnded } from '../../../scripts/lib/processes.mjs';
import { parseTimeToAccuracyOptions } from '../../../scripts/lib/time-to-accuracy-options.mjs';
import { importSource } from '../../../scripts/lib/source-modules.mjs';
import {
  describeForPyTorch,
  formatTimes,
  secondsTo,
  timePyTorch,
  timeRuns,
} from '../../../scripts/lib/time-to-accuracy-run.mjs';

const { defaultSettings } = await importSource('src/protocol/settings.ts');
const parse = (...args) => parseTimeToAccuracyOptions(args);

test('the options have the defaults of the recipe, and shares that rise', () => {
  const { reach, threads, settings } = parse('--reach', '99,97.5,99');
  assert.deepEqual(reach, [0.975, 0.99]);
  assert.deepEqual(threads, [1, 2]);
  const usual = { recipe: 'few-labels', engine: 'wasm', labels: 100, seed: 1, steps: 5000, evalEvery: 100 };
  assert.deepEqual(settings, usual);
  const fast = parse('--recipe', 'few-labels-fast').settings;
  assert.deepEqual(fast, {
    ...usual,
    recipe: 'few-labels-fast',
    steps: defaultSettings('few-labels-fast').steps,
  });
  assert.equal(parse('--help'), null);
});

test('a wrong option is refused by name', () => {
  assert.throws(
    () => parse('--recipe', 'notebook'),
    /--recipe is "notebook"; PyTorch's script is a copy of few-labels and few-labels-fast/,
  );
  assert.throws(
    () => parse('--reach', '98,101'),
    /--reach is "98,101"; allowed are numbers above 0 up to 100/,
  );
  assert.throws(() => parse('--reach', '0'), /--reach is "0"/);
  assert.throws(() => parse('--threads', '1,x'), /--threads is "x"/);
  assert.throws(() => parse('--eval-every', '0'), /--eval-every is "0"; allowed are whole numbers from 1/);
});

test('PyTorch is told the stages up to learn, and the images that the engine labels', async () => {
  const { settings } = parse('--labels', '20', '--seed', '3');
  const { stages, labelled, landmarks, seed, evalEvery, reach } = await describeForPyTorch(settings, 0.99);
  assert.deepEqual(
    stages.map(({ key }) => key),
    ['look', 'spread', 'spread', 'learn'],
  );
  assert.deepEqual([new Set(labelled).size, labelled.length], [20, 20]);
  assert.deepEqual([landmarks.layer, seed, evalEvery, reach], ['features', 3, 100, 0.99]);
});

test('an accuracy is reached where it is first, and who has not reached one is in no ratio', () => {
  const evaluations = [
    { step: 100, accuracy: 0.97, seconds: 10 },
    { step: 200, accuracy: 0.981, seconds: 20 },
    { step: 300, accuracy: 0.979, seconds: 30 },
    { step: 400, accuracy: 0.985, seconds: 40 },
  ];
  const reach = [0.98, 0.99];
  assert.deepEqual(secondsTo(reach, evaluations), [20, null]);
  const run = (engine, factor) => {
    const own = evaluations.map((each) => ({ ...each, seconds: factor * each.seconds }));
    return { engine, threads: 2, secondsTo: secondsTo(reach, own), evaluations: own };
  };
  const lines = formatTimes({ reach, runs: [run('wasm', 1), run('pytorch', 1.5)] }).split('\n');
  const cells = lines.map((line) => line.trim().split(/ {2,}/));
  assert.deepEqual(cells[1], ['wasm', '2', '20 s', 'not reached', '98.50 % at step 400']);
  assert.deepEqual(cells[2], ['pytorch', '2', '30 s', 'not reached', '98.50 % at step 400']);
  assert.deepEqual(cells[3], ['PyTorch against wasm', '2', '1.50 x', '–']);
});

test('files and folders are those of where the person stands', () => {
  const { json, python } = parse('--json', 'a.json', '--python', 'venvs');
  assert.deepEqual([json, python], [resolveGiven('a.json'), resolveGiven('venvs')]);
  assert.ok(path.isAbsolute(json));
});

test('more labels than there are is told in words', async () => {
  const { settings } = parse('--labels', '60000');
  await assert.rejects(
    describeForPyTorch(settings, 0.99),
    /^UsageError: .*"labels" is 60,?000.* has only [\d,]+ images of class/,
  );
});

test('runs that have ended are kept where a later one fails, and one without an accuracy is shown', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'times-'));
  context.after(() => rm(folder, { recursive: true }));
  const json = path.join(folder, 'times.json');
  const result = { reach: [0.98], runs: [] };
  const lines = [];
  context.mock.method(console, 'log', (line) => lines.push(line));
  const list = [
    { engine: 'wasm', threads: 1, time: async () => ({ version: 'a', evaluations: [] }) },
    { engine: 'pytorch', threads: 1, time: () => Promise.reject(new Error('gone')) },
  ];
  await assert.rejects(timeRuns(list, result, json), /gone/);
  assert.deepEqual(
    JSON.parse(await readFile(json, 'utf8')).runs.map(({ engine }) => engine),
    ['wasm'],
  );
  assert.match(lines.join(), /wasm +1 +not reached +–/);
});

test(
  'a PyTorch that writes something else is ended',
  { skip: process.platform === 'win32' },
  async (context) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'times-'));
    context.after(() => rm(folder, { recursive: true }));
    const interpreter = path.join(folder, 'python');
    const words = ['#!/bin/sh', 'echo \'{"version": "2"}\'', 'echo "pid $$"', 'exec sleep 600'];
    await writeFile(interpreter, words.join('\n'), { mode: 0o755 });
    const error = await timePyTorch({ interpreter, threads: 1, run: 'run.json', onEvaluation() {} }).catch(
      (reason) => reason,
    );
    assert.equal(error.name, 'UsageError');
    const [, pid] = /PyTorch's run wrote "pid (\d+)", which is no line of JSON/.exec(error.message);
    assert.ok(await hasEnded(Number(pid), null));
  },
);

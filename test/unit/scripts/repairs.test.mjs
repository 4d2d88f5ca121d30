/** The table of repairs: its options, which choices it compares, its sums and its files. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { CHOICES, parseRepairsOptions, repairsTableHelp } from '../../../scripts/lib/repairs-options.mjs';
import {
  readAsked,
  repairsCsv,
  repairsMarkdown,
  summariseRepairs,
  writeRepairsResults,
} from '../../../scripts/lib/repairs-results.mjs';
import { tryLock } from '../../../scripts/lib/lock.mjs';
import { askedFor, measureRepairs } from '../../../scripts/lib/repairs-run.mjs';
import { planSweep, settingsOf } from '../../../scripts/lib/sweep-plan.mjs';
import { rowOf, writeResults } from '../../../scripts/lib/sweep-results.mjs';
import { writeRun } from './support/checkpoint.mjs';

const ASKED = { settings: { steps: 7, balanced: true, evalEvery: 0 }, labels: [900, 100], seeds: [1, 2] };

const row = (labels, seed, testAccuracy, state = 'finished') => ({
  labels,
  seed,
  testAccuracy,
  state,
  step: 7,
  elapsedMs: 1234,
  engine: 'wasm',
});

const ROWS = new Map([
  ['none', [row(900, 1, 0.9), row(900, 2, 0.92), row(100, 1, 0.8)]],
  ['all', [row(900, 1, 0.95), row(900, 2, 0.97)]],
  ['only-beta1', [row(900, 1, 0.9), row(900, 2, 0.9)]],
  ['without-beta1', [row(900, 1, 0.99), row(900, 2, null, 'begun')]],
]);

async function withFolder(work) {
  const folder = await mkdtemp(path.join(tmpdir(), 'repairs-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('every repair is tried by itself and left out, beside none and all', () => {
  assert.equal(CHOICES.length, 14);
  assert.equal(new Set(CHOICES.map(({ repairs }) => repairs)).size, 14);
  const repairsOf = (name) => CHOICES.find((choice) => choice.name === name).repairs;
  assert.deepEqual(['none', 'all', 'only-kernels', 'without-kernels'].map(repairsOf), [
    'none',
    'all',
    'kernels',
    'statistics,logsumexp,feature-matching,beta1,average',
  ]);
  for (const { against } of CHOICES) assert.ok(against === null || ['none', 'all'].includes(against));
});

test('settings are given as to a run, but those that the table fixes', () => {
  const options = parseRepairsOptions(['--out', 'a', '--steps', '7', '--labels', '20,100', '--seeds', '2-3']);
  assert.deepEqual(options.settings, ASKED.settings);
  assert.deepEqual([options.labels, options.seeds, options.isResumed], [[20, 100], [2, 3], false]);
  assert.equal(parseRepairsOptions(['--out', 'a']).labels, undefined);
  assert.equal(parseRepairsOptions(['--help']), null);
  assert.throws(() => parseRepairsOptions([]), /Say where the runs go/);
  for (const option of ['--repairs', '--recipe', '--seed', '--generator-beta1', '--eval-every']) {
    assert.throws(() => parseRepairsOptions(['--out', 'a', option, '1']), /Unknown option/, option);
  }
  assert.throws(() => parseRepairsOptions(['--out', 'a', '--labels', 'x']), /--labels is "x"; give whole/);
  assert.throws(() => parseRepairsOptions(['--out', 'a', '--steps', '0']), /"steps" is 0/);
  // Its own recipe's defaults.
  assert.match(repairsTableHelp(), /--steps N .*default 20000, /);
});

test('a choice is summed up over its finished runs and held against the right one', () => {
  const groups = summariseRepairs([900, 100], ROWS);
  assert.equal(groups.length, 28);
  const of = (labels, choice) => groups.find((group) => group.labels === labels && group.choice === choice);
  const close = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-12, `${found}`);
  close(of(900, 'none').mean, 0.91);
  assert.equal(of(900, 'none').gain, null);
  close(of(900, 'all').gain, 0.05);
  close(of(900, 'beta1 alone').gain, -0.01);
  assert.equal(of(900, 'beta1 alone').deviation, 0);
  assert.equal(of(900, 'all but beta1').runs.length, 1);
  close(of(900, 'all but beta1').gain, 0.03);
  assert.deepEqual([of(100, 'none').mean, of(100, 'all').mean, of(100, 'all').gain], [0.8, null, null]);
  assert.equal(of(100, 'kernels alone').mean, null);
});

test('the table has a line for each choice, every seed, and what is not there yet', () => {
  const groups = summariseRepairs([900, 100], ROWS);
  const text = repairsMarkdown(groups, { evaluatedOn: 'the test images', steps: 7, seeds: [1, 2] });
  assert.match(text, /## 900 labels\n\n\| repairs \| mean \| seeds 1, 2 \| points \|/);
  assert.match(text, /^\| none \| 91\.00 \| 90\.00, 92\.00 \| {2}\|$/m);
  assert.match(text, /^\| beta1 alone \| 90\.00 \| 90\.00, 90\.00 \| −1\.00 against none \|$/m);
  assert.match(text, /^\| all but beta1 \| 99\.00 \| 99\.00 \| \+3\.00 against all \|$/m);
  assert.match(text, /## 100 labels[^]*\| all \| – \| – \| {2}\|/);
  const [heading, first] = repairsCsv(groups).split('\r\n');
  assert.equal(heading, 'labels,choice,repairs,seed,accuracy,steps,seconds');
  assert.equal(first, '900,none,"none",1,0.9,7,1.2');
});

test('a table that goes on knows what it was begun with, and takes more', () =>
  withFolder(async (out) => {
    const go = (given) => askedFor(out, { out: 'runs/x', isResumed: true, settings: {}, ...given });
    await assert.rejects(go({}), /--resume: .*repairs\.json cannot be read \(ENOENT\)/);
    const asked = { ...ASKED, validation: 50 };
    const file = path.join(out, 'repairs.json');
    await writeRepairsResults(out, asked, ROWS);
    assert.deepEqual(await readAsked(out, 'runs/x'), asked);
    const more = await go({ seeds: [2, 3], settings: { steps: 9 } });
    assert.deepEqual(
      [more.seeds, more.labels, more.settings.steps, more.validation],
      [[1, 2, 3], [900, 100], 9, 50],
    );
    await assert.rejects(go({ validation: 60 }), /--validation 60 contradicts the table, .* begun with 50/);
    await assert.rejects(
      askedFor(out, { out: 'runs/x', isResumed: false, settings: {} }),
      /exists and is not empty.*go on with the table in it: npm run repairs -- --resume --out runs\/x/,
    );
    await writeFile(file, `\uFEFF${await readFile(file, 'utf8')}`);
    assert.deepEqual(await readAsked(out, 'runs/x'), asked);
    const odd = (given) => JSON.stringify({ version: 1, asked: { ...asked, ...given } });
    for (const damaged of [
      '{',
      '{}',
      odd({ labels: 'x' }),
      odd({ settings: null }),
      odd({ validation: '50' }),
    ]) {
      await writeFile(file, damaged);
      await assert.rejects(go({}), /is damaged, or of another version/);
    }
  }));

test('a new table is of the usual labels and seeds, in an empty folder', () =>
  withFolder(async (out) => {
    const begin = (given) => askedFor(out, { out: 'x', isResumed: false, settings: {}, ...given });
    const { labels, seeds } = await begin({});
    assert.deepEqual(
      [labels, seeds],
      [
        [900, 100],
        [1, 2, 3],
      ],
    );
    assert.deepEqual((await begin({ labels: [20] })).labels, [20]);
    await mkdir(path.join(out, 'other'));
    await assert.rejects(begin({}), /exists and is not empty\. Name another folder\.$/);
  }));

test('a table belongs to one process, and its place is tried before anything is written', () =>
  withFolder(async (out) => {
    const file = path.join(out, 'file');
    await writeFile(file, '');
    const measuring = (given) => measureRepairs({ settings: {}, isResumed: false, ...given });
    await assert.rejects(measuring({ out: file }), /^UsageError: --out .*file is a file; name a folder/);
    const taken = path.join(out, 'taken');
    await mkdir(taken);
    await writeRepairsResults(taken, ASKED, ROWS);
    const before = await readFile(path.join(taken, 'repairs.json'), 'utf8');
    const { release } = await tryLock(path.join(taken, 'run.lock'));
    await assert.rejects(
      measuring({ out: taken, isResumed: true, labels: [20] }),
      /^UsageError: The folder .*taken is taken: process \d+ has a run in it/,
    );
    await release();
    assert.equal(await readFile(path.join(taken, 'repairs.json'), 'utf8'), before);
  }));

test('what a sweep of the table refuses is told before it is written down', () =>
  withFolder(async (out) => {
    const settings = { ...ASKED.settings, repairs: 'none' };
    const plan = planSweep({
      lists: { recipes: ['notebook-repaired'], labels: [900], seeds: [1] },
      settings,
    });
    const [run] = plan.runs;
    await writeRepairsResults(out, ASKED, new Map());
    await writeRun(path.join(out, 'none', run.name), settingsOf(run, settings), 7);
    await writeResults(path.join(out, 'none'), plan, [rowOf(run, { state: 'finished' })]);
    const before = await readFile(path.join(out, 'repairs.json'), 'utf8');
    const goOn = (...words) => measureRepairs(parseRepairsOptions(['--resume', '--out', out, ...words]));
    for (const [words, refusal] of [
      [['--dropout', '0.3'], /--dropout 0\.3 contradicts the table, which was begun without it/],
      [['--steps', '5'], /--steps 5 is less than the 7 steps done/],
      [['--seeds', '1-9000'], /These are 18000 runs; a sweep has 10000 at most/],
    ]) {
      await assert.rejects(
        goOn(...words),
        (error) => error.name === 'UsageError' && refusal.test(error.message),
      );
      assert.equal(await readFile(path.join(out, 'repairs.json'), 'utf8'), before);
    }
    const fresh = path.join(out, 'fresh');
    const begun = measureRepairs(parseRepairsOptions(['--out', fresh, '--seeds', '1-9000']));
    await assert.rejects(begun, /These are 18000 runs/);
    assert.equal(existsSync(fresh), false);
  }));

test('the record has every run with the machine that made it', () =>
  withFolder(async (out) => {
    await writeRepairsResults(out, ASKED, ROWS);
    const record = JSON.parse(await readFile(path.join(out, 'repairs.json'), 'utf8'));
    assert.deepEqual([record.recipe, record.steps, record.machine.engine], ['notebook-repaired', 7, 'wasm']);
    assert.equal(record.groups.length, 28);
    assert.deepEqual(record.groups[0].runs[0], { seed: 1, accuracy: 0.9, steps: 7, seconds: 1.2 });
    assert.equal(record.evaluatedOn, 'the test images');
  }));

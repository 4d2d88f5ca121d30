/** What a sweep writes: sums over seeds, the table, the chart, and the plan that it goes on with. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { drawSweep } from '../../../scripts/lib/sweep-chart.mjs';
import { SweepDisplay } from '../../../scripts/lib/sweep-display.mjs';
import { sweep } from '../../../scripts/lib/sweep-run.mjs';
import { planSweep, settingsOf } from '../../../scripts/lib/sweep-plan.mjs';
import {
  fingerprintOfRuns,
  readPlan,
  readRow,
  rowOf,
  summarise,
  toCsv,
  writeResults,
} from '../../../scripts/lib/sweep-results.mjs';
import { writeRun } from './support/checkpoint.mjs';

const lists = { recipes: ['labels-only', 'notebook'], labels: [20, 100], seeds: [1, 2, 3] };
const plan = planSweep({ lists, settings: { steps: 40 } });

/** Finished rows of every run: accuracies rise with the labels and differ by seed; the last run has not begun. */
const rows = plan.runs.map((run, index) =>
  index === plan.runs.length - 1
    ? rowOf(run, { state: 'waiting', step: 0, steps: 40 })
    : rowOf(run, {
        state: 'finished',
        step: 40,
        steps: 40,
        testAccuracy: (run.labels === 20 ? 0.5 : 0.8) + run.seed / 100,
        adapter: 'relaxed SIMD, 1 thread',
      }),
);

async function inFolder(context) {
  const folder = await mkdtemp(path.join(tmpdir(), 'sweep-'));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

test('accuracies are summed up over the seeds that have finished', () => {
  const summary = summarise(rows);
  assert.deepEqual(
    summary.map(({ recipe, labels, runs, finished }) => [recipe, labels, runs, finished]),
    [
      ['labels-only', 20, 3, 3],
      ['labels-only', 100, 3, 3],
      ['notebook', 20, 3, 3],
      ['notebook', 100, 3, 2],
    ],
  );
  const [first] = summary;
  assert.ok(Math.abs(first.mean - 0.52) < 1e-12 && Math.abs(first.standardDeviation - 0.01) < 1e-12);
  assert.deepEqual([first.least, first.greatest], [0.51, 0.53]);
  const single = summarise(rows.slice(0, 1))[0];
  assert.deepEqual([single.mean, single.standardDeviation], [0.51, null]);
  const none = summarise(rows.slice(-1))[0];
  assert.deepEqual([none.finished, none.mean, none.least], [0, null, null]);
});

test('the table has a line a run, and quotes what holds a comma, a quote or a line break', () => {
  const odd = rowOf(plan.runs[0], { state: 'failed', step: 3, steps: 40, error: 'no "GPU"\nhere' });
  const [heading, first, ...others] = toCsv([rows[0], odd]).split('\r\n');
  assert.match(heading, /^name,recipe,labels,seed,state,step,steps,testAccuracy,/);
  assert.equal(
    first,
    'labels-only-labels20-seed1,labels-only,20,1,finished,40,40,0.51,,,,"relaxed SIMD, 1 thread",,,,',
  );
  assert.equal(
    others.join('\r\n'),
    'labels-only-labels20-seed1,labels-only,20,1,failed,3,40,,,,,,,,,"no ""GPU""\nhere"\r\n',
  );
});

test('the chart has a line a recipe through its means, and a dot a run that has finished', () => {
  const svg = drawSweep(summarise(rows), rows);
  assert.equal(svg.match(/<polyline/g).length, 2);
  assert.equal(svg.match(/class="seed"/g).length, 11);
  assert.match(svg, /<title>labels-only, 20 labels: 52\.00 % ± 1\.00 % over 3 seeds<\/title>/);
  assert.match(svg, />labels-only<\/text>/);
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
});

test('the chart of a single run, of equal accuracies, and of none is whole', () => {
  const [row] = rows;
  const equal = [row, { ...row, seed: 2 }];
  for (const few of [[row], equal, [{ ...row, testAccuracy: 1 }], [{ ...row, testAccuracy: 0 }]]) {
    assert.doesNotMatch(drawSweep(summarise(few), few), /NaN|Infinity|undefined/);
  }
  assert.match(drawSweep(summarise(rows.slice(-1)), rows.slice(-1)), /No run has finished yet/);
});

test('the plan of a sweep is read back as it was written', async (context) => {
  const folder = await inFolder(context);
  await writeResults(folder, plan, rows);
  assert.deepEqual((await readdir(folder)).sort(), ['sweep.csv', 'sweep.json', 'sweep.svg']);
  assert.deepEqual(await readPlan(folder, 'runs/a'), plan);
  const written = JSON.parse(await readFile(path.join(folder, 'sweep.json'), 'utf8'));
  assert.equal(written.runs.length, 12);
  assert.equal(written.summary[3].finished, 2);
});

const RUN_NAME = 'notebook-labels1-seed1';
const sweepOf = ({ settings = {}, names = [RUN_NAME] }) =>
  JSON.stringify({
    ...{ version: 1, settings },
    runs: names.map((name) => ({ name, recipe: 'notebook', labels: 1, seed: 1 })),
  });

test('a sweep.json with a byte order mark is read, and what it says of the data', async (context) => {
  const folder = await inFolder(context);
  const options = { lists, settings: { steps: 40 }, data: '/images', validation: 7 };
  const onOthers = planSweep(options);
  assert.deepEqual(onOthers.data, { data: '/images', validation: 7 });
  await writeResults(folder, onOthers, rows);
  const file = path.join(folder, 'sweep.json');
  await writeFile(file, `\uFEFF${await readFile(file, 'utf8')}`);
  const earlier = await readPlan(folder, 'runs/a');
  assert.deepEqual(earlier, onOthers);
  // Gone on with, it keeps them; what is not given, given as undefined too, changes nothing.
  const nothing = { recipes: null, labels: null, seeds: null };
  const again = planSweep({ lists: nothing, settings: {}, data: undefined, validation: undefined }, earlier);
  assert.deepEqual(again.data, onOthers.data);
  const moved = planSweep({ lists: nothing, settings: {}, data: '/moved' }, earlier);
  assert.deepEqual(moved.data, { data: '/moved', validation: 7 });
});

test('a finished run without a known accuracy is no accuracy of 0', () => {
  const [run] = plan.runs;
  const blind = rowOf(run, { state: 'finished', step: 40, steps: 40 });
  const [{ finished, measured, mean, least }] = summarise([rows[0], blind]);
  assert.deepEqual([finished, measured, mean, least], [2, 1, 0.51, 0.51]);
  assert.match(drawSweep(summarise([blind]), [blind]), />No run has come to an accuracy</);
  const both = [rows[0], blind];
  assert.equal(drawSweep(summarise(both), both).match(/class="seed"/g).length, 1);
});

test('a sweep.json that is missing, cut off, of another version or of no sweep is refused by name', async (context) => {
  const folder = await inFolder(context);
  const file = path.join(folder, 'sweep.json');
  await assert.rejects(readPlan(folder, 'runs/a'), /runs\/a\/sweep\.json cannot be read \(ENOENT\)/);
  for (const [text, words] of [
    ['{"version": 1, "ru', /is damaged/],
    ['{"version": 2}', /has version 2; this build goes on with version 1/],
    ['null', /has version undefined/],
    ['{"version": 1, "settings": {}, "runs": [{"name": "a"}]}', /is damaged/],
    ['{"version": 1, "settings": null, "runs": []}', /is damaged/],
    [sweepOf({ settings: { batch: 1 } }), /"batch" is 1/],
    // Names are folders.
    [sweepOf({ names: ['../../elsewhere'] }), /is damaged/],
    [sweepOf({ names: [RUN_NAME, RUN_NAME] }), /is damaged/],
  ]) {
    await writeFile(file, text);
    await assert.rejects(readPlan(folder, 'runs/a'), words, text);
  }
});

test('what lies beside a sweep is there before its plan is', async (context) => {
  const folder = await inFolder(context);
  await writeFile(path.join(folder, 'sweep.json'), sweepOf({ names: [] }));
  await writeFile(path.join(folder, 'beside.json.123.partial'), '{');
  await mkdir(path.join(folder, 'sweep.csv', 'in the way'), { recursive: true });
  const writing = sweep({
    ...{ out: folder, isResumed: true, resumeCommand: '', settings: {}, besides: { 'beside.json': 'text' } },
    lists: { recipes: null, labels: null, seeds: null },
  });
  await assert.rejects(writing, /cannot be written/);
  assert.equal(await readFile(path.join(folder, 'beside.json'), 'utf8'), 'text');
  assert.deepEqual((await readdir(folder)).sort(), ['beside.json', 'sweep.csv', 'sweep.json']);
});

test('results that cannot be written are told in words, with the folder', async (context) => {
  const folder = await inFolder(context);
  await writeFile(path.join(folder, 'sweep.json'), sweepOf({ names: [] }));
  await writeFile(path.join(folder, 'sweep.json.123.partial'), '{');
  await mkdir(path.join(folder, 'sweep.csv', 'in the way'), { recursive: true });
  await assert.rejects(
    sweep({
      ...{ out: folder, isResumed: true, resumeCommand: '', settings: {} },
      lists: { recipes: null, labels: null, seeds: null },
    }),
    ({ name, message }) => {
      assert.equal(name, 'UsageError');
      assert.match(message, /^The results of .*sweep-\w+ cannot be written: E\w+: .*sweep\.csv/);
      return true;
    },
  );
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.partial')),
    [],
  );
});

test('a run without a checkpoint waits', async (context) => {
  const folder = await inFolder(context);
  const row = await readRow(folder, plan.runs[0], plan.settings);
  assert.deepEqual([row.state, row.step, row.steps, row.testAccuracy], ['waiting', 0, 40, null]);
});

test('the checkpoint says what a run has come to, whatever lies beside it', async (context) => {
  const run = JSON.stringify({ engine: 'wasm', sessions: [{ fromStep: 0 }] });
  const [own] = plan.runs;
  for (const [besides, engine] of [
    [{ 'run.json': run, 'metrics.jsonl': '{"step":40,"testAccuracy":0.75}\n' }, 'wasm'],
    [{ 'run.json': `\uFEFF${run}` }, 'wasm'],
    // An earlier line is not the last.
    [{ 'run.json': run.slice(0, 20), 'metrics.jsonl': '{"step":1,"testAccuracy":0.1}\n{"st' }, null],
    [{ 'run.json': 'null', 'metrics.jsonl': '{"step":40,"testAccuracy":"9"}\n' }, null],
    [{ 'run.json': '[]', 'metrics.jsonl': '' }, null],
    [{}, null],
  ]) {
    const folder = await inFolder(context);
    await writeRun(path.join(folder, own.name), settingsOf(own, plan.settings), 40, { besides });
    const row = await readRow(folder, own, plan.settings);
    assert.deepEqual([row.state, row.step, row.testAccuracy, row.engine], ['finished', 40, 0.75, engine]);
    assert.equal(await fingerprintOfRuns(folder, plan), 'abc');
  }
  assert.equal(await fingerprintOfRuns(await inFolder(context), plan), null);
});

test('a run that ends in a stage without an accuracy has finished without one', async (context) => {
  const folder = await inFolder(context);
  const settings = { steps: 1 };
  const short = planSweep({ lists: { recipes: ['few-labels'], labels: [20], seeds: [1] }, settings });
  const [run] = short.runs;
  await writeRun(path.join(folder, run.name), settingsOf(run, settings), 1, { unmeasuredSteps: 1 });
  const row = await readRow(folder, run, settings);
  assert.deepEqual([row.state, row.testAccuracy, row.elapsedMs], ['finished', null, 6000]);
  assert.equal((await readRow(folder, run, { steps: 2 })).state, 'begun');
  await writeResults(folder, short, [row]);
  const lines = [];
  const display = new SweepDisplay(1, { print: (line) => lines.push(line) });
  const code = await sweep({
    ...{ out: folder, isResumed: true, resumeCommand: '', settings: {} },
    lists: { recipes: null, labels: null, seeds: null },
  });
  assert.equal(code, 0);
  display.ended([row], 'runs/a');
  assert.match(lines[0], /few-labels +20 +1 of 1 +–/);
  assert.match(lines[1], /^Finished without an accuracy: few-labels-labels20-seed1\. .* with more --steps/);
  assert.match(await readFile(path.join(folder, 'sweep.csv'), 'utf8'), /,finished,1,1,,,6000,/);
});

test('what is shown: where runs go, how they end, and what it all comes to', () => {
  const lines = [];
  const display = new SweepDisplay(12, { nowMs: () => 0, print: (line) => lines.push(line) });
  const [run] = plan.runs;
  display.begun(3);
  display.runBegun(run, { name: 'http://node:5555' }, 20);
  display.runEnded(run, { state: 'lost', isFinal: false, words: 'gone' }, { step: 30, steps: 40 });
  display.runBegun(run, { name: 'http://other:5555' }, 30);
  display.runEnded(run, { state: 'finished', isFinal: true }, { elapsedMs: 61_000, testAccuracy: 0.5 });
  display.ended(rows, 'runs/a');
  display.runEnded(run, { state: 'finished', isFinal: true }, { elapsedMs: 61_000, testAccuracy: null });
  assert.match(lines.pop(), /finished in 1 min 01 s, test accuracy – \(5 of 12 done\)/);
  assert.deepEqual(lines.slice(0, 5), [
    '12 runs, 3 of them done; 9 are left.',
    'labels-only-labels20-seed1: goes to http://node:5555 from step 20',
    'labels-only-labels20-seed1: lost its place at step 30 of 40, goes to another: gone',
    'labels-only-labels20-seed1: goes to http://other:5555 from step 30',
    'labels-only-labels20-seed1: finished in 1 min 01 s, test accuracy 50.00 % (4 of 12 done)',
  ]);
  assert.match(lines[5], /notebook +100 +2 of 3 +81\.50 %/);
  assert.equal(lines.at(-1), 'The results are in runs/a: sweep.json, sweep.csv, sweep.svg');
});

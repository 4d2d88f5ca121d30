/** What a sweep writes: sums over seeds, the table, the chart, and the plan that it goes on with. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { drawSweep } from '../../../scripts/lib/sweep-chart.mjs';
import { SweepDisplay } from '../../../scripts/lib/sweep-display.mjs';
import { planSweep } from '../../../scripts/lib/sweep-plan.mjs';
import {
  readPlan,
  readRow,
  rowOf,
  summarise,
  toCsv,
  writeResults,
} from '../../../scripts/lib/sweep-results.mjs';

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

test('a sweep.json that is missing, cut off, of another version or of no sweep is refused by name', async (context) => {
  const folder = await inFolder(context);
  const file = path.join(folder, 'sweep.json');
  await assert.rejects(readPlan(folder, 'runs/a'), /runs\/a\/sweep\.json cannot be read \(ENOENT\)/);
  for (const [text, words] of [
    ['{"version": 1, "ru', /is damaged/],
    ['{"version": 2}', /has version 2; this build goes on with version 1/],
    ['null', /has version undefined/],
    ['{"version": 1, "settings": {}, "runs": [{"name": "a"}]}', /is damaged/],
    [
      '{"version": 1, "settings": {"batch": 1}, "runs": [{"name": "a", "recipe": "notebook", "labels": 1, "seed": 1}]}',
      /"batch" is 1/,
    ],
  ]) {
    await writeFile(file, text);
    await assert.rejects(readPlan(folder, 'runs/a'), words, text);
  }
});

test('a run without a checkpoint waits', async (context) => {
  const folder = await inFolder(context);
  const row = await readRow(folder, plan.runs[0], plan.settings);
  assert.deepEqual([row.state, row.step, row.steps, row.testAccuracy], ['waiting', 0, 40, null]);
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

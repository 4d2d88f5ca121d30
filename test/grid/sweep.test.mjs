/** A sweep on a real Selenium Grid: a node that is killed in the middle, a wish to stop, going on. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runScript, startScript } from '../page/support/scripts.mjs';
import { describeMissing, findGridTools, readJson, startGrid, until } from './support/grid.mjs';

const { missing, ...tools } = findGridTools();
const skip = missing.length > 0 && describeMissing(missing);

const STEPS = 90;
const RUN = ['--engine', 'wasm', '--batch', '10', '--steps', String(STEPS), '--eval-every', '30'];
const FOUR_RUNS = ['--recipe', 'labels-only', '--labels', '20,100', '--seeds', '1-2', ...RUN];

let folder;
let grid;

const inFolder = (...parts) => path.join(folder, ...parts);

async function readRun(...parts) {
  return readJson(inFolder(...parts, 'run.json'));
}

/** The evaluations of a run without what depends on the clock. */
async function readTimeless(...parts) {
  const text = await readFile(inFolder(...parts, 'metrics.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { elapsedMs, ...evaluation } = JSON.parse(line);
      assert.ok(elapsedMs > 0);
      return evaluation;
    });
}

describe('a sweep on a Selenium Grid', () => {
  before(async () => {
    if (skip) return;
    folder = await mkdtemp(path.join(tmpdir(), 'grid-'));
    grid = await startGrid({ ...tools, folder, count: 2 });
  });

  after(async () => {
    await grid?.close();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  const runs = ['labels20-seed1', 'labels20-seed2', 'labels100-seed1', 'labels100-seed2'].map(
    (run) => `labels-only-${run}`,
  );
  let lost;

  test('of four runs survives a node that is killed in the middle', { skip }, async () => {
    const script = startScript('sweep', [...FOUR_RUNS, '--grid', grid.url, '--out', inFolder('sweep')]);
    // Two nodes, two runs: both are under way, and one has a checkpoint to go on from.
    lost = await until('A checkpoint of a run that is under way', async () => {
      assert.equal(script.child.exitCode, null, script.output);
      const [first, second] = runs.slice(0, 2);
      const isSeen = existsSync(inFolder('sweep', second, 'run.json'));
      return isSeen && existsSync(inFolder('sweep', first, 'checkpoint.safetensors')) ? first : undefined;
    });
    const { node } = await readRun('sweep', lost);
    await grid.killNode(node);
    const { code, output } = await script.ended;
    assert.equal(code, 0, output);
    assert.match(
      output,
      new RegExp(`^${lost}: lost its place at step \\d+ of ${STEPS}, goes to another`, 'm'),
    );
    const { sessions, ...run } = await readRun('sweep', lost);
    assert.equal(sessions[0].node, node);
    assert.notEqual(run.node, node);
    assert.ok(sessions.at(-1).fromStep > 0, 'it went on from a checkpoint');
    assert.match(run.browser, /^chrome\/\d+/);

    const { summary, runs: rows } = await readJson(inFolder('sweep', 'sweep.json'));
    assert.deepEqual(
      rows.map(({ name, state, step }) => [name, state, step]),
      runs.map((name) => [name, 'finished', STEPS]),
    );
    assert.deepEqual(
      summary.map(({ labels, finished }) => [labels, finished]),
      [
        [20, 2],
        [100, 2],
      ],
    );
    const table = await readFile(inFolder('sweep', 'sweep.csv'), 'utf8');
    assert.equal(table.match(/,finished,/g).length, 4);
    assert.match(await readFile(inFolder('sweep', 'sweep.svg'), 'utf8'), /over 2 seeds/);
  });

  test(
    'gives the run that changed its machine what an unbroken one on this machine has',
    { skip },
    async () => {
      const { recipe, labels, seed } = (await readRun('sweep', lost)).settings;
      const args = ['--recipe', recipe, '--labels', String(labels), '--seed', String(seed), ...RUN];
      const { code, output } = await runScript('train', [...args, '--out', inFolder('unbroken')]);
      assert.equal(code, 0, output);
      assert.deepEqual(await readTimeless('sweep', lost), await readTimeless('unbroken'));
    },
  );

  test('stops with a checkpoint, goes on, and does nothing twice', { skip }, async () => {
    const args = [
      '--seeds',
      '1-2',
      '--recipe',
      'labels-only',
      '--labels',
      '20',
      ...RUN,
      '--out',
      inFolder('stopped'),
    ];
    const script = startScript('sweep', [...args, '--grid', grid.url]);
    await script.said(/^labels-only-labels20-seed1: finished/m);
    const [first, second] = runs;
    await until('The second run', async () =>
      existsSync(inFolder('stopped', second, 'checkpoint.safetensors')) ? true : undefined,
    );
    script.child.kill('SIGINT');
    const { code, output } = await script.ended;
    assert.equal(code, 130, output);
    assert.match(output, /^labels-only-labels20-seed2: stopped at step \d+ of 90$/m);
    assert.match(output, /^To go on: npm run sweep -- --resume --out \S*stopped --grid http/m);

    const resumed = await runScript('sweep', ['--resume', '--out', inFolder('stopped'), '--grid', grid.url]);
    assert.equal(resumed.code, 0, resumed.output);
    assert.match(resumed.output, /^2 runs, 1 of them done; 1 are left\.$/m);
    assert.equal((await readRun('stopped', first)).sessions.length, 1);
    const { sessions } = await readRun('stopped', second);
    assert.equal(sessions.length, 2);
    assert.ok(sessions[1].fromStep > 0);
    assert.deepEqual(await readTimeless('stopped', second), await readTimeless('sweep', second));
  });
});

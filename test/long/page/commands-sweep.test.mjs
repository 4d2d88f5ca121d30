/** `npm run sweep` on this machine, from end to end: a wish to stop, going on, what is refused. Tiny runs. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { runScript, startScript } from '../../page/support/scripts.mjs';

const STEPS = 300;
const SETTINGS = ['--engine', 'wasm', '--batch', '10', '--steps', String(STEPS), '--eval-every', '150'];
const TWO_RUNS = ['--recipe', 'labels-only', '--labels', '20', '--seeds', '1-2', ...SETTINGS];
const NAMES = ['labels-only-labels20-seed1', 'labels-only-labels20-seed2'];

const POLL_MS = 50;
const MOST_POLLS = 3000;

let folder;

const inSweep = (...parts) => path.join(folder, 'sweep', ...parts);
const readJson = async (...parts) => JSON.parse(await readFile(inSweep(...parts), 'utf8'));

async function untilFile(file) {
  for (let polls = 0; polls < MOST_POLLS && !existsSync(file); polls++) await delay(POLL_MS);
  assert.ok(existsSync(file), `${file} is written`);
}

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sweep-'));
});

after(() => rm(folder, { recursive: true }));

test('a sweep that is stopped keeps its runs, goes on with them, and does nothing twice', async () => {
  const script = startScript('sweep', [...TWO_RUNS, '--jobs', '2', '--out', inSweep()]);
  for (const name of NAMES) await untilFile(inSweep(name, 'checkpoint.safetensors'));
  script.child.kill('SIGINT');
  const stopped = await script.ended;
  assert.equal(stopped.code, 130, stopped.output);
  assert.match(stopped.output, /^labels-only-labels20-seed2: stopped at step \d+ of 300$/m);
  assert.match(stopped.output, /^To go on: npm run sweep -- --resume --out \S*sweep( |$)/m);

  const resumed = await runScript('sweep', ['--resume', '--jobs', '2', '--out', inSweep()]);
  assert.equal(resumed.code, 0, resumed.output);
  const { runs, summary } = await readJson('sweep.json');
  assert.deepEqual(
    runs.map(({ name, state, step, sessions }) => [name, state, step, sessions]),
    NAMES.map((name) => [name, 'finished', STEPS, 2]),
  );
  assert.equal(summary[0].finished, 2);
  for (const [index, name] of NAMES.entries()) {
    const lines = (await readFile(inSweep(name, 'metrics.jsonl'), 'utf8')).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).step),
      [1, 150, 300],
    );
    assert.equal(JSON.parse(lines.at(-1)).testAccuracy, runs[index].testAccuracy);
  }
  assert.deepEqual((await readdir(inSweep())).sort(), [...NAMES, 'sweep.csv', 'sweep.json', 'sweep.svg']);

  const again = await runScript('sweep', ['--resume', '--out', inSweep()]);
  assert.equal(again.code, 0, again.output);
  assert.match(again.output, /^2 runs, 2 of them done; none is left\.$/m);
  assert.doesNotMatch(again.output, /goes to/);
});

test('a folder that holds a sweep takes no other, and less than is done cannot be asked for', async () => {
  const other = await runScript('sweep', ['--out', inSweep()]);
  assert.equal(other.code, 1);
  assert.match(
    other.output,
    /sweep exists and is not empty.*go on with the sweep in it: npm run sweep -- --resume/,
  );
  const fewer = await runScript('sweep', ['--resume', '--steps', '10', '--out', inSweep()]);
  assert.equal(fewer.code, 1);
  assert.match(fewer.output, /^labels-only-labels20-seed1: --steps 10 is less than the 300 steps done/m);
  assert.equal((await readJson('sweep.json')).runs[0].state, 'finished');
});

/**
 * Times to an accuracy: the engine `wasm` in a headless browser, then PyTorch in a process of its own, for each number of
 * threads. Of the engine the clock runs from the start's command on, so that its own start and the reading of the data count;
 * of PyTorch from when it is loaded and has the data.
 */

import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { findInterpreters, withThreads } from './bench-python.mjs';
import { ensureData } from './data.mjs';
import { HeadlessTrainer } from './headless-trainer.mjs';
import { UsageError } from './main.mjs';
import { prepareOutput } from './output-file.mjs';
import { inRoot } from './paths.mjs';
import { labelledBy } from './protocol-results.mjs';
import { endTogether } from './run-command.mjs';
import { readLabels } from './run-data.mjs';
import { ensureSiteFiles } from './site.mjs';
import { importSource } from './source-modules.mjs';
import { withTemporaryFolder } from './temporary.mjs';
import { formatTable } from './text-table.mjs';
import { formatDuration } from './train-display.mjs';

const { buildRecipe } = await importSource('src/recipe/build-recipe.ts');
const { completeSettings } = await importSource('src/protocol/check-settings.ts');

/** Of the JSON; another number is another form. */
const VERSION = 1;
const DATA = { imageShape: [28, 28, 1], classes: 10 };
/** What PyTorch's script does not know. */
const LAST_STAGE = 'learn';

const percent = (share) => `${(100 * share).toFixed(2)} %`;

/** The seconds at which each accuracy was reached first; null where it was not. */
export function secondsTo(reach, evaluations) {
  return reach.map((least) => evaluations.find(({ accuracy }) => accuracy >= least)?.seconds ?? null);
}

/** The engine's run: its evaluations, and what it ran on. */
async function timeEngine(settings, goal, files, onEvaluation) {
  const trainer = new HeadlessTrainer({ onUpload: () => {} });
  const evaluations = [];
  let startMs;
  try {
    await trainer.open(files);
    const ended = new Promise((resolve, reject) => {
      trainer.on('death', reject);
      trainer.on('report', (report) => {
        if (report.type === 'evaluation') {
          const seconds = (performance.now() - startMs) / 1000;
          evaluations.push({ step: report.step, accuracy: report.testAccuracy, seconds });
          onEvaluation(evaluations.at(-1));
          if (report.testAccuracy >= goal) resolve();
        } else if (report.type === 'state' && report.state === 'finished') resolve();
        else if (report.type === 'state' && report.state === 'failed')
          reject(new Error(report.error.message));
      });
    });
    startMs = performance.now();
    await Promise.all([trainer.start(settings), ended]);
    return { version: await trainer.browserVersion(), evaluations };
  } finally {
    await trainer.close();
  }
}

/** What PyTorch's run is told: the recipe as data, and the labelled images, which are the engine's. */
export async function describeForPyTorch(settings, goal) {
  const complete = completeSettings({ ...settings });
  const { networks, stages, landmarks } = buildRecipe(complete, DATA);
  const { train: labels } = await readLabels({});
  return {
    networks,
    stages: stages.slice(0, 1 + stages.findIndex(({ key }) => key === LAST_STAGE)),
    landmarks,
    labelled: labelledBy(labels, DATA.classes, complete)(complete.seed),
    seed: complete.seed,
    evalEvery: complete.evalEvery,
    reach: goal,
  };
}

/** PyTorch's run, as the engine's. */
async function timePyTorch({ interpreter, threads, run, onEvaluation }) {
  const script = inRoot('bench', 'peers', 'pytorch', 'few_labels_run.py');
  const args = [script, '--threads', String(threads), '--run', run, '--data', await ensureData()];
  const child = spawn(interpreter, args, { env: withThreads(threads), stdio: ['ignore', 'pipe', 'inherit'] });
  const leaveOff = endTogether(child);
  try {
    const ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const evaluations = [];
    let version;
    for await (const line of createInterface({ input: child.stdout })) {
      const told = JSON.parse(line);
      if (told.version !== undefined) version = told.version;
      else onEvaluation(evaluations[evaluations.push(told) - 1]);
    }
    const code = await ended;
    if (code !== 0) throw new UsageError(`PyTorch's run ended with exit code ${code}; its words are above.`);
    return { version, evaluations };
  } finally {
    leaveOff();
  }
}

/** The table of what each run took, and how many times as long PyTorch did. */
export function formatTimes({ reach, runs }) {
  const cells = runs.map(({ engine, threads, secondsTo: seconds, evaluations }) => [
    engine,
    String(threads),
    ...seconds.map((value) => (value === null ? 'not reached' : formatDuration(1000 * value))),
    `${percent(evaluations.at(-1).accuracy)} at step ${evaluations.at(-1).step.toLocaleString('en')}`,
  ]);
  const engines = runs.filter(({ engine }) => engine === 'wasm');
  const ratios = engines.map((run) => {
    const other = runs.find(({ engine, threads }) => engine !== 'wasm' && threads === run.threads);
    const ratio = (value, index) => {
      const theirs = other.secondsTo[index];
      return value === null || theirs === null ? '–' : `${(theirs / value).toFixed(2)} x`;
    };
    return ['PyTorch against wasm', String(run.threads), ...run.secondsTo.map(ratio), ''];
  });
  const heading = ['', 'threads', ...reach.map((share) => `${100 * share} % after`), 'ended with'];
  return formatTable([heading, ...cells, ...ratios]);
}

/** Runs what `parseTimeToAccuracyOptions` returned. */
export async function measureTimeToAccuracy({ reach, threads, settings, python, json }) {
  if (json !== undefined) await prepareOutput('json', json);
  const { pytorch: interpreter } = await findInterpreters(['pytorch'], python);
  const files = await ensureSiteFiles();
  const [cpu] = os.cpus();
  const goal = reach.at(-1);
  const result = {
    version: VERSION,
    date: new Date().toISOString(),
    machine: { cpu: cpu?.model, cores: os.availableParallelism(), loadAverageBefore: os.loadavg()[0] },
    settings,
    reach,
    runs: [],
  };
  const add = (engine, count, { version, evaluations }) => {
    const times = secondsTo(reach, evaluations);
    result.runs.push({ engine, version, threads: count, secondsTo: times, evaluations });
  };
  const teller =
    (name) =>
    ({ step, accuracy, seconds }) =>
      console.log(`${name}: step ${step}, ${percent(accuracy)} after ${formatDuration(1000 * seconds)}`);
  await withTemporaryFolder('time-to-accuracy', async (folder) => {
    const run = path.join(folder, 'run.json');
    await writeFile(run, JSON.stringify(await describeForPyTorch(settings, goal)));
    for (const count of threads) {
      const own = { ...settings, threads: count };
      add('wasm', count, await timeEngine(own, goal, files, teller(`wasm x${count}`)));
      const onEvaluation = teller(`pytorch x${count}`);
      add('pytorch', count, await timePyTorch({ interpreter, threads: count, run, onEvaluation }));
    }
  });
  console.log(`\n${formatTimes(result)}`);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
}

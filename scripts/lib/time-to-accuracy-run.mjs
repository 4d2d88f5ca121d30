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

/** Of a line that is shown. */
const MOST_CHARACTERS = 200;

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

/** What a line of PyTorch's script tells; throws a UsageError for one that it did not write. */
function readTold(line) {
  try {
    return JSON.parse(line);
  } catch (error) {
    const words = `PyTorch's run wrote "${line.slice(0, MOST_CHARACTERS)}", which is no line of JSON`;
    throw new UsageError(`${words}: what has it write that, an import, say, has to go.`, { cause: error });
  }
}

/** PyTorch's run, as the engine's. */
export async function timePyTorch({ interpreter, threads, run, onEvaluation }) {
  const script = inRoot('bench', 'peers', 'pytorch', 'few_labels_run.py');
  const args = [script, '--threads', String(threads), '--run', run, '--data', await ensureData()];
  const child = spawn(interpreter, args, { env: withThreads(threads), stdio: ['ignore', 'pipe', 'inherit'] });
  const leaveOff = endTogether(child);
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  // Awaited at its end; a line that is refused comes before.
  ended.catch(() => {});
  const gone = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  try {
    const evaluations = [];
    let version;
    for await (const line of createInterface({ input: child.stdout })) {
      const told = readTold(line);
      if (told.version !== undefined) version = told.version;
      else onEvaluation(evaluations[evaluations.push(told) - 1]);
    }
    const code = await ended;
    if (code !== 0) throw new UsageError(`PyTorch's run ended with exit code ${code}; its words are above.`);
    return { version, evaluations };
  } finally {
    // Nobody hears it any more.
    child.kill();
    await gone;
    leaveOff();
  }
}

function describeLast(evaluations) {
  const last = evaluations.at(-1);
  return last === undefined ? '–' : `${percent(last.accuracy)} at step ${last.step.toLocaleString('en')}`;
}

/** The table of what each run took, and how many times as long PyTorch did, where both have ended. */
export function formatTimes({ reach, runs }) {
  const cells = runs.map(({ engine, threads, secondsTo: seconds, evaluations }) => [
    engine,
    String(threads),
    ...seconds.map((value) => (value === null ? 'not reached' : formatDuration(1000 * value))),
    describeLast(evaluations),
  ]);
  const ratios = runs.flatMap((run) => {
    if (run.engine !== 'wasm') return [];
    const other = runs.find(({ engine, threads }) => engine !== 'wasm' && threads === run.threads);
    if (other === undefined) return [];
    const ratio = (value, index) => {
      const theirs = other.secondsTo[index];
      return value === null || theirs === null ? '–' : `${(theirs / value).toFixed(2)} x`;
    };
    return [['PyTorch against wasm', String(run.threads), ...run.secondsTo.map(ratio), '']];
  });
  const heading = ['', 'threads', ...reach.map((share) => `${100 * share} % after`), 'ended with'];
  return formatTable([heading, ...cells, ...ratios]);
}

/**
 * Makes the runs of the list one after the other: each has `engine`, `threads`, and `time()`, which resolves with its version
 * and evaluations. The table, and the JSON where a file is named, have those that have ended, also where one fails.
 */
export async function timeRuns(list, result, json) {
  try {
    for (const { engine, threads, time } of list) {
      const { version, evaluations } = await time();
      const times = secondsTo(result.reach, evaluations);
      result.runs.push({ engine, version, threads, secondsTo: times, evaluations });
      if (json !== undefined) await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
    }
  } finally {
    if (result.runs.length > 0) console.log(`\n${formatTimes(result)}`);
  }
}

/** Runs what `parseTimeToAccuracyOptions` returned. */
export async function measureTimeToAccuracy({ reach, threads, settings, python, json }) {
  if (json !== undefined) await prepareOutput('json', json);
  const { pytorch: interpreter } = await findInterpreters(['pytorch'], python);
  const goal = reach.at(-1);
  const described = await describeForPyTorch(settings, goal);
  const files = await ensureSiteFiles();
  const [cpu] = os.cpus();
  const result = {
    version: VERSION,
    date: new Date().toISOString(),
    machine: { cpu: cpu?.model, cores: os.availableParallelism(), loadAverageBefore: os.loadavg()[0] },
    settings,
    reach,
    runs: [],
  };
  const teller =
    (name) =>
    ({ step, accuracy, seconds }) =>
      console.log(`${name}: step ${step}, ${percent(accuracy)} after ${formatDuration(1000 * seconds)}`);
  await withTemporaryFolder('time-to-accuracy', async (folder) => {
    const run = path.join(folder, 'run.json');
    await writeFile(run, JSON.stringify(described));
    const list = threads.flatMap((count) => {
      const own = { ...settings, threads: count };
      const onEvaluation = teller(`pytorch x${count}`);
      return [
        { engine: 'wasm', time: () => timeEngine(own, goal, files, teller(`wasm x${count}`)) },
        { engine: 'pytorch', time: () => timePyTorch({ interpreter, threads: count, run, onEvaluation }) },
      ].map((each) => ({ ...each, threads: count }));
    });
    await timeRuns(list, result, json);
  });
}

/** What a sweep has come to: a row a run, read from the runs' folders, sums over seeds, and the files that hold both. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { finishedRows } from './finished-rows.mjs';
import { UsageError } from './main.mjs';
import { readResumedRun } from './resumed-run.mjs';
import { CHECKPOINT, readWhole, replaceFile } from './run-folder.mjs';
import { parseWritten, readData } from './side-files.mjs';
import { drawSweep } from './sweep-chart.mjs';
import { nameOf, settingsOf } from './sweep-plan.mjs';
import { checkSettings } from './train-options.mjs';

export const SWEEP = 'sweep.json';
const TABLE = 'sweep.csv';
const CHART = 'sweep.svg';
/** What a sweep writes into its folder. */
export const RESULTS = [SWEEP, TABLE, CHART];

/** Of sweep.json; another number is another form. */
const VERSION = 1;

const COLUMNS = [
  'name',
  'recipe',
  'labels',
  'seed',
  'state',
  'step',
  'steps',
  'testAccuracy',
  'trainAccuracy',
  'elapsedMs',
  'engine',
  'adapter',
  'browser',
  'node',
  'sessions',
  'error',
];

function checkpointOf(out, { name }) {
  return path.join(out, name, CHECKPOINT);
}

function readRunIn(out, run, given) {
  return readResumedRun(checkpointOf(out, run), given).catch((error) => {
    throw new UsageError(`${run.name}: ${error.message}`, { cause: error });
  });
}

/** The fingerprint of the data that the runs were begun on; null before the first checkpoint. Rejects as `readRow`. */
export async function fingerprintOfRuns(out, { runs, settings }) {
  const begun = runs.find((run) => existsSync(checkpointOf(out, run)));
  if (begun === undefined) return null;
  return (await readRunIn(out, begun, settingsOf(begun, settings))).fingerprint;
}

/** Updates of a run before its first accuracy; null before its first checkpoint. Rejects as `readRow`. */
export async function stepsBeforeAccuracyOf(out, run, settings) {
  if (!existsSync(checkpointOf(out, run))) return null;
  return (await readRunIn(out, run, settingsOf(run, settings))).unmeasuredSteps;
}

/**
 * The row of a run as its folder has it: `state` is `waiting`, `begun` (it has a checkpoint to go on from) or
 * `finished`; accuracies are those of the last evaluation, null before the first and of a run that ends before. Rejects with a UsageError for a
 * folder that holds another run or a checkpoint that is damaged.
 */
export async function readRow(out, run, settings) {
  const given = settingsOf(run, settings);
  const { steps } = checkSettings(given);
  if (!existsSync(checkpointOf(out, run))) return rowOf(run, { state: 'waiting', step: 0, steps });
  const found = await readRunIn(out, run, given);
  const { step, isFinished, lastEvaluation, sessions, describes } = found;
  const { testAccuracy, trainAccuracy, elapsedMs } = lastEvaluation ?? { elapsedMs: found.elapsedMs };
  return rowOf(run, {
    state: isFinished ? 'finished' : 'begun',
    step,
    steps,
    testAccuracy,
    trainAccuracy,
    elapsedMs,
    engine: describes.engine,
    adapter: describes.adapter,
    browser: describes.browser,
    node: describes.node,
    sessions: sessions.length,
  });
}

/** A row with every column; null stands where there is nothing to say. */
export function rowOf(run, values) {
  const row = { ...run, ...values };
  return Object.fromEntries(COLUMNS.map((column) => [column, row[column] ?? null]));
}

export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of a sample; null for a single value. */
export function standardDeviation(values) {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/**
 * For each recipe and number of labels, in the order of the runs: how many runs there are, how many have finished, how many
 * of those have an accuracy, and mean, sample standard deviation, least and greatest of the last ones (null without any).
 */
export function summarise(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.recipe, row.labels]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => {
    const [{ recipe, labels }] = group;
    const accuracies = finishedRows(group).map((row) => row.testAccuracy);
    const has = accuracies.length > 0;
    return {
      recipe,
      labels,
      runs: group.length,
      finished: group.filter(({ state }) => state === 'finished').length,
      measured: accuracies.length,
      mean: has ? mean(accuracies) : null,
      standardDeviation: standardDeviation(accuracies),
      least: has ? Math.min(...accuracies) : null,
      greatest: has ? Math.max(...accuracies) : null,
    };
  });
}

function cell(value) {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The rows as comma-separated values (RFC 4180), with a heading. */
export function toCsv(rows) {
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))];
  return lines.map((line) => `${line.map(cell).join(',')}\r\n`).join('');
}

/** Writes the three files; `plan` is what `planSweep` gives. */
export async function writeResults(out, { settings, data }, rows) {
  const summary = summarise(rows);
  const whole = { version: VERSION, settings, ...data, summary, runs: rows };
  await replaceFile(path.join(out, SWEEP), `${JSON.stringify(whole, null, 2)}\n`);
  await replaceFile(path.join(out, TABLE), toCsv(rows));
  await replaceFile(path.join(out, CHART), drawSweep(summary, rows));
}

function isRun(run) {
  return (
    typeof run?.recipe === 'string' &&
    Number.isSafeInteger(run.labels) &&
    Number.isSafeInteger(run.seed) &&
    // It is a folder's: no other name may lead elsewhere.
    run.name === nameOf(run)
  );
}

function isPlan({ settings, runs }) {
  const isObject = typeof settings === 'object' && settings !== null && !Array.isArray(settings);
  if (!isObject || !Array.isArray(runs) || !runs.every(isRun)) return false;
  return new Set(runs.map(({ name }) => name)).size === runs.length;
}

/** The plan that sweep.json in this folder tells of; `name` is the folder as the person has it. Throws a UsageError. */
export async function readPlan(out, name) {
  const file = path.join(out, SWEEP);
  const refuse = (what, cause) => {
    throw new UsageError(`--resume: ${path.join(name, SWEEP)} ${what}.`, { cause });
  };
  const text = await readWhole(file, 'utf8').catch((error) =>
    refuse(`cannot be read (${error.code}), so there is no sweep to go on with`, error),
  );
  let plan;
  try {
    plan = parseWritten(text);
  } catch (error) {
    refuse('is damaged; begin the sweep anew in another folder', error);
  }
  if (plan?.version !== VERSION)
    refuse(`has version ${plan?.version}; this build goes on with version ${VERSION}`);
  if (!isPlan(plan)) refuse('is damaged; begin the sweep anew in another folder');
  const runs = plan.runs.map(({ name: run, recipe, labels, seed }) => ({ name: run, recipe, labels, seed }));
  for (const run of runs) checkSettings(settingsOf(run, plan.settings));
  return { settings: plan.settings, runs, data: readData(plan) };
}

/** What a sweep has come to: a row a run, read from the runs' folders, sums over seeds, and the files that hold both. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from './main.mjs';
import { readResumedRun } from './resumed-run.mjs';
import { CHECKPOINT, RUN, replaceFile } from './run-folder.mjs';
import { drawSweep } from './sweep-chart.mjs';
import { settingsOf } from './sweep-plan.mjs';
import { checkSettings } from './train-options.mjs';

export const SWEEP = 'sweep.json';
const TABLE = 'sweep.csv';
const CHART = 'sweep.svg';

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

/**
 * The row of a run as its folder has it: `state` is `waiting`, `begun` (it has a checkpoint to go on from) or
 * `finished`; accuracies are those of the last evaluation, null before the first. Rejects with a UsageError for a
 * folder that holds another run or a checkpoint that is damaged.
 */
export async function readRow(out, run, settings) {
  const given = settingsOf(run, settings);
  const { steps } = checkSettings(given);
  const folder = path.join(out, run.name);
  const file = path.join(folder, CHECKPOINT);
  if (!existsSync(file)) return rowOf(run, { state: 'waiting', step: 0, steps });
  const { step, isFinished, evaluations, sessions } = await readResumedRun(file, given).catch((error) => {
    throw new UsageError(`${run.name}: ${error.message}`, { cause: error });
  });
  const described = JSON.parse(await readFile(path.join(folder, RUN), 'utf8').catch(() => '{}'));
  const { testAccuracy, trainAccuracy, elapsedMs } = evaluations.at(-1) ?? {};
  return rowOf(run, {
    state: isFinished ? 'finished' : 'begun',
    step,
    steps,
    testAccuracy,
    trainAccuracy,
    elapsedMs,
    engine: described.engine,
    adapter: described.adapter,
    browser: described.browser,
    node: described.node,
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
 * For each recipe and number of labels, in the order of the runs: how many runs there are, how many have finished, and
 * mean, sample standard deviation, least and greatest of their last test accuracies (null without any).
 */
export function summarise(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.recipe, row.labels]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => {
    const [{ recipe, labels }] = group;
    const accuracies = group.filter(({ state }) => state === 'finished').map((row) => row.testAccuracy);
    const has = accuracies.length > 0;
    return {
      recipe,
      labels,
      runs: group.length,
      finished: accuracies.length,
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
export async function writeResults(out, { settings }, rows) {
  const summary = summarise(rows);
  const whole = { version: VERSION, settings, summary, runs: rows };
  await replaceFile(path.join(out, SWEEP), `${JSON.stringify(whole, null, 2)}\n`);
  await replaceFile(path.join(out, TABLE), toCsv(rows));
  await replaceFile(path.join(out, CHART), drawSweep(summary, rows));
}

function isRun(run) {
  return (
    typeof run?.name === 'string' &&
    typeof run.recipe === 'string' &&
    Number.isSafeInteger(run.labels) &&
    Number.isSafeInteger(run.seed)
  );
}

/** The plan that sweep.json in this folder tells of; `name` is the folder as the person has it. Throws a UsageError. */
export async function readPlan(out, name) {
  const file = path.join(out, SWEEP);
  const refuse = (what, cause) => {
    throw new UsageError(`--resume: ${path.join(name, SWEEP)} ${what}.`, { cause });
  };
  const text = await readFile(file, 'utf8').catch((error) =>
    refuse(`cannot be read (${error.code}), so there is no sweep to go on with`, error),
  );
  let plan;
  try {
    plan = JSON.parse(text);
  } catch (error) {
    refuse('is damaged; begin the sweep anew in another folder', error);
  }
  if (plan?.version !== VERSION)
    refuse(`has version ${plan?.version}; this build goes on with version ${VERSION}`);
  if (!Array.isArray(plan.runs) || !plan.runs.every(isRun) || typeof plan.settings !== 'object') {
    refuse('is damaged; begin the sweep anew in another folder');
  }
  const runs = plan.runs.map(({ name: run, recipe, labels, seed }) => ({ name: run, recipe, labels, seed }));
  for (const run of runs) checkSettings(settingsOf(run, plan.settings));
  return { settings: plan.settings, runs };
}

/** What the repairs have come to: sums over seeds for each choice and number of labels, and the files that hold them. */

import path from 'node:path';
import { finishedRows } from './finished-rows.mjs';
import { UsageError } from './main.mjs';
import { machineOf } from './protocol-results.mjs';
import { CHOICES, RECIPE } from './repairs-options.mjs';
import { readWhole, replaceFile } from './run-folder.mjs';
import { parseWritten } from './side-files.mjs';
import { mean, standardDeviation } from './sweep-results.mjs';
import { checkSettings } from './train-options.mjs';

export const TABLE = 'repairs.md';
export const RECORD = 'repairs.json';
export const RUNS = 'repairs.csv';

/** Of repairs.json; another number is another form. */
const VERSION = 1;

/**
 * For each number of labels and each choice: its finished runs, the mean and deviation of their accuracies, and `gain`,
 * the mean less that of the choice that it is held against; null where there is none. `rowsOf` has the sweep's rows by
 * the name of the choice.
 */
export function summariseRepairs(labels, rowsOf) {
  return labels.flatMap((count) => {
    const groups = CHOICES.map(({ name, words, repairs, against }) => {
      const finished = finishedRows(rowsOf.get(name) ?? []).filter((row) => row.labels === count);
      const runs = finished.map(({ seed, testAccuracy, step, elapsedMs }) => ({
        seed,
        accuracy: testAccuracy,
        steps: step,
        seconds: Math.round(elapsedMs / 100) / 10,
      }));
      const accuracies = runs.map(({ accuracy }) => accuracy);
      return {
        labels: count,
        choice: words,
        name,
        repairs,
        against,
        runs,
        mean: runs.length === 0 ? null : mean(accuracies),
        deviation: standardDeviation(accuracies),
      };
    });
    return groups.map((group) => {
      const other = groups.find(({ name }) => name === group.against)?.mean ?? null;
      return { ...group, gain: other === null || group.mean === null ? null : group.mean - other };
    });
  });
}

const percent = (share) => (share === null ? '–' : (100 * share).toFixed(2));
const points = (gain) => (gain < 0 ? '−' : '+') + Math.abs(100 * gain).toFixed(2);

function line({ choice, against, gain, runs, ...group }) {
  const each = runs.map(({ accuracy }) => percent(accuracy)).join(', ');
  const difference = gain === null ? '' : `${points(gain)} against ${against}`;
  return `| ${choice} | ${percent(group.mean)} | ${each === '' ? '–' : each} | ${difference} |`;
}

/** The groups of `summariseRepairs` as Markdown: a table for each number of labels. */
export function repairsMarkdown(groups, { evaluatedOn, steps, seeds }) {
  const labels = [...new Set(groups.map((group) => group.labels))];
  const tables = labels.map(
    (count) => `## ${count} labels

| repairs | mean | seeds ${seeds.join(', ')} | points |
|---|---:|---|---:|
${groups
  .filter((group) => group.labels === count)
  .map(line)
  .join('\n')}`,
  );
  return `# What each repair of the notebook buys

Written by \`npm run repairs\`: accuracy in % on ${evaluatedOn} after ${steps} steps of \`${RECIPE}\`, looked at once, as many labels of
each class. A repair by itself is held against none, its absence against all.

${tables.join('\n\n')}
`;
}

/** A line for each run, with a heading. */
export function repairsCsv(groups) {
  const lines = groups.flatMap(({ labels, choice, repairs, runs }) =>
    runs.map(({ seed, accuracy, steps, seconds }) =>
      [labels, choice, `"${repairs}"`, seed, accuracy, steps, seconds].join(','),
    ),
  );
  return ['labels,choice,repairs,seed,accuracy,steps,seconds', ...lines]
    .map((text) => `${text}\r\n`)
    .join('');
}

function isAsked(asked) {
  const lists = [asked?.labels, asked?.seeds];
  return (
    lists.every((list) => Array.isArray(list) && list.every(Number.isSafeInteger)) &&
    typeof asked.settings === 'object' &&
    asked.settings !== null &&
    (asked.validation === undefined || (Number.isSafeInteger(asked.validation) && asked.validation > 0))
  );
}

/** What the table in this folder was asked for; `name` is the folder as the person has it. Throws a UsageError. */
export async function readAsked(out, name) {
  const file = path.join(name, RECORD);
  const text = await readWhole(path.join(out, RECORD), 'utf8').catch((error) => {
    throw new UsageError(
      `--resume: ${file} cannot be read (${error.code}), so there is no table to go on with.`,
    );
  });
  let record;
  try {
    record = parseWritten(text);
  } catch {
    record = null;
  }
  if (record?.version === VERSION && isAsked(record.asked)) return record.asked;
  throw new UsageError(
    `--resume: ${file} is damaged, or of another version; begin the table anew in another folder.`,
  );
}

/** Writes the three files; resolves with the Markdown. */
export async function writeRepairsResults(out, asked, rowsOf) {
  const { settings, labels, seeds, validation } = asked;
  const groups = summariseRepairs(labels, rowsOf);
  const { steps } = checkSettings({ ...settings, recipe: RECIPE });
  const evaluatedOn = validation === undefined ? 'the test images' : `the last ${validation} training images`;
  const [first] = [...rowsOf.values()].flat().filter(({ state }) => state === 'finished');
  const record = {
    version: VERSION,
    recipe: RECIPE,
    asked,
    steps,
    evaluatedOn,
    machine: machineOf(first),
    groups,
  };
  await replaceFile(path.join(out, RECORD), `${JSON.stringify(record, null, 2)}\n`);
  await replaceFile(path.join(out, RUNS), repairsCsv(groups));
  const markdown = repairsMarkdown(groups, { evaluatedOn, steps, seeds });
  await replaceFile(path.join(out, TABLE), markdown);
  return markdown;
}

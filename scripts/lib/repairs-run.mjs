/** The table of repairs from its options to its exit code: a sweep for each choice of repairs, one after the other. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { claimFolder } from './claimed-folder.mjs';
import { interruptionSignal } from './interruption.mjs';
import { commandLine, pathWord, resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { CHOICES, RECIPE, USUAL } from './repairs-options.mjs';
import { RECORD, RUNS, TABLE, readAsked, writeRepairsResults } from './repairs-results.mjs';
import { clearPartialFiles, contentsOf } from './run-folder.mjs';
import { checkUnchanged, planSweep } from './sweep-plan.mjs';
import { sweep } from './sweep-run.mjs';
import { SWEEP, readPlan, readRow } from './sweep-results.mjs';

function resumeLine(name) {
  return commandLine('repairs', ['--resume', '--out', pathWord(name)]);
}

function withMore(list, more) {
  return [...new Set([...list, ...(more ?? [])])];
}

/** What is asked for in all: of a table that goes on, what it was begun with and what is added to it. */
export async function askedFor(out, options) {
  const { out: name, isResumed, settings, labels, seeds, validation } = options;
  if (!isResumed) {
    const isEmpty = !existsSync(out) || contentsOf(out).length === 0;
    if (isEmpty)
      return { ...USUAL, settings, ...(labels && { labels }), ...(seeds && { seeds }), validation };
    const advice = existsSync(path.join(out, RECORD))
      ? `, or go on with the table in it: ${resumeLine(name)}`
      : '';
    throw new UsageError(`--out ${name} exists and is not empty. Name another folder${advice}.`);
  }
  const earlier = await readAsked(out, name);
  if (validation !== undefined && validation !== earlier.validation) {
    const begun = earlier.validation === undefined ? 'without it' : `with ${earlier.validation}`;
    throw new UsageError(
      `--validation ${validation} contradicts the table, which was begun ${begun}: leave it out to go on.`,
    );
  }
  checkUnchanged(settings, earlier.settings, 'table');
  return {
    ...earlier,
    settings: { ...earlier.settings, ...settings },
    labels: withMore(earlier.labels, labels),
    seeds: withMore(earlier.seeds, seeds),
  };
}

/** What the sweep of a choice is asked for. */
function sweepOf({ repairs }, { settings, labels, seeds, validation }) {
  const lists = { recipes: [RECIPE], labels, seeds };
  return { settings: { ...settings, repairs }, lists, validation };
}

/**
 * The rows of each choice's sweep, as it will be, by its name. Throws a UsageError where a sweep would refuse what is asked
 * for, or the runs that there are: before that is written down for good.
 */
async function readRows(out, name, asked) {
  const rows = new Map();
  for (const choice of CHOICES) {
    const folder = path.join(out, choice.name);
    const isBegun = existsSync(path.join(folder, SWEEP));
    const begun = isBegun ? await readPlan(folder, path.join(name, choice.name)) : null;
    const { runs, settings } = planSweep(sweepOf(choice, asked), begun);
    if (isBegun) rows.set(choice.name, await Promise.all(runs.map((run) => readRow(folder, run, settings))));
  }
  return rows;
}

/** Runs what `parseRepairsOptions` returned; resolves with the exit code. The table belongs to one process. */
export async function measureRepairs(options) {
  const { out: name } = options;
  const out = resolveGiven(name);
  const release = await claimFolder({ out, name });
  try {
    await clearPartialFiles(out, [RECORD, TABLE, RUNS]);
    return await measureIn(out, options);
  } finally {
    await release();
  }
}

async function measureIn(out, options) {
  const { out: name, jobs } = options;
  const asked = await askedFor(out, options);
  const write = async () => {
    const rows = await readRows(out, name, asked);
    return writeRepairsResults(out, asked, rows).catch((error) => {
      throw new UsageError(`The table in ${name} cannot be written: ${error.message}`, { cause: error });
    });
  };
  await write();
  let code = 0;
  for (const [index, choice] of CHOICES.entries()) {
    console.log(`${choice.words} (${index + 1} of ${CHOICES.length})`);
    const own = await sweep({
      out: path.join(name, choice.name),
      isResumed: existsSync(path.join(out, choice.name, SWEEP)),
      resumeCommand: resumeLine(name),
      jobs,
      browser: 'chrome',
      ...sweepOf(choice, asked),
    });
    if (own !== 0) code = own;
    await write();
    if (interruptionSignal.aborted) break;
  }
  console.log(`\n${await write()}`);
  console.log(`The table is ${path.join(name, TABLE)}.`);
  return code;
}

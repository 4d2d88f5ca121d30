/** A protocol from its options to its exit code: a sweep over draws, and what it comes to. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { EARLIER, checkEarlier, joinedText, readEarlier, takenDraws } from './earlier-protocol.mjs';
import { stepsBeforeAccuracy } from './first-accuracy.mjs';
import { commandLine, pathWord, resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { PROTOCOL, VERSION, describeProtocol, writeProtocol } from './protocol-results.mjs';
import { dataOf, readLabels } from './run-data.mjs';
import { contradiction, planSweep, settingsOf, valuesOf } from './sweep-plan.mjs';
import { sweep } from './sweep-run.mjs';
import { SWEEP, readPlan, readRow, stepsBeforeAccuracyOf } from './sweep-results.mjs';
import { checkSettings } from './train-options.mjs';

const percent = (share) => (share === null ? '–' : `${(100 * share).toFixed(2)} %`);

/**
 * What a protocol is of, from its options and, where it goes on, from what there is: `recipe`, `labels`, `seeds`, null where
 * none are added, and what it trains on. Throws a UsageError where the options contradict what there is.
 */
export function protocolOf({ settings, draws, ...given }, earlier) {
  const seeds = draws === undefined ? null : Array.from({ length: draws }, (_, index) => index + 1);
  if (earlier === null) {
    const { recipe, labels } = settings;
    return { recipe, labels, seeds, ...dataOf(given) };
  }
  const single = (key) => {
    const [value] = valuesOf(earlier.runs, key);
    if (settings[key] === undefined || settings[key] === value) return value;
    throw contradiction(key, settings[key], value, 'protocol');
  };
  return {
    ...{ recipe: single('recipe'), labels: single('labels'), seeds },
    ...dataOf(given, earlier.data),
  };
}

/** The seeds that the earlier protocols' draws leave; null stays null. Throws a UsageError where a new one has none left. */
function seedsLeft(seeds, taken, { addTo, isResumed }) {
  if (seeds === null) return null;
  const left = seeds.filter((seed) => !taken.some(({ draw }) => draw === seed));
  if (left.length > 0 || isResumed) return left;
  throw new UsageError(
    `--add-to ${addTo} has all of the ${seeds.length} draws that are asked for; ask for more by --draws.`,
  );
}

/** Whether a sweep is what a protocol makes: of one recipe and number of labels, balanced, evaluated once. */
function isOfProtocol({ runs, settings }) {
  const isSingle = ['recipe', 'labels'].every((key) => valuesOf(runs, key).length === 1);
  return isSingle && settings.balanced === true && settings.evalEvery === 0;
}

/** The plan of the sweep in the folder, null for a protocol that begins. Throws a UsageError where that is no protocol's. */
export async function readBegun(out, { out: name, isResumed }) {
  if (!isResumed && !existsSync(path.join(out, SWEEP))) return null;
  // What is damaged is told where the sweep of a new protocol would go.
  const plan = await (isResumed ? readPlan(out, name) : readPlan(out, name).catch(() => null));
  if (plan === null || isOfProtocol(plan)) return isResumed ? plan : null;
  const advice = commandLine('sweep', ['--resume', '--out', pathWord(name)]);
  throw new UsageError(
    `--out ${name} holds a sweep, not a protocol. Go on with it: ${advice}, or name another folder.`,
  );
}

/** Throws a UsageError where a run of the plan would end before its first accuracy, which its draw is to come to. */
async function checkSteps(out, { runs, settings }) {
  const { steps, ...others } = checkSettings(settingsOf(runs[0], settings));
  const ofNew = stepsBeforeAccuracy({ ...others, steps });
  for (const run of runs) {
    const before = (await stepsBeforeAccuracyOf(out, run, settings)) ?? ofNew;
    if (steps > before) continue;
    throw new UsageError(
      `--steps ${steps} ends before there is an accuracy, which ${run.name} has from step ${before + 1} on. Give it more.`,
    );
  }
}

/** Runs what `parseProtocolOptions` returned; resolves with the exit code. */
export async function protocol(options) {
  const { out: name, addTo, isResumed, resumeCommand, jobs, data, validation } = options;
  const out = resolveGiven(name);
  const begun = await readBegun(out, options);
  const { recipe, labels, seeds, ...images } = protocolOf(options, begun);
  const settings = { ...options.settings };
  delete settings.recipe;
  delete settings.labels;
  // Before the long part: what cannot be read, or does not go together, is told at once.
  const lists = {
    recipes: isResumed ? null : [recipe],
    labels: isResumed ? null : [labels],
  };
  const planned = planSweep({ lists: { ...lists, seeds }, settings }, begun);
  if (!isResumed || settings.steps !== undefined) await checkSteps(out, planned);
  const labelsOf = await readLabels(images);
  const earlier = await readEarlier({ addTo, out, version: VERSION });
  const taken = takenDraws(earlier);
  const describe = (plan) => describeProtocol({ recipe, labels, ...plan }, labelsOf);
  const own = describe({ ...planned, data: { ...images, data: resolveGiven(images.data) } });
  // Refuses more labels than there are.
  own.labelled(planned.runs[0].seed);
  for (const each of earlier) checkEarlier(each, own);
  const code = await sweep({
    out: name,
    isResumed,
    resumeCommand,
    what: 'protocol',
    settings,
    lists: { ...lists, seeds: seedsLeft(seeds, taken, options) },
    jobs,
    browser: 'chrome',
    data,
    validation,
    besides: earlier.length === 0 ? {} : { [EARLIER]: joinedText(earlier, labelsOf.evaluated.length) },
  });
  const plan = await readPlan(out, name);
  const rows = await Promise.all(plan.runs.map((run) => readRow(out, run, plan.settings)));
  const result = await writeProtocol(out, describe(plan), rows, taken, labelsOf.evaluated.length).catch(
    (error) => {
      const file = path.join(name, PROTOCOL);
      throw new UsageError(`${file} cannot be written: ${error.message}`, { cause: error });
    },
  );
  console.log(
    `${recipe}, ${labels} labels, ${result.draws.length} draws: mean ${percent(result.mean)}, deviation ` +
      `${percent(result.deviation)}, worst ${percent(result.worst)} (${path.join(name, PROTOCOL)})`,
  );
  return code;
}

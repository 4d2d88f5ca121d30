/** A protocol from its options to its exit code: a sweep over draws, and what it comes to. */

import path from 'node:path';
import { EARLIER, checkEarlier, readEarlier, takenDraws } from './earlier-protocol.mjs';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { PROTOCOL, VERSION, describeProtocol, writeProtocol } from './protocol-results.mjs';
import { dataOf, readLabels } from './run-data.mjs';
import { replaceFile } from './run-folder.mjs';
import { contradiction, valuesOf } from './sweep-plan.mjs';
import { sweep } from './sweep-run.mjs';
import { readPlan, readRow } from './sweep-results.mjs';

const percent = (share) => (share === null ? '–' : `${(100 * share).toFixed(2)} %`);

/**
 * What a protocol is of, from its options and, where it goes on, from what there is: `recipe`, `labels`, `seeds`, null where
 * none are added, and what it trains on. Throws a UsageError where the folder holds something else.
 */
export function protocolOf({ out, settings, draws, ...given }, earlier) {
  const seeds = draws === undefined ? null : Array.from({ length: draws }, (_, index) => index + 1);
  if (earlier === null) {
    const { recipe, labels } = settings;
    return { recipe, labels, seeds, ...dataOf(given) };
  }
  const single = (key) => {
    const [value, ...others] = valuesOf(earlier.runs, key);
    if (value === undefined || others.length > 0) {
      throw new UsageError(`--resume: ${out} holds a sweep, not a protocol; go on with it by npm run sweep.`);
    }
    if (settings[key] === undefined || settings[key] === value) return value;
    throw contradiction(key, settings[key], value, 'protocol');
  };
  return {
    ...{ recipe: single('recipe'), labels: single('labels'), seeds },
    ...dataOf(given, earlier.data),
  };
}

/** The seeds that the earlier protocol's draws leave; null stays null. Throws a UsageError where it leaves none. */
function seedsLeft(seeds, taken, { addTo }) {
  if (seeds === null) return null;
  const left = seeds.filter((seed) => !taken.some(({ draw }) => draw === seed));
  if (left.length > 0 || addTo === undefined) return left;
  throw new UsageError(
    `--add-to ${addTo} has all of the ${seeds.length} draws that are asked for; ask for more by --draws.`,
  );
}

/** Runs what `parseProtocolOptions` returned; resolves with the exit code. */
export async function protocol(options) {
  const { out: name, addTo, isResumed, resumeCommand, jobs, data, validation } = options;
  const out = resolveGiven(name);
  const begun = isResumed ? await readPlan(out, name) : null;
  const { recipe, labels, seeds, ...images } = protocolOf(options, begun);
  // Before the long part: what cannot be read, or does not go together, is told at once.
  const labelsOf = await readLabels(images);
  const settings = { ...options.settings };
  delete settings.recipe;
  delete settings.labels;
  const earlier = await readEarlier({ addTo, out, version: VERSION });
  const taken = takenDraws(earlier);
  const describe = (plan) => describeProtocol({ recipe, labels, ...plan }, labelsOf);
  if (earlier !== null) {
    const planned = { ...images, data: resolveGiven(images.data) };
    checkEarlier(earlier, describe({ settings: { ...begun?.settings, ...settings }, data: planned }));
  }
  const code = await sweep({
    out: name,
    isResumed,
    resumeCommand,
    settings,
    lists: {
      recipes: isResumed ? null : [recipe],
      labels: isResumed ? null : [labels],
      seeds: seedsLeft(seeds, taken, options),
    },
    jobs,
    browser: 'chrome',
    data,
    validation,
  });
  if (earlier !== null) await replaceFile(path.join(out, EARLIER), earlier.text);
  const plan = await readPlan(out, name);
  const rows = await Promise.all(plan.runs.map((run) => readRow(out, run, plan.settings)));
  const result = await writeProtocol(out, describe(plan), rows, taken, labelsOf.evaluated.length);
  console.log(
    `${recipe}, ${labels} labels, ${result.draws.length} draws: mean ${percent(result.mean)}, deviation ` +
      `${percent(result.deviation)}, worst ${percent(result.worst)} (${path.join(name, PROTOCOL)})`,
  );
  return code;
}

/** A protocol from its options to its exit code: a sweep over draws, and what it comes to. */

import path from 'node:path';
import { resolveGiven } from './invocation.mjs';
import { PROTOCOL, writeProtocol } from './protocol-results.mjs';
import { sweep } from './sweep-run.mjs';
import { readPlan, readRow } from './sweep-results.mjs';

const percent = (share) => (share === null ? '–' : `${(100 * share).toFixed(2)} %`);

/** Runs what `parseProtocolOptions` returned; resolves with the exit code. */
export async function protocol(options) {
  const { out: name, isResumed, resumeCommand, jobs, data, validation, draws } = options;
  const { recipe, labels, ...settings } = options.settings;
  const seeds = Array.from({ length: draws }, (_, index) => index + 1);
  const lists = { recipes: [recipe], labels: [labels], seeds };
  const code = await sweep({
    out: name,
    isResumed,
    resumeCommand,
    settings,
    lists,
    jobs,
    browser: 'chrome',
    data,
    validation,
  });
  const out = resolveGiven(name);
  const plan = await readPlan(out, name);
  const rows = await Promise.all(plan.runs.map((run) => readRow(out, run, plan.settings)));
  const result = await writeProtocol(out, options, rows);
  console.log(
    `${recipe}, ${labels} labels, ${result.draws.length} draws: mean ${percent(result.mean)}, deviation ` +
      `${percent(result.deviation)}, worst ${percent(result.worst)} (${path.join(name, PROTOCOL)})`,
  );
  return code;
}

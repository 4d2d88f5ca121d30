/** Runs groups of tests one after the other, goes on after a failed one, and sums what they count. */

import { parseArgs } from 'node:util';
import { UsageError } from './main.mjs';
import { groupFiles, testFilesIn } from './test-files.mjs';
import {
  NO_TESTS,
  build,
  checkTypes,
  lint,
  runBrowserTests,
  runPageTests,
  runUnitTests,
} from './test-groups.mjs';

const CHECKS = { types: checkTypes, lint, build };
const GROUPS = ['types', 'lint', 'build', 'unit', 'worker', 'ui', 'page'];

function parse(args) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { only: { type: 'string', multiple: true } } });
  } catch (error) {
    throw new UsageError(`${error.message} Takes test files and --only with ${GROUPS.join(', ')}.`);
  }
}

/**
 * What to run: everything, the groups of `--only`, or the files named. Returns the checks and the
 * files of each group of tests.
 */
export function planTests(args, folders) {
  const { values, positionals } = parse(args);
  const only = values.only?.flatMap((names) => names.split(','));
  const unknown = only?.find((name) => !GROUPS.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--only ${unknown}: there is no such group; the groups are ${GROUPS.join(', ')}.`);
  }
  const named = positionals.length > 0 ? groupFiles(positionals, folders) : undefined;
  const isWanted = (group) => only?.includes(group) ?? true;
  const filesOf = (group) => {
    if (!isWanted(group)) return [];
    return named === undefined ? testFilesIn(folders[group]) : named[group];
  };
  const files = {
    unit: filesOf('unit'),
    browser: [...filesOf('worker'), ...filesOf('ui')],
    page: filesOf('page'),
  };
  // The page tests drive the built site, so they bring the build with them.
  const isChecked = (check) =>
    (check === 'build' && files.page.length > 0) || (only?.includes(check) ?? named === undefined);
  return { checks: Object.keys(CHECKS).filter(isChecked), files };
}

/** Runs the plan; returns the summed counts. */
export async function runPlan({ checks, files }) {
  const parts = [
    ...checks.map((check) => [check, CHECKS[check]]),
    ...[
      ['unit tests', files.unit, runUnitTests],
      ['browser tests', files.browser, runBrowserTests],
      ['page tests', files.page, runPageTests],
    ]
      .filter(([, list]) => list.length > 0)
      .map(([title, list, run]) => [title, () => run(list)]),
  ];
  const total = { ...NO_TESTS };
  for (const [title, run] of parts) {
    console.log(`\n== ${title} ==`);
    const startMs = performance.now();
    const counts = await run();
    for (const key of Object.keys(total)) total[key] += counts[key];
    console.log(`-- ${title}: ${counts.failed === 0 ? 'ok' : 'FAILED'}, ${seconds(startMs)} s`);
  }
  return total;
}

function seconds(sinceMs) {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}

/** Prints the last line of every test run and returns the exit code. */
export function finish(total) {
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

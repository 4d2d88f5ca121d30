/** Runs groups of tests, goes on after a failed one, and sums what they count. */

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

/**
 * What runs after what. Side by side is what leaves a core idle by itself: compilers of one thread, and browsers, which
 * wait for their GPU and for their pages.
 */
const ORDER = [['types', 'lint'], ['build'], ['unit'], ['browser', 'page']];
const TITLES = { unit: 'unit tests', browser: 'browser tests', page: 'page tests' };

/** Runs the plan; returns the summed counts. */
export async function runPlan({ checks, files }) {
  const runs = {
    ...Object.fromEntries(checks.map((check) => [check, CHECKS[check]])),
    unit: files.unit.length > 0 && (() => runUnitTests(files.unit)),
    browser: files.browser.length > 0 && (() => runBrowserTests(files.browser)),
    page: files.page.length > 0 && (() => runPageTests(files.page)),
  };
  const total = { ...NO_TESTS };
  for (const together of ORDER) {
    const parts = together.filter((part) => runs[part]);
    const all = await Promise.all(parts.map((part) => runPart(TITLES[part] ?? part, runs[part])));
    for (const counts of all) for (const key of Object.keys(total)) total[key] += counts[key];
  }
  return total;
}

async function runPart(title, run) {
  console.log(`\n== ${title} ==`);
  const startMs = performance.now();
  const counts = await run();
  console.log(`-- ${title}: ${counts.failed === 0 ? 'ok' : 'FAILED'}, ${seconds(startMs)} s`);
  return counts;
}

function seconds(sinceMs) {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}

/** Prints the last line of every test run and returns the exit code. */
export function finish(total) {
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

/** A reporter for the browser tests that counts them: `passed`, `failed`, `skipped` into a JSON file. */

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

function* allTests(suite, titles = []) {
  for (const test of suite.tests) yield { ...test, title: [...titles, test.name].join(' ') };
  for (const inner of suite.suites) yield* allTests(inner, [...titles, inner.name]);
}

/**
 * Counts of finished sessions (a session is a test file). A file that fails without a failed test
 * (it does not load, it throws outside tests, it has no tests) is one failure. Where
 * `requireEveryTest` is set, a skipped test is a failure.
 */
export function countSessions(sessions, requireEveryTest) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { testFile, testResults, errors, passed } of sessions) {
    const tests = testResults === undefined ? [] : [...allTests(testResults)];
    const failedBefore = counts.failed;
    for (const test of tests) {
      if (test.skipped && requireEveryTest) {
        counts.failed += 1;
        console.log(`FAILED ${testFile}: "${test.title}" was skipped, and REQUIRE_WEBGPU=1 forbids that`);
      } else if (test.skipped) counts.skipped += 1;
      else if (test.passed) counts.passed += 1;
      else counts.failed += 1;
    }
    const isBroken = passed !== true || errors.length > 0 || tests.length === 0;
    if (isBroken && counts.failed === failedBefore) counts.failed += 1;
  }
  return counts;
}

/** Reporter of @web/test-runner that writes the counts to `file`. */
export function countReporter({ file, requireEveryTest }) {
  return {
    onTestRunFinished({ sessions }) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(countSessions([...sessions], requireEveryTest)));
    },
  };
}

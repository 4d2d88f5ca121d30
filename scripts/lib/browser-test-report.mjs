/** A reporter for the browser tests that counts them: `passed`, `failed`, `skipped` into a JSON file. */

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './paths.mjs';

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
  for (const { testResults, errors, passed } of sessions) {
    const tests = testResults === undefined ? [] : [...allTests(testResults)];
    const failedBefore = counts.failed;
    for (const test of tests) {
      if (test.skipped && requireEveryTest) {
        counts.failed += 1;
      } else if (test.skipped) counts.skipped += 1;
      else if (test.passed) counts.passed += 1;
      else counts.failed += 1;
    }
    const isBroken = passed !== true || errors.length > 0 || tests.length === 0;
    if (isBroken && counts.failed === failedBefore) counts.failed += 1;
  }
  return counts;
}

/** A test that takes longer is told with its time: `npm test` has little of it. */
const LONG_MS = 5000;

function* longTests(sessions) {
  for (const { testResults } of sessions) {
    if (testResults === undefined) continue;
    for (const { title, duration } of allTests(testResults)) {
      if (duration > LONG_MS) yield `${(duration / 1000).toFixed(1).padStart(6)} s  ${title}`;
    }
  }
}

/** Titles of the skipped tests, each with its file. */
function skippedTitles(sessions) {
  return [...sessions].flatMap(({ testFile, testResults }) =>
    testResults === undefined
      ? []
      : [...allTests(testResults)]
          .filter((test) => test.skipped)
          .map(({ title }) => `${path.relative(ROOT, testFile)}: ${title}`),
  );
}

function forbidden(title) {
  return `FAILED ${title}: it was skipped, and REQUIRE_WEBGPU=1 forbids that`;
}

/** Reporter of @web/test-runner that prints a line a test file and writes the counts to `file`. */
export function countReporter({ file, requireEveryTest }) {
  return {
    reportTestFileResults({ logger, sessionsForTestFile, testFile }) {
      const { passed, failed, skipped } = countSessions(sessionsForTestFile, requireEveryTest);
      logger.log(`${path.relative(ROOT, testFile)}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
      for (const line of longTests(sessionsForTestFile)) logger.log(line);
    },
    onTestRunFinished({ sessions }) {
      if (requireEveryTest) for (const title of skippedTitles(sessions)) console.log(forbidden(title));
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(countSessions([...sessions], requireEveryTest)));
    },
  };
}

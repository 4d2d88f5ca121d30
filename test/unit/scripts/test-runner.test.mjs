/** Which tests are run, and how they are counted. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countSessions } from '../../../scripts/lib/browser-test-report.mjs';
import { planTests } from '../../../scripts/lib/run-tests.mjs';
import { TEST_FOLDERS } from '../../../scripts/lib/test-files.mjs';

const suite = (...tests) => ({ name: '', suites: [{ name: 'inner', suites: [], tests }], tests: [] });
const session = (testResults, rest = {}) => ({
  testFile: 'a.test.ts',
  passed: true,
  errors: [],
  testResults,
  ...rest,
});
const passed = { name: 'a', passed: true, skipped: false };
const failed = { name: 'b', passed: false, skipped: false };
const skipped = { name: 'c', passed: true, skipped: true };

test('browser tests are counted: passed, failed and skipped ones in inner suites', () => {
  const sessions = [session(suite(passed, failed, skipped), { passed: false }), session(suite(passed))];
  assert.deepEqual(countSessions(sessions, false), { passed: 2, failed: 1, skipped: 1 });
});

test('a skipped test is a failure where every test is required', () => {
  assert.deepEqual(countSessions([session(suite(passed, skipped))], true), {
    passed: 1,
    failed: 1,
    skipped: 0,
  });
});

test('a file that does not load, throws outside its tests or has none is a failure', () => {
  const broken = [
    session(undefined, { passed: false, errors: [{ message: 'cannot import' }] }),
    session(suite(passed), { errors: [{ message: 'thrown later' }] }),
    session(suite()),
  ];
  assert.deepEqual(countSessions(broken, false), { passed: 1, failed: 3, skipped: 0 });
});

test('files run alone, without the checks', () => {
  const { checks, files } = planTests(['test/unit/scripts/lock.test.mjs'], TEST_FOLDERS);
  assert.deepEqual(checks, []);
  assert.deepEqual(files, { unit: ['test/unit/scripts/lock.test.mjs'], browser: [], page: [] });
});

test('everything runs when nothing is named', () => {
  const { checks, files } = planTests([], TEST_FOLDERS);
  assert.deepEqual(checks, ['types', 'lint', 'build']);
  assert.ok(files.unit.includes('test/unit/scripts/lock.test.mjs'));
});

test('an unknown group and a file that is no test are refused', () => {
  assert.throws(
    () => planTests(['--only', 'units'], TEST_FOLDERS),
    /no such group; the groups are types, lint/,
  );
  assert.throws(() => planTests(['scripts/test.mjs'], TEST_FOLDERS), /is not a test file/);
});

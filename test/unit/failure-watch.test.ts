/** A device's failure reaches whoever waits, and whoever comes later. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureWatch, toTrainerError } from '../../src/worker/engine/device/failure-watch.js';
import { TrainerError } from '../../src/protocol/errors.js';

const lost = new TrainerError('DeviceLost', 'gone');
const never = new Promise<never>(() => undefined);

test('work settles as it would while all is well', async () => {
  const watch = new FailureWatch();
  watch.check();
  assert.equal(await watch.guard(Promise.resolve(7)), 7);
  await assert.rejects(watch.guard(Promise.reject(new RangeError('own'))), {
    name: 'RangeError',
    message: 'own',
  });
  assert.equal(watch.failure, null);
});

test('work that would never settle rejects with the failure', async () => {
  const watch = new FailureWatch();
  const waiting = [watch.guard(never), watch.guard(never)];
  watch.fail(lost);
  for (const each of waiting) await assert.rejects(each, lost);
});

test('what comes after a failure rejects with it, though its own work succeeds', async () => {
  const watch = new FailureWatch();
  watch.fail(lost);
  assert.throws(() => watch.check(), lost);
  await assert.rejects(watch.guard(Promise.resolve(1)), lost);
});

test('the first failure is the one that is told', async () => {
  const watch = new FailureWatch();
  const waiting = watch.guard(never);
  watch.fail(lost);
  watch.fail(new TrainerError('Internal', 'a consequence'));
  await assert.rejects(waiting, lost);
  assert.equal(watch.failure, lost);
});

test("an error of work that fails because the device did is the device's", async () => {
  const watch = new FailureWatch();
  let failWork: (error: Error) => void = () => undefined;
  const work = watch.guard(
    new Promise((_, reject) => {
      failWork = reject;
    }),
  );
  watch.fail(lost);
  failWork(new Error('buffer was destroyed'));
  await assert.rejects(work, lost);
});

test('memory that runs out and reads that are broken off get their kind, the rest stays as it is', () => {
  const kindOf = (error: unknown): string => (toTrainerError(error) as Error).name;
  assert.equal(kindOf(new RangeError('Array buffer allocation failed')), 'OutOfMemory');
  assert.equal(kindOf(new RangeError('Invalid typed array length: 99999999999')), 'OutOfMemory');
  assert.equal(kindOf(new WebAssembly.RuntimeError('Aborted(OOM). Build with …')), 'OutOfMemory');
  assert.equal(kindOf(new DOMException('unmapped', 'AbortError')), 'DeviceLost');
  assert.equal(kindOf(new TypeError('x is undefined')), 'TypeError');
  assert.equal(toTrainerError(lost), lost);
  assert.equal(toTrainerError('words'), 'words');
});

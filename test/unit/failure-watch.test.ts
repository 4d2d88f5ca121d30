/** A device's failure reaches whoever waits, and whoever comes later. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureWatch, toTrainerError } from '../../src/worker/engine/device/failure-watch.js';
import { NoAnswer } from '../../src/worker/engine/device/answer.js';
import { TrainerError } from '../../src/protocol/errors.js';
import { settle } from './support/gate.js';
import { Timers } from './support/timers.js';

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

test('work that fails after the device did is nobody’s unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', hear);
  try {
    const watch = new FailureWatch();
    watch.fail(lost);
    await assert.rejects(watch.guard(Promise.reject(new Error('own'))), lost);
    await settle();
  } finally {
    process.off('unhandledRejection', hear);
  }
  assert.deepEqual(unhandled, []);
});

test('a device that says nothing for its limit while it is waited for is lost', async () => {
  const timers = new Timers();
  const watch = new FailureWatch({ silenceLimitMs: 60_000, start: timers.start });
  const waiting = watch.guard(never);
  timers.pass(59_000);
  assert.equal(watch.failure, null);
  timers.pass(1_000);
  await assert.rejects(waiting, { name: 'DeviceLost', message: 'The GPU did not answer within 60 s.' });
  assert.ok((watch.failure as unknown) instanceof NoAnswer);
  assert.equal(timers.count, 0);
});

test('each answer gives a device its whole time again', async () => {
  const timers = new Timers();
  const watch = new FailureWatch({ silenceLimitMs: 10_000, start: timers.start });
  const waiting = watch.guard(never);
  for (let answer = 0; answer < 5; answer++) {
    timers.pass(9_000);
    await watch.guard(Promise.resolve(answer));
  }
  assert.equal(watch.failure, null);
  timers.pass(10_000);
  await assert.rejects(waiting, { name: 'DeviceLost' });
});

test('a device that nothing waits for may be silent, and no timer runs', async () => {
  const timers = new Timers();
  const watch = new FailureWatch({ silenceLimitMs: 10_000, start: timers.start });
  await watch.guard(Promise.resolve(1));
  assert.equal(timers.count, 0);
  timers.pass(3_600_000);
  watch.check();
});

test('a limit that was changed holds for what waits already', async () => {
  const timers = new Timers();
  const watch = new FailureWatch({ silenceLimitMs: 10_000, start: timers.start });
  const waiting = watch.guard(never);
  watch.setSilenceLimit(60_000);
  timers.pass(59_000);
  assert.equal(watch.failure, null);
  timers.pass(1_000);
  await assert.rejects(waiting, { name: 'DeviceLost' });
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

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricsReport, Report } from '../../src/protocol/reports.js';
import { Reporter } from '../../src/worker/commands/reporter.js';

/** Scalars a step. */
const WIDTH = 8;

const metrics = (firstStep: number, steps: number, stepsPerSecond = firstStep): MetricsReport => ({
  type: 'metrics',
  firstStep,
  steps,
  values: Float32Array.from({ length: steps * WIDTH }, (_, i) => firstStep + Math.floor(i / WIDTH)),
  stepsPerSecond,
});
const state = (step: number): Report => ({ type: 'state', state: 'running', step, error: null });
const loading = (loadedBytes: number): Report => ({
  type: 'loading',
  stage: 'data',
  loadedBytes,
  totalBytes: 9,
});
const images = (step: number, source: 'generated' | 'real' = 'generated'): Report => ({
  type: 'images',
  source,
  step,
  grid: {
    width: 1,
    height: 1,
    rgba: new Uint8ClampedArray(4),
    columns: 1,
    rows: 1,
    cellWidth: 1,
    cellHeight: 1,
  },
});

/** A reporter whose clock and timer the test moves. */
function makeReporter(listener: (batch: readonly Report[]) => unknown = () => undefined) {
  const batches: (readonly Report[])[] = [];
  const timers: { readonly callback: () => void; readonly delayMs: number }[] = [];
  const clock = { ms: 1000 };
  const reporter = new Reporter({
    listener: (batch) => {
      batches.push(batch);
      return listener(batch) as undefined;
    },
    now: () => clock.ms,
    schedule: (callback, delayMs) => timers.push({ callback, delayMs }),
  });
  const fire = (): void => {
    const { callback, delayMs } = timers.shift()!;
    clock.ms += delayMs;
    callback();
  };
  return { reporter, batches, timers, clock, fire };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what comes together goes out together, in order', () => {
  const { reporter, batches, timers, fire } = makeReporter();
  for (const report of [state(1), metrics(1, 1), state(2)]) reporter.report(report);
  assert.equal(timers.length, 1);
  assert.equal(timers[0]!.delayMs, 0);
  fire();
  assert.deepEqual(batches, [[state(1), metrics(1, 1), state(2)]]);
});

test('batches start at least 50 ms apart', async () => {
  const { reporter, batches, timers, clock, fire } = makeReporter();
  reporter.report(state(1));
  fire();
  await settle();
  clock.ms += 10;
  reporter.report(state(2));
  assert.equal(timers[0]!.delayMs, 40);
  reporter.report(state(3));
  assert.equal(timers.length, 1);
  fire();
  assert.deepEqual(
    batches.map((batch) => batch.length),
    [1, 2],
  );
});

test('metrics of consecutive steps are joined, up to whatever stands between', () => {
  const { reporter, batches, fire } = makeReporter();
  for (const report of [metrics(1, 1), metrics(2, 3, 7), state(4), metrics(5, 1)]) reporter.report(report);
  fire();
  assert.deepEqual(batches[0], [metrics(1, 4, 7), state(4), metrics(5, 1)]);
});

test('metrics with a gap between them are kept apart', () => {
  const { reporter, batches, fire } = makeReporter();
  for (const report of [metrics(1, 1), metrics(3, 1)]) reporter.report(report);
  fire();
  assert.deepEqual(batches[0], [metrics(1, 1), metrics(3, 1)]);
});

test('pictures and byte counts that a newer one replaces are dropped, others keep their order', () => {
  const { reporter, batches, fire } = makeReporter();
  const reports = [loading(1), images(0, 'real'), images(1), loading(2), state(1), images(2)];
  for (const report of reports) reporter.report(report);
  fire();
  assert.deepEqual(batches[0], [images(0, 'real'), loading(2), state(1), images(2)]);
});

test('of the steps of a replay only the newest count is sent', () => {
  const { reporter, batches, fire } = makeReporter();
  const replay = (stepsMade: number): Report => ({
    type: 'replay',
    stepsMade,
    stepsTotal: 9,
    isUnderWay: true,
  });
  for (const report of [replay(0), state(1), replay(1), replay(2)]) reporter.report(report);
  fire();
  assert.deepEqual(batches[0], [state(1), replay(2)]);
});

test('nothing more is sent while the page has not taken the last batch, unless flushed', async () => {
  let take = (): void => undefined;
  const { reporter, batches, timers, fire } = makeReporter(
    () => new Promise<void>((resolve) => (take = resolve)),
  );
  reporter.report(state(1));
  fire();
  reporter.report(state(2));
  await settle();
  assert.equal(timers.length, 0);
  take();
  await settle();
  fire();
  assert.equal(batches.length, 2);
  reporter.report(state(3));
  void reporter.flush();
  assert.deepEqual(batches.flat(), [state(1), state(2), state(3)]);
});

test('a flush resolves when the page has taken what was sent before, by a timer too', async () => {
  const takes: (() => void)[] = [];
  const { reporter, fire } = makeReporter(() => new Promise<void>((resolve) => takes.push(resolve)));
  reporter.report(state(1));
  fire();
  let isTaken = false;
  const flushed = reporter.flush().then(() => (isTaken = true));
  await settle();
  assert.equal(isTaken, false);
  takes[0]!();
  await flushed;
  assert.equal(takes.length, 1);
});

test('a listener that throws does not stop the reports', async () => {
  for (const fail of [
    () => Promise.reject(new Error('x')),
    () => {
      throw new Error('x');
    },
  ]) {
    const { reporter, batches, fire } = makeReporter(fail);
    reporter.report(state(1));
    fire();
    await settle();
    reporter.report(state(2));
    fire();
    assert.equal(batches.length, 2);
  }
});

test('flushing with nothing to say sends nothing', () => {
  const { reporter, batches } = makeReporter();
  void reporter.flush();
  assert.deepEqual(batches, []);
});

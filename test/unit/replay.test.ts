/** A run whose fast engine goes, and whose slow one has to make thousands of steps again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineEntry } from '../../src/worker/engine/engine-entry.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { TrainerError } from '../../src/protocol/errors.js';
import { TEST_COUNT } from './support/data.js';
import { FakeEngine } from './support/fake-engine.js';
import { makeGate, settle } from './support/gate.js';
import { Clock, openTrainer, rowsOf, SHORT, type TestTrainer } from './support/trainer.js';

const SLOW_STEP_MS = 60;
const LOST_AT = 1500;

interface Fleet extends TestTrainer {
  readonly clock: Clock;
  /** Sizes of the calls of the slow engine. */
  readonly chunks: () => readonly number[];
  readonly evaluated: readonly number[];
  /** Called before each step of the slow engine. */
  onSlowStep: (step: number) => void;
}

/** `webgpu` makes steps in no time until it is lost at a step or an evaluation; `wasm` takes its time. */
async function openFleet(isLostAt: (step: number, isEvaluation: boolean) => boolean): Promise<Fleet> {
  const clock = new Clock();
  const evaluated: number[] = [];
  let slow: FakeEngine | null = null;
  let isLost = false;
  let step = 0;
  const check = (isEvaluation: boolean): void => {
    isLost ||= isLostAt(step, isEvaluation);
    if (isLost) throw new TrainerError('DeviceLost', 'gone');
  };
  const probe: EngineEntry['probe'] = async () => ({ isUsable: true, isSoftware: false, detail: '' });
  const fleet = {
    clock,
    evaluated,
    chunks: () => slow!.chunks,
    onSlowStep: (_step: number): void => undefined,
  };
  const table: EngineEntry[] = [
    {
      name: 'webgpu',
      isAutomatic: true,
      runsOn: 'gpu',
      recovers: true,
      probe,
      create: async (input) => {
        if (isLost) throw new TrainerError('EngineUnavailable', 'no adapter');
        return new FakeEngine(input, {
          name: 'webgpu',
          evaluationSlice: 1,
          joinsSlices: true,
          onStep: (now) => {
            step = now;
            check(false);
            clock.ms += 0.01;
          },
          onEvaluate: () => check(true),
        });
      },
    },
    {
      name: 'wasm',
      isAutomatic: true,
      runsOn: 'cpu',
      probe,
      create: async (input) =>
        (slow = new FakeEngine(input, {
          name: 'wasm',
          evaluationSlice: 4,
          onStep: (now) => {
            clock.ms += SLOW_STEP_MS;
            fleet.onSlowStep(now);
          },
          onEvaluate: (_first, count) => void evaluated.push(count),
        })),
    },
  ];
  const opened = await openTrainer({ table, clock });
  return Object.assign(fleet, opened);
}

const LONG = { ...SHORT, engine: 'auto', steps: 20_000, evalEvery: 20_000 } as const;

test('a pause is heard within one slow step of a replay, which goes on from there at the next start', async () => {
  const fleet = await openFleet((step) => step === LOST_AT);
  const { trainer, reached, of } = fleet;
  let paused: Promise<unknown> = Promise.resolve();
  fleet.onSlowStep = (step) => {
    if (step === 100) paused = trainer.pause();
  };
  await trainer.start(LONG);
  await reached('paused');
  assert.equal(await paused, 'paused');
  const seen = fleet.chunks();
  assert.ok(
    Math.max(...seen) === 1 && seen.length <= 105,
    `${Math.max(...seen)} at once, ${seen.length} in all`,
  );
  const { step } = of('state').at(-1)!;
  assert.ok(step > 1000 && step <= LOST_AT, `${step}`);

  const replays = of('replay');
  const [first, last] = [replays[0]!, replays.at(-1)!];
  assert.equal(first.stepsMade, 0);
  assert.equal(first.stepsTotal, step - 1);
  assert.equal(last.isUnderWay, false);

  fleet.onSlowStep = (now) => {
    if (now === LOST_AT + 10) paused = trainer.pause();
  };
  await trainer.start({});
  await reached('paused');
  await paused;
  assert.equal(of('replay').at(-1)!.isUnderWay, false);
  assert.ok(Math.max(...fleet.chunks()) === 1, `${Math.max(...fleet.chunks())}`);
  const rows = rowsOf(of('metrics'));
  assert.equal(rows.length, of('state').at(-1)!.step);
  assert.deepEqual(
    of('engine').map(({ engine, reason }) => `${engine} ${reason}`),
    ['webgpu realAdapter', 'wasm deviceLost'],
  );
});

test('a reset in a replay is heard as soon', async () => {
  const fleet = await openFleet((step) => step === LOST_AT);
  const { trainer } = fleet;
  let reset: Promise<unknown> = Promise.resolve();
  let stepsAfter = 0;
  const asked = makeGate();
  let isAsked = false;
  fleet.onSlowStep = (step) => {
    if (isAsked) stepsAfter++;
    if (step !== 100) return;
    isAsked = true;
    reset = trainer.reset({ ...LONG, engine: 'wasm' });
    asked.open();
  };
  await trainer.start(LONG);
  await asked.opened;
  assert.equal(await reset, 'ready');
  assert.ok(stepsAfter <= 2, `${stepsAfter}`);
});

test('a save in a long replay gives the state that it goes on from, and the replay goes on', async () => {
  const fleet = await openFleet((step) => step === LOST_AT);
  const { trainer } = fleet;
  const asked = makeGate();
  let saved: ReturnType<typeof trainer.save> = Promise.reject(new Error('not asked for'));
  saved.catch(() => undefined);
  let steps = 0;
  fleet.onSlowStep = (step) => {
    steps++;
    if (step === 100) {
      saved = trainer.save();
      asked.open();
    }
  };
  await trainer.start(LONG);
  await asked.opened;
  const { progress } = readCheckpoint(await saved);
  assert.equal(progress.step, 1);
  // 20 s of it, and not the minute and a half that all of it takes.
  assert.ok(steps < 500, `${steps}`);
  const before = steps;
  await settle();
  assert.ok(steps > before);
  await trainer.pause();
});

test('a save in a short replay waits for it', async () => {
  const fleet = await openFleet((step) => step === 200);
  const { trainer } = fleet;
  const asked = makeGate();
  let saved: ReturnType<typeof trainer.save> = Promise.reject(new Error('not asked for'));
  saved.catch(() => undefined);
  fleet.onSlowStep = (step) => {
    if (step === 100) {
      saved = trainer.save();
      asked.open();
    }
  };
  await trainer.start(LONG);
  await asked.opened;
  const { progress } = readCheckpoint(await saved);
  assert.ok(progress.step >= 100, `${progress.step}`);
  await trainer.pause();
});

test('an evaluation goes on in the slices of the engine that took over', async () => {
  const fleet = await openFleet((_step, isEvaluation) => isEvaluation);
  await fleet.trainer.step(LONG);
  // The step that was made again counts as time of its first slice: the step does not wait for the others.
  await settle();
  assert.equal(
    fleet.evaluated.reduce((sum, count) => sum + count, 0),
    TEST_COUNT,
  );
  assert.equal(Math.max(...fleet.evaluated), 4);
});

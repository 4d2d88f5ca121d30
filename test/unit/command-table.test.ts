/** Every command in every state: the table of docs/architecture.md, cell by cell. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorKind } from '../../src/protocol/errors.js';
import type { TrainerApi } from '../../src/protocol/trainer-api.js';
import type { TrainerState } from '../../src/protocol/reports.js';
import { fakeTable } from './support/fake-engine.js';
import { makeGate, settle } from './support/gate.js';
import { Timers } from './support/timers.js';
import { openTrainer, SHORT, type TestTrainer } from './support/trainer.js';

type Command = Exclude<keyof TrainerApi, 'open'>;

interface Stage extends TestTrainer {
  /** Lets whatever the state waits for go on. */
  readonly release: () => void;
  /** Lets a run that is held come to its end. */
  readonly letEnd: () => void;
}

/** A checkpoint of step 3 of the run that `SHORT` describes. */
async function makeCheckpoint(): Promise<Uint8Array<ArrayBuffer>> {
  const { trainer } = await openTrainer();
  for (let step = 0; step < 3; step++) await trainer.step(SHORT);
  return trainer.save();
}
const checkpoint = await makeCheckpoint();

/** Updates after which a run that is held goes no further: it has not come to its end then. */
const HELD_AT = 6;

/** A trainer brought into a state by commands alone. Where `isHeld`, no run of it ends. */
async function bringInto(state: TrainerState, isHeld: boolean): Promise<Stage> {
  const gate = makeGate();
  const end = makeGate();
  let isGated = false;
  const wait = async (): Promise<void> => {
    if (isGated) await gate.opened;
  };
  const { table } = fakeTable({
    onCreate: wait,
    onStep: async (step) => {
      await wait();
      if (isHeld && step >= HELD_AT) await end.opened;
    },
    ...(state === 'failed' ? { nanAt: 3 } : {}),
  });
  const stage = await openTrainer({ table });
  const { trainer } = stage;
  switch (state) {
    case 'idle':
      break;
    case 'loading':
      isGated = true;
      void trainer.start(SHORT).catch(() => undefined);
      await settle();
      break;
    case 'ready': {
      const started = trainer.start(SHORT);
      await trainer.pause();
      await started;
      break;
    }
    case 'paused':
      await trainer.step(SHORT);
      break;
    case 'running':
      await trainer.step(SHORT);
      isGated = true;
      await trainer.start(SHORT);
      await settle();
      break;
    case 'finished':
    case 'failed':
      await trainer.start(SHORT);
      await stage.reached(state);
      break;
    default:
      state satisfies never;
  }
  assert.equal(stage.state(), state);
  return { ...stage, release: () => ((isGated = false), gate.open()), letEnd: () => end.open() };
}

const CALLS: Record<Command, (trainer: TrainerApi) => Promise<unknown>> = {
  start: (trainer) => trainer.start(SHORT),
  pause: (trainer) => trainer.pause(),
  step: (trainer) => trainer.step(SHORT),
  reset: (trainer) => trainer.reset(SHORT),
  save: (trainer) => trainer.save(),
  load: (trainer) => trainer.load(checkpoint.slice(), {}),
  exportModel: (trainer) => trainer.exportModel(),
};

/** What a command settles with (a state, an error's kind, or that it gave bytes), and the state after it. */
interface Cell {
  readonly result: TrainerState | ErrorKind | 'result';
  readonly after: TrainerState;
}
const cell = (result: Cell['result'], after: TrainerState): Cell => ({ result, after });

const TABLE: Record<Command, Record<TrainerState, Cell>> = {
  start: {
    idle: cell('running', 'running'),
    loading: cell('running', 'running'),
    ready: cell('running', 'running'),
    paused: cell('running', 'running'),
    running: cell('running', 'running'),
    finished: cell('RunFinished', 'finished'),
    failed: cell('RunFailed', 'failed'),
  },
  pause: {
    idle: cell('idle', 'idle'),
    loading: cell('loading', 'ready'),
    ready: cell('ready', 'ready'),
    paused: cell('paused', 'paused'),
    running: cell('paused', 'paused'),
    finished: cell('finished', 'finished'),
    failed: cell('failed', 'failed'),
  },
  step: {
    idle: cell('paused', 'paused'),
    loading: cell('Busy', 'running'),
    ready: cell('paused', 'paused'),
    paused: cell('paused', 'paused'),
    running: cell('Busy', 'running'),
    finished: cell('RunFinished', 'finished'),
    failed: cell('RunFailed', 'failed'),
  },
  reset: {
    idle: cell('idle', 'idle'),
    loading: cell('idle', 'idle'),
    ready: cell('ready', 'ready'),
    paused: cell('ready', 'ready'),
    running: cell('ready', 'ready'),
    finished: cell('ready', 'ready'),
    failed: cell('RunFailed', 'failed'),
  },
  save: {
    idle: cell('NothingToSave', 'idle'),
    loading: cell('Busy', 'running'),
    ready: cell('result', 'ready'),
    paused: cell('result', 'paused'),
    running: cell('result', 'running'),
    finished: cell('result', 'finished'),
    failed: cell('result', 'failed'),
  },
  load: {
    idle: cell('paused', 'paused'),
    loading: cell('Busy', 'running'),
    ready: cell('paused', 'paused'),
    paused: cell('paused', 'paused'),
    running: cell('Busy', 'running'),
    finished: cell('paused', 'paused'),
    failed: cell('paused', 'paused'),
  },
  exportModel: {
    idle: cell('NothingToSave', 'idle'),
    loading: cell('Busy', 'running'),
    ready: cell('result', 'ready'),
    paused: cell('result', 'paused'),
    running: cell('result', 'running'),
    finished: cell('result', 'finished'),
    failed: cell('result', 'failed'),
  },
};

for (const [command, row] of Object.entries(TABLE) as [Command, Record<TrainerState, Cell>][]) {
  for (const [state, { result, after }] of Object.entries(row) as [TrainerState, Cell][]) {
    test(`${command} while ${state}: ${result}, then ${after}`, async () => {
      const isHeld = after === 'running';
      const { trainer, release, letEnd, reached, state: stateNow } = await bringInto(state, isHeld);
      const settled = CALLS[command](trainer).then(
        (value) => (typeof value === 'string' ? value : 'result'),
        (error: Error) => error.name,
      );
      await settle();
      release();
      assert.equal(await settled, result);
      await reached(after);
      await settle();
      assert.equal(stateNow(), after);
      if (!isHeld) return;
      letEnd();
      await reached('finished');
    });
  }
}

/** What each command settles with while an engine never answers, and the state that it leaves. */
const SILENT: Record<Command, Cell> = {
  start: cell('EngineUnavailable', 'failed'),
  pause: cell('loading', 'loading'),
  step: cell('Busy', 'loading'),
  reset: cell('idle', 'idle'),
  save: cell('Busy', 'loading'),
  load: cell('Busy', 'loading'),
  exportModel: cell('Busy', 'loading'),
};

for (const [command, { result, after }] of Object.entries(SILENT) as [Command, Cell][]) {
  test(`${command} while loading an engine that never answers: ${result}, then ${after}`, async () => {
    const timers = new Timers();
    const { table } = fakeTable({ onCreate: () => new Promise<void>(() => undefined) });
    const { trainer, state } = await openTrainer({ table, startTimer: timers.start });
    void trainer.start(SHORT).catch(() => undefined);
    await settle();
    const settled = CALLS[command](trainer).then(
      (value) => (typeof value === 'string' ? value : 'result'),
      (error: Error) => error.name,
    );
    await settle();
    if (command === 'start') timers.pass(300_000);
    assert.equal(await settled, result);
    assert.equal(state(), after);
  });
}

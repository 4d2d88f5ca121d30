import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SETTINGS } from '../../../src/protocol/settings.js';
import type { TrainerState } from '../../../src/protocol/reports.js';
import { TrainerSession } from '../../../src/ui/trainer-session.js';
import type { TrainerClient, WorkerClientOptions } from '../../../src/ui/worker-client.js';
import { Timers } from '../support/timers.js';

type HangingClient = TrainerClient & {
  readonly isTerminated: () => boolean;
  readonly report: (state: TrainerState) => void;
};

/** A client whose worker gets into a state, if any, and hears nothing more: only `terminate` settles what is asked. */
function hanging(
  { onReports }: Pick<WorkerClientOptions, 'onReports'>,
  stuckIn: TrainerState | undefined,
): HangingClient {
  let isTerminated = false;
  const open: ((error: Error) => void)[] = [];
  const never = (): Promise<never> => new Promise((_, reject) => open.push(reject));
  const report = (state: TrainerState): void => onReports([{ type: 'state', state, step: 3, error: null }]);
  return {
    start: () => {
      if (stuckIn !== undefined) report(stuckIn);
      return stuckIn === 'running' ? Promise.resolve('running') : never();
    },
    pause: never,
    step: never,
    reset: never,
    save: never,
    load: never,
    exportModel: never,
    terminate: () => {
      isTerminated = true;
      for (const reject of open) reject(Object.assign(new Error('closed'), { name: 'Aborted' }));
    },
    isTerminated: () => isTerminated,
    report,
  };
}

interface Hanging {
  readonly session: TrainerSession;
  readonly clients: ReturnType<typeof hanging>[];
  readonly states: TrainerState[];
  readonly timers: Timers;
}

function openHanging(stuckIn?: TrainerState): Hanging {
  const clients: ReturnType<typeof hanging>[] = [];
  const states: TrainerState[] = [];
  const timers = new Timers();
  const session = new TrainerSession({
    createClient: (hooks) => {
      const client = hanging(hooks, stuckIn);
      clients.push(client);
      return client;
    },
    onReport: () => undefined,
    onBatch: () => undefined,
    onState: (state) => states.push(state),
    startTimer: timers.start,
  });
  return { session, clients, states, timers };
}

test('a reset gets out of a run that never stops, with whatever else waits for it', async () => {
  const { session, clients, states, timers } = openHanging('running');
  void session.start(DEFAULT_SETTINGS);
  const paused = assert.rejects(session.pause(), { name: 'Aborted' });
  const reset = session.reset(DEFAULT_SETTINGS);
  timers.pass(19_000);
  assert.equal(clients[0]!.isTerminated(), false);
  timers.pass(1_000);
  await paused;
  assert.equal(await reset, 'idle');
  assert.deepEqual(states, ['running', 'idle']);
  assert.equal(clients[0]!.isTerminated(), true);
  void session.start(DEFAULT_SETTINGS);
  assert.equal(clients.length, 2);
  assert.equal(timers.count, 0);
});

for (const state of [undefined, 'loading', 'ready', 'paused', 'finished'] as const) {
  test(`a reset gets out of a worker that hears nothing: ${state ?? 'before its first report'}`, async () => {
    const { session, clients, timers } = openHanging(state);
    const started = assert.rejects(session.start(DEFAULT_SETTINGS), { name: 'Aborted' });
    const reset = session.reset(DEFAULT_SETTINGS);
    timers.pass(10_000);
    assert.equal(await reset, 'idle');
    await started;
    assert.equal(session.model.state, 'idle');
    assert.equal(clients[0]!.isTerminated(), true);
    void session.start(DEFAULT_SETTINGS).catch(() => undefined);
    assert.equal(clients.length, 2);
  });
}

test('a worker that has heard a reset may load as long as it takes; the next reset has a limit of its own', async () => {
  const { session, clients, timers } = openHanging('paused');
  void session.start(DEFAULT_SETTINGS).catch(() => undefined);
  const first = session.reset(DEFAULT_SETTINGS).catch((error: Error) => error.name);
  clients[0]!.report('loading');
  timers.pass(600_000);
  assert.equal(clients[0]!.isTerminated(), false);
  const second = session.reset(DEFAULT_SETTINGS);
  timers.pass(10_000);
  assert.equal(await second, 'idle');
  assert.equal(await first, 'Aborted');
});

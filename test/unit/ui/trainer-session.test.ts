import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SETTINGS } from '../../../src/protocol/settings.js';
import type { Report, TrainerState } from '../../../src/protocol/reports.js';
import { TrainerSession } from '../../../src/ui/trainer-session.js';
import type { TrainerClient, WorkerClientOptions } from '../../../src/ui/worker-client.js';

/** A client whose run never stops: only `terminate` settles what is asked of it. */
function hanging({
  onReports,
}: Pick<WorkerClientOptions, 'onReports'>): TrainerClient & { readonly isTerminated: () => boolean } {
  let isTerminated = false;
  const open: ((error: Error) => void)[] = [];
  const never = (): Promise<never> => new Promise((_, reject) => open.push(reject));
  const running: Report = { type: 'state', state: 'running', step: 3, error: null };
  return {
    start: async () => {
      onReports([running]);
      return 'running';
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
  };
}

test('a reset gets out of a run that never stops, with whatever else waits for it', async () => {
  const clients: ReturnType<typeof hanging>[] = [];
  const states: TrainerState[] = [];
  const session = new TrainerSession({
    createClient: (hooks) => {
      const client = hanging(hooks);
      clients.push(client);
      return client;
    },
    onReport: () => undefined,
    onBatch: () => undefined,
    onState: (state) => states.push(state),
    resetLimitMs: 1,
  });
  assert.equal(await session.start(DEFAULT_SETTINGS), 'running');
  const paused = session.pause();
  const [reset] = await Promise.all([
    session.reset(DEFAULT_SETTINGS),
    assert.rejects(paused, { name: 'Aborted' }),
  ]);
  assert.equal(reset, 'idle');
  assert.deepEqual(states, ['running', 'idle']);
  assert.equal(clients[0]!.isTerminated(), true);
  assert.equal(await session.start(DEFAULT_SETTINGS), 'running');
  assert.equal(clients.length, 2);
});

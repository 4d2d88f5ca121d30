/** The owner of the worker: every call settles, whatever the worker does. Workers here are a few lines. */

import { expect } from '@open-wc/testing';
import { PROTOCOL_VERSION, workerLockName } from '../../src/protocol/trainer-api.js';
import type { ErrorInfo } from '../../src/protocol/errors.js';
import type { Report } from '../../src/protocol/reports.js';
import { DEFAULT_SETTINGS } from '../../src/protocol/settings.js';
import { TrainerSession } from '../../src/ui/trainer-session.js';
import { workerUrls } from '../../src/ui/worker-urls.js';
import { WorkerClient, type WorkerClientOptions } from '../../src/ui/worker-client.js';
import { makeGate } from '../unit/support/gate.js';
import { Timers } from '../unit/support/timers.js';

/** Comlink's messages as the client speaks them: an id, a path, arguments, of which the listener is a port. */
const PRELUDE = `
  const version = ${PROTOCOL_VERSION};
  let listener = null;
  const answer = (id, value) => postMessage({ id, type: 'RAW', value });
  const fail = (id, name, message) => postMessage({
    id, type: 'HANDLER', name: 'throw', value: { isError: true, value: { name, message, stack: '' } },
  });
  const report = (batch) => listener.postMessage({
    id: 'r' + Math.random(), type: 'APPLY', path: [], argumentList: [{ type: 'RAW', value: batch }],
  });
  const state = { type: 'state', state: 'running', step: 1, error: null };
  const onCall = (handlers) => addEventListener('message', ({ data }) => {
    if (data.path === undefined) return;
    const [name] = data.path;
    if (name === 'open') listener = data.argumentList[1].value;
    const handler = handlers[name];
    if (handler !== undefined) handler(data.id, data.argumentList);
  });
  // As the real worker does: the client asks for the lock after the answer, and must not be the first.
  let held = Promise.resolve();
  const open = (id) => held.then(() => answer(id, { protocolVersion: version, workerVersion: 'test', holdsLock: true }));
  const hold = () => {
    held = new Promise((resolve) => {
      navigator.locks.request('${workerLockName('')}' + self.name, () => {
        resolve();
        return new Promise(() => undefined);
      });
    });
  };
`;

const clients: WorkerClient[] = [];
const urls: string[] = [];

function workerOf(script: string): string {
  const url = URL.createObjectURL(new Blob([PRELUDE + script], { type: 'text/javascript' }));
  urls.push(url);
  return url;
}

function makeClient(workerUrl: string | URL | undefined, options: Partial<WorkerClientOptions> = {}) {
  const reports: Report[] = [];
  const deaths: ErrorInfo[] = [];
  const client = new WorkerClient({
    workerUrl,
    onReports: (batch) => reports.push(...batch),
    onDeath: (error) => deaths.push(error),
    ...options,
  });
  clients.push(client);
  return { client, reports, deaths };
}

/** The error a promise rejects with; fails where it resolves. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('It resolved.'),
    (error: Error) => error,
  );
}

/** Resolves once `condition` holds; fails where it does not within many turns of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn++) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  expect(condition()).to.equal(true);
}

/** Calls `work` while a property of an object has another value. */
async function having<T extends object>(
  target: T,
  name: string,
  value: () => unknown,
  work: () => Promise<void>,
): Promise<void> {
  Object.defineProperty(target, name, { configurable: true, get: value });
  try {
    await work();
  } finally {
    Reflect.deleteProperty(target, name);
  }
}

/** Whether a lock is held by anyone. */
async function isHeld(name: string): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some((lock) => lock.name === name);
}

describe('WorkerClient', () => {
  afterEach(() => {
    for (const client of clients.splice(0)) client.terminate();
    for (const url of urls.splice(0)) URL.revokeObjectURL(url);
  });

  it('makes its worker at the first command', async () => {
    const { client, deaths } = makeClient('/no/such/worker.js');
    await new Promise((resolve) => setTimeout(resolve));
    expect(deaths).to.deep.equal([]);
    await rejection(client.pause());
    expect(deaths).to.have.length(1);
  });

  it('hands on commands, answers and reports', async () => {
    const worker = workerOf(`
      hold();
      onCall({ open, start: (id, [settings]) => { report([state]); answer(id, settings.value.recipe); } });
    `);
    let heard: () => void = () => undefined;
    const hearing = new Promise<void>((resolve) => (heard = resolve));
    const reports: Report[] = [];
    const { client } = makeClient(worker, {
      onReports: (batch) => {
        reports.push(...batch);
        heard();
      },
    });
    expect(await client.start({ recipe: 'labels-only' })).to.equal('labels-only');
    await hearing;
    expect(reports).to.deep.equal([{ type: 'state', state: 'running', step: 1, error: null }]);
  });

  it('tells the worker where the data lies, as an absolute folder', async () => {
    const worker = workerOf(`
      hold();
      let dataUrl;
      onCall({ open: (id, [options]) => { dataUrl = options.value.dataUrl; open(id); }, pause: (id) => answer(id, dataUrl) });
    `);
    expect(await makeClient(worker, { dataUrl: 'some/where' }).client.pause()).to.equal(
      new URL('some/where/', document.baseURI).href,
    );
  });

  const asksDataUrl = `
    hold();
    let dataUrl;
    onCall({ open: (id, [options]) => { dataUrl = options.value.dataUrl; open(id); }, pause: (id) => answer(id, dataUrl) });
  `;

  for (const missing of [undefined, null, '', ' ']) {
    it(`takes the data of this build where it is given ${JSON.stringify(missing)}`, async () => {
      const { client } = makeClient(workerOf(asksDataUrl), { dataUrl: missing });
      expect(await client.pause()).to.equal(new URL('/src/data/', location.href).href);
    });

    it(`takes the worker of this build where it is given ${JSON.stringify(missing)}`, () => {
      expect(workerUrls({ workerUrl: missing }).workerUrl.pathname).to.equal('/src/worker/worker.js');
    });
  }

  it('tells a folder from the query behind it', async () => {
    const { client } = makeClient(workerOf(asksDataUrl), { dataUrl: '/some/where?version=2#top' });
    expect(await client.pause()).to.equal(new URL('/some/where/', location.href).href);
  });

  it('resolves addresses where the element’s document is', () => {
    const urls = workerUrls({ workerUrl: 'w.js', dataUrl: 'd', baseUrl: 'https://example.org/a/b' });
    expect([urls.workerUrl.href, urls.dataUrl]).to.deep.equal([
      'https://example.org/a/w.js',
      'https://example.org/a/d/',
    ]);
  });

  it('refuses an address of a worker that is none', () => {
    expect(() => makeClient('http://'))
      .to.throw('"worker-url" is "http://"')
      .with.property('name', 'InvalidSettings');
  });

  it('passes on the kind of an error, and calls one without a kind internal', async () => {
    const worker = workerOf(`
      hold();
      onCall({ open, start: (id) => fail(id, 'Busy', 'Pause first.'), pause: (id) => fail(id, 'TypeError', 'x is not y') });
    `);
    const { client, deaths } = makeClient(worker);
    expect(await rejection(client.start({}))).to.include({ name: 'Busy', message: 'Pause first.' });
    expect(await rejection(client.pause())).to.include({
      name: 'Internal',
      message: 'TypeError: x is not y',
    });
    expect(deaths).to.deep.equal([]);
  });

  for (const [what, script] of Object.entries({
    'does not exist': null,
    'throws while it is evaluated': `throw new Error('broken build');`,
    'speaks another protocol': `onCall({ open: (id) => answer(id, { protocolVersion: -1, workerVersion: 'old' }) });`,
    'refuses the handshake': `onCall({ open: (id) => fail(id, 'WorkerUnavailable', 'another build') });`,
  })) {
    it(`is unavailable, with every call, where the worker ${what}`, async () => {
      const { client, deaths } = makeClient(script === null ? '/no/such/worker.js' : workerOf(script));
      const errors = await Promise.all([rejection(client.start({})), rejection(client.pause())]);
      expect(errors.map(({ name }) => name)).to.deep.equal(['WorkerUnavailable', 'WorkerUnavailable']);
      expect(deaths.map(({ kind }) => kind)).to.deep.equal(['WorkerUnavailable']);
      expect(await rejection(client.save())).to.include({
        name: 'WorkerUnavailable',
        message: deaths[0]!.message,
      });
    });
  }

  it('says what a worker of another protocol is, and what threw', async () => {
    const other = makeClient(
      workerOf(`onCall({ open: (id) => answer(id, { protocolVersion: -1, workerVersion: 'old' }) });`),
    );
    expect((await rejection(other.client.pause())).message).to.contain('different builds');
    const broken = makeClient(workerOf(`throw new Error('broken build');`));
    expect((await rejection(broken.client.pause())).message).to.contain('broken build');
  });

  it('gives up a worker that never answers', async () => {
    const { client } = makeClient(workerOf(''), { handshakeLimitMs: 50 });
    const error = await rejection(client.start({}));
    expect(error.name).to.equal('WorkerUnavailable');
    expect(error.message).to.contain('did not answer within 0.05 s');
  });

  for (const [what, name, value] of [
    ['prerendered', 'prerendering', true],
    ['in the back', 'visibilityState', 'hidden'],
  ] as const) {
    it(`does not count the time in which the page is ${what}`, async () => {
      const timers = new Timers();
      let isAside = true;
      const { client, deaths } = makeClient(workerOf(''), { startTimer: timers.start });
      const stages: string[] = [];
      const shown = { prerendering: false, visibilityState: 'visible' }[name];
      await having(
        document,
        name,
        () => (isAside ? value : shown),
        async () => {
          const start = rejection(client.start({})).then((error) => stages.push(error.name));
          await until(() => timers.count > 0);
          timers.pass(3_600_000);
          expect(timers.count).to.equal(1);
          expect(deaths).to.deep.equal([]);
          isAside = false;
          timers.pass(29_000);
          expect(deaths).to.deep.equal([]);
          timers.pass(1_000);
          await start;
          expect(stages).to.deep.equal(['WorkerUnavailable']);
        },
      );
    });
  }

  it('does not count the time in which the script is on its way', async () => {
    const timers = new Timers();
    const channel = new BroadcastChannel('sgan-trainer test of a late script');
    const begun = new Promise((resolve) => (channel.onmessage = resolve));
    const worker = workerOf(`
      hold();
      const channel = new BroadcastChannel('sgan-trainer test of a late script');
      const late = (id) => {
        channel.onmessage = () => open(id);
        channel.postMessage('begun');
      };
      onCall({ open: late, pause: (id) => answer(id, 'paused') });
    `);
    const { client, deaths } = makeClient(worker, { startTimer: timers.start });
    const arrival = makeGate();
    const asked: string[] = [];
    const slowFetch = async (url: string): Promise<Response> => {
      asked.push(url);
      await arrival.opened;
      return new Response('import"./chunk.js";');
    };
    await having(
      globalThis,
      'fetch',
      () => slowFetch,
      async () => {
        const paused = client.pause();
        paused.catch(() => undefined);
        await until(() => timers.count > 0);
        timers.pass(30_000);
        await until(() => asked.length === 1);
        timers.pass(300_000);
        expect(deaths).to.deep.equal([]);
        arrival.open();
        await begun;
        channel.postMessage('answer');
        expect(await paused).to.equal('paused');
        expect(deaths).to.deep.equal([]);
      },
    );
    channel.close();
  });

  it('gives up a script that never comes, after minutes', async () => {
    const timers = new Timers();
    const { client } = makeClient(workerOf(''), { startTimer: timers.start });
    let isAsked = false;
    const never = (): Promise<Response> => {
      isAsked = true;
      return new Promise(() => undefined);
    };
    await having(
      globalThis,
      'fetch',
      () => never,
      async () => {
        const start = rejection(client.start({}));
        await until(() => timers.count > 0);
        timers.pass(30_000);
        await until(() => isAsked);
        timers.pass(600_000);
        expect((await start).message).to.contain('was not loaded within 600 s');
      },
    );
  });

  for (const [state, calls] of [
    [
      'loading',
      `start: () => { report([{ ...state, state: 'loading' }]); setTimeout(() => { for (;;); }); }`,
    ],
    [
      'running',
      `start: (id) => { report([state]); answer(id, 'running'); setTimeout(() => { for (;;); }, 50); }`,
    ],
  ] as const) {
    it(`is replaced by a reset where its worker loops for ever while ${state}`, async () => {
      const timers = new Timers();
      const worker = workerOf(`hold(); onCall({ open, ${calls} });`);
      const session = new TrainerSession({
        createClient: (hooks) => {
          const client = new WorkerClient({ workerUrl: worker, ...hooks });
          clients.push(client);
          return client;
        },
        onReport: () => undefined,
        onBatch: () => undefined,
        onState: () => undefined,
        startTimer: timers.start,
      });
      const started = session.start(DEFAULT_SETTINGS).catch((error: Error) => error.name);
      await until(() => session.model.state === state);
      const reset = session.reset(DEFAULT_SETTINGS);
      timers.pass(20_000);
      expect(await reset).to.equal('idle');
      expect(await started).to.equal(state === 'loading' ? 'Aborted' : 'running');
      void session.start(DEFAULT_SETTINGS).catch(() => undefined);
      await until(() => session.model.state === state);
      session.end();
    });
  }

  it('notices a worker that closes itself without a word', async () => {
    const { client, deaths } = makeClient(workerOf(`hold(); onCall({ open, start: () => self.close() });`));
    const errors = await Promise.all([rejection(client.start({})), rejection(client.pause())]);
    expect(errors.map(({ name }) => name)).to.deep.equal(['WorkerDied', 'WorkerDied']);
    expect(deaths.map(({ kind }) => kind)).to.deep.equal(['WorkerDied']);
    expect((await rejection(client.pause())).name).to.equal('WorkerDied');
  });

  it('notices an error that ends the worker', async () => {
    const { client, deaths } = makeClient(
      workerOf(`hold(); onCall({ open, start: () => { throw new Error('oops'); } });`),
    );
    expect((await rejection(client.start({}))).name).to.equal('WorkerDied');
    expect(deaths[0]!.message).to.contain('oops');
  });

  it('rejects what is open when it is terminated, hears nothing after, and calls it no death', async () => {
    const worker = workerOf(`
      hold();
      onCall({ open, pause: (id) => answer(id, 'paused'), start: () => setInterval(() => report([state]), 1) });
    `);
    const { client, reports, deaths } = makeClient(worker);
    await client.pause();
    const start = rejection(client.start({}));
    client.terminate();
    expect((await start).name).to.equal('Aborted');
    expect((await rejection(client.pause())).name).to.equal('Aborted');
    const before = reports.length;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    expect(reports.length).to.equal(before);
    expect(deaths).to.deep.equal([]);
  });

  it('terminated during the handshake, rejects too', async () => {
    const { client } = makeClient(workerOf(''));
    const start = rejection(client.start({}));
    client.terminate();
    expect((await start).name).to.equal('Aborted');
  });

  it('leaves no lock behind', async () => {
    const worker = workerOf(`hold(); onCall({ open, pause: (id) => answer(id, self.name) });`);
    const { client } = makeClient(worker);
    const name = workerLockName(await client.pause());
    expect(await isHeld(name)).to.equal(true);
    client.terminate();
    await navigator.locks.request(name, () => undefined);
    expect(await isHeld(name)).to.equal(false);
  });
});

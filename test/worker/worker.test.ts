/** The worker itself, as a page has it: over Comlink, with the real data. */

import { expect } from '@open-wc/testing';
import { proxy, wrap, type Remote } from 'comlink';
import { PROTOCOL_VERSION, workerLockName, type TrainerApi } from '../../src/protocol/trainer-api.js';
import type { Report } from '../../src/protocol/reports.js';
import type { SettingsInput } from '../../src/protocol/settings.js';

const dataUrl = new URL('/data/', location.href).href;
const SETTINGS: SettingsInput = { engine: 'tfjs-wasm', batch: 10, steps: 1000 };

interface Client {
  readonly worker: Worker;
  readonly trainer: Remote<TrainerApi>;
  readonly reports: Report[];
  /** Resolves with the first report that `matches`, past ones included. */
  readonly waitFor: (matches: (report: Report) => boolean) => Promise<Report>;
}

let workers: Worker[] = [];

function makeWorker(name: string): Worker {
  const worker = new Worker(new URL('../../src/worker/worker.js', import.meta.url), { type: 'module', name });
  workers.push(worker);
  return worker;
}

async function openWorker(name: string): Promise<Client> {
  const worker = makeWorker(name);
  const trainer = wrap<TrainerApi>(worker);
  const reports: Report[] = [];
  const waiting = new Set<() => void>();
  const listener = proxy((batch: readonly Report[]) => {
    reports.push(...batch);
    for (const look of waiting) look();
  });
  await trainer.open({ protocolVersion: PROTOCOL_VERSION, dataUrl }, listener);
  const waitFor: Client['waitFor'] = (matches) =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = reports.find(matches);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { worker, trainer, reports, waitFor };
}

async function holders(name: string): Promise<number> {
  const { held = [] } = await navigator.locks.query();
  return held.filter((lock) => lock.name === workerLockName(name)).length;
}

describe('worker', () => {
  afterEach(() => {
    for (const worker of workers) worker.terminate();
    workers = [];
  });

  it('takes a command sent before it has loaded', async () => {
    const { trainer, reports } = await openWorker('early');
    expect(await trainer.pause()).to.equal('idle');
    expect(reports).to.deep.equal([]);
  });

  it('trains, pauses inside an evaluation, saves, and sends pictures that fit their size', async () => {
    const { trainer, reports, waitFor } = await openWorker('trains');
    expect(await trainer.start(SETTINGS)).to.equal('running');
    await waitFor(({ type }) => type === 'metrics');
    expect(await trainer.pause()).to.equal('paused');
    const saved = await trainer.save();
    expect(saved.length).to.be.greaterThan(1e6);
    for (const report of reports) {
      if (report.type !== 'images') continue;
      const { width, height, rgba } = report.grid;
      expect(rgba.length).to.equal(4 * width * height);
    }
    const files = await trainer.exportModel();
    expect(files.map(({ path }) => path)).to.include('generator/model.json');
    const sources = reports.flatMap((report) => (report.type === 'images' ? [report.source] : []));
    expect(sources.slice(0, 2)).to.deep.equal(['real', 'generated']);
    const bytes = reports.flatMap((report) =>
      report.type === 'loading' && report.stage === 'data' ? [report.loadedBytes] : [],
    );
    expect(bytes.at(-1)).to.be.greaterThan(1e7);
  });

  it('sends errors with their kind as name', async () => {
    const { trainer } = await openWorker('errors');
    const error = await trainer.start({ batch: 1 }).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(Error);
    expect((error as Error).name).to.equal('InvalidSettings');
    expect((error as Error).message).to.contain('"batch" is 1');
  });

  it('holds its lock from its start until it ends', async () => {
    const { worker } = await openWorker('lock');
    expect(await holders('lock')).to.equal(1);
    let hasEnded = false;
    const released = navigator.locks.request(workerLockName('lock'), () => (hasEnded = true));
    expect(hasEnded).to.equal(false);
    worker.terminate();
    await released;
    expect(hasEnded).to.equal(true);
  });
});

/** The wasm engine in a browser: threads, their failures, all four binaries, and states that move. */

import { expect } from '@open-wc/testing';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { findSimd, sharingLimit } from '../../src/worker/engine/wasm/features.js';
import { createWasmEngine } from '../../src/worker/engine/wasm/index.js';
import { exactZerosOf } from '../support/exact-zeros.js';
import { expectClose, expectIdentical } from './support/compare.js';
import { tinyInput } from './support/tiny.js';
import type { WasmJob, WasmOutcome } from './support/wasm-worker.js';

const JOB: WasmJob = {
  recipe: 'notebook',
  channelDivisor: 8,
  batch: 10,
  simd: 'relaxed',
  isShared: true,
  threads: 1,
  steps: 4,
  fault: 'none',
};

/** Runs a job in a worker of its own. */
async function runJob(job: Partial<WasmJob>): Promise<WasmOutcome> {
  const worker = new Worker(new URL('./support/wasm-worker.js', import.meta.url), { type: 'module' });
  try {
    return await new Promise<WasmOutcome>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<{ outcome?: WasmOutcome; error?: unknown }>) => {
        if (data.outcome === undefined) reject(new Error(String(data.error)));
        else resolve(data.outcome);
      };
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage({ ...JOB, ...job });
    });
  } finally {
    worker.terminate();
  }
}

/** How a promise failed; throws where it did not. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => String(error),
  );
  if (outcome === null) throw new Error('Nothing failed.');
  return outcome;
}

describe('the wasm engine in a browser', () => {
  it('finds relaxed SIMD in this browser, and shares memory with no page', () => {
    expect(findSimd()).to.equal('relaxed');
    expect(sharingLimit()).to.equal('pageThread');
  });

  // Wide networks take other ways, in chunks of images.
  const wide = { recipe: 'notebook', channelDivisor: 1, batch: 20, steps: 3 } as const;
  for (const job of [{ recipe: 'notebook' }, { recipe: 'notebook-as-run' }, wide] as const) {
    it(`gives the same bits on 1, 2 and 4 threads (${job === wide ? 'wide networks' : job.recipe})`, async () => {
      const alone = await runJob(job);
      expect(alone.threads).to.equal(1);
      for (const threads of [2, 4]) {
        const outcome = await runJob({ ...job, threads });
        expect(outcome.threads).to.equal(threads);
        expect(outcome.metrics).to.deep.equal(alone.metrics);
        expect(outcome.correct).to.equal(alone.correct);
        expectIdentical(outcome.tensors, alone.tensors);
      }
    });
  }

  for (const simd of ['plain', 'relaxed'] as const) {
    it(`gives the same bits with shared memory and without (${simd} SIMD)`, async () => {
      const own = await runJob({ simd, isShared: false });
      const shared = await runJob({ simd, isShared: true, threads: 2 });
      expectIdentical(shared.tensors, own.tensors);
    });
  }

  it('goes on with the threads that start', async () => {
    const outcome = await runJob({ threads: 4, fault: 'start' });
    expect(outcome.threads).to.equal(2);
    expectIdentical(outcome.tensors, (await runJob({})).tensors);
  });

  it('says so where a thread dies, and does not hang', async () => {
    const failure = await failureOf(runJob({ threads: 3, fault: 'death' }));
    expect(failure).to.contain('One of the 3 compute threads stopped answering');
  });

  it('says so where a thread dies in the middle of a run, and does not hang', async () => {
    const failure = await failureOf(runJob({ threads: 2, fault: 'laterDeath' }));
    expect(failure).to.contain('One of the 2 compute threads stopped answering');
  });

  it('takes no memory in 300 steps on two threads', async () => {
    const { memoryBytes, metrics } = await runJob({ threads: 2, steps: 300 });
    expect(memoryBytes[1]).to.equal(memoryBytes[0]);
    expect(metrics.length).to.equal(300);
    expect(metrics.flat().every(Number.isFinite)).to.equal(true);
  });

  it('runs on the page’s own thread too, on one thread', async () => {
    const engine = await createWasmEngine(tinyInput('notebook', { threads: 4 }));
    try {
      expect(engine.info.adapter).to.contain('1 thread');
      expect(engine.info.fewerThreads).to.deep.equal({ threads: 1, wanted: 4, limit: 'pageThread' });
      expect((await engine.advance(2)).map(({ step }) => step)).to.deep.equal([1, 2]);
    } finally {
      engine.dispose();
    }
  });

  it('takes over a state from tfjs-wasm and hands it back', async () => {
    const input = tinyInput('notebook');
    const tfjs = await createTfjsEngine('wasm', input);
    const engine = await createWasmEngine(input);
    try {
      await tfjs.advance(2);
      const state = await tfjs.exportState();
      await engine.importState(state);
      expectIdentical((await engine.exportState()).tensors, state.tensors);
      const expected = await tfjs.inspectStep();
      const actual = await engine.inspectStep();
      const shared = new Map([...expected].filter(([name]) => actual.has(name)));
      expectClose(
        actual,
        shared,
        (name) => (name.startsWith('gradient/') ? 1e-3 : 1e-4),
        exactZerosOf(input.recipe),
      );
      await engine.advance(1);
      await tfjs.importState(await engine.exportState());
      expectIdentical((await tfjs.exportState()).tensors, (await engine.exportState()).tensors);
    } finally {
      engine.dispose();
      tfjs.dispose();
    }
  });
});

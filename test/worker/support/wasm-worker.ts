/**
 * A worker that runs the wasm engine for tests: threads wait for each other, which a page's own thread
 * may not do. Each message is a job; the answer is its outcome or the error's name and message.
 */

/// <reference lib="webworker" />

import type { RecipeName } from '../../../src/recipe/recipes.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import type { Simd } from '../../../src/worker/engine/wasm/features.js';
import { compileBinary, instantiate } from '../../../src/worker/engine/wasm/kernels.js';
import { spawnThread } from '../../../src/worker/engine/wasm/threads/team.js';
import { startWasmEngine } from '../../../src/worker/engine/wasm/wasm-engine.js';
import { createYield } from '../../../src/worker/commands/yield.js';
import { tinyInput } from './tiny.js';

export interface WasmJob {
  readonly recipe: RecipeName;
  readonly channelDivisor: number;
  readonly batch: number;
  readonly simd: Simd;
  readonly isShared: boolean;
  readonly threads: number;
  readonly steps: number;
  /**
   * What goes wrong: nothing, every second helper has no script, helpers die once they have started, or
   * one of them after the first step.
   */
  readonly fault: 'none' | 'start' | 'death' | 'laterDeath';
}

export interface WasmOutcome {
  readonly threads: number;
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  readonly metrics: readonly (readonly number[])[];
  readonly correct: number;
  /** Bytes of the memory after the first step and after the last. */
  readonly memoryBytes: readonly [number, number];
}

/** Chromium ends a busy worker two seconds after it was told to. */
const LATER_DEATH_LIMIT_MS = 30_000;

async function run(job: WasmJob): Promise<WasmOutcome> {
  const input = tinyInput(job.recipe, { batch: job.batch }, job.channelDivisor);
  let spawned = 0;
  const helpers: Worker[] = [];
  const spawn = (): Worker => {
    const helper = makeHelper();
    helpers.push(helper);
    return helper;
  };
  const makeHelper = (): Worker => {
    const isFirstOfTwo = spawned++ % 2 === 0;
    if (job.fault === 'death')
      return new Worker(new URL('./dead-thread.js', import.meta.url), { type: 'module' });
    if (job.fault !== 'start' || !isFirstOfTwo) return spawnThread();
    return new Worker(new URL('./no-such-thread.js', import.meta.url), { type: 'module' });
  };
  // Where nothing goes wrong a busy machine may take its time.
  const patienceMs = job.fault === 'none' ? 10_000 : 500;
  const module = await compileBinary(job.simd, job.isShared);
  const engine = await startWasmEngine(input, { ...job, module, instantiate, spawn, patienceMs });
  try {
    const first = await engine.advance(1);
    const before = engine.memoryBytes;
    if (job.fault === 'laterDeath') {
      const letMessagesIn = createYield();
      helpers[0]!.terminate();
      // A thread that is not in its event loop is ended by a timer of its maker's: steps alone do not count.
      const end = performance.now() + LATER_DEATH_LIMIT_MS;
      while (performance.now() < end) {
        await letMessagesIn();
        await engine.advance(1);
      }
    }
    const metrics = [...first, ...(await engine.advance(job.steps - 1))];
    return {
      threads: engine.threads,
      tensors: (await engine.exportState()).tensors,
      metrics: metrics.map(({ values }) => [...values]),
      correct: await engine.countCorrect(0, 100),
      memoryBytes: [before, engine.memoryBytes],
    };
  } finally {
    engine.dispose();
  }
}

addEventListener('message', ({ data }: MessageEvent<WasmJob>) => {
  run(data).then(
    (outcome) => postMessage({ outcome }),
    (error: unknown) =>
      postMessage({ error: error instanceof Error ? `${error.name}: ${error.message}` : error }),
  );
});

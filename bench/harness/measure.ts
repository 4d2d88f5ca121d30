/**
 * Measures engines side by side: each makes its first step, then they take turns, a round each, so that
 * whatever else the machine does falls on all of them. Runs in a page or on Dawn for Node.
 */

import { RECIPE_DEFAULTS, DEFAULT_SETTINGS, type RecipeName, type Settings } from '../../src/protocol.js';
import type { Dataset, EngineInput } from '../../src/worker/engine/engine.js';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { buildRecipe } from '../../src/worker/recipes.js';
import { makeSplit } from '../../src/worker/split.js';
import { countCalls, type CallCounter } from './count-calls.js';
import type { BenchEngine } from './bench-engine.js';

export interface BenchOptions {
  readonly engines: readonly string[];
  readonly recipe: RecipeName;
  /** Rounds of every engine. */
  readonly steps: number;
  readonly evaluationImages: number;
  readonly dataset: Dataset;
  readonly gpu: GPU;
  readonly log: (line: string) => void;
}

export interface BenchResult {
  readonly engine: string;
  /** From nothing to the end of the first step, in milliseconds. */
  readonly firstStepMs: number;
  readonly msPerStep: { readonly min: number; readonly median: number; readonly max: number };
  readonly jsMsPerStep: number;
  readonly dispatchesPerStep: number;
  readonly submitsPerStep: number;
  readonly uploadedBytesPerStep: number;
  readonly evaluationMs: number;
  readonly evaluationImages: number;
  readonly bufferBytes: number;
}

interface Contender {
  readonly engine: BenchEngine;
  readonly counter: CallCounter;
  readonly firstStepMs: number;
  /** Steps of one round; more than one where a step is too short to time alone. */
  readonly stepsPerRound: number;
  readonly stepMs: number[];
  readonly jsMs: number[];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

async function createFused({ recipe, dataset, gpu }: BenchOptions): Promise<BenchEngine> {
  const settings: Settings = { ...DEFAULT_SETTINGS, ...(RECIPE_DEFAULTS[recipe] as Partial<Settings>), recipe };
  const input: EngineInput = {
    settings,
    dataset,
    recipe: buildRecipe(recipe, dataset),
    split: makeSplit(dataset, settings),
  };
  const engine = await createWebGpuEngine(input, { gpu });
  return {
    name: 'webgpu',
    async steps(count) {
      const startedAt = performance.now();
      // Encoding and submitting happen before the call first waits.
      const advancing = engine.advance(count);
      const jsMs = performance.now() - startedAt;
      await advancing;
      await engine.flush();
      return jsMs;
    },
    async evaluate(count) {
      let correct = 0;
      for (let first = 0; first < count; first += 500) {
        correct += await engine.countCorrect(first, Math.min(500, count - first));
      }
      return correct;
    },
    dispose: () => engine.dispose(),
  };
}

async function create(name: string, options: BenchOptions): Promise<BenchEngine> {
  if (name === 'webgpu') return createFused(options);
  if (name === 'tfjs-plain') {
    const { createTfjsPlain } = await import('../peers/tfjs-plain/index.js');
    return createTfjsPlain({ ...options.dataset, batch: DEFAULT_SETTINGS.batch });
  }
  throw new Error(`There is no engine "${name}" to measure; there are webgpu and tfjs-plain.`);
}

/** Wraps every device that `gpu` gives from now on; returns the counter of the latest. */
function watchDevices(gpu: GPU): () => CallCounter {
  let latest: CallCounter | null = null;
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      latest = countCalls(device);
      return device;
    };
    return adapter;
  };
  return () => {
    if (latest === null) throw new Error('The engine opened no GPU device.');
    return latest;
  };
}

/** Runs the benchmark. */
export async function measure(options: BenchOptions): Promise<readonly BenchResult[]> {
  const latestCounter = watchDevices(options.gpu);
  const contenders: Contender[] = [];
  for (const name of options.engines) {
    const startedAt = performance.now();
    const engine = await create(name, options);
    await engine.steps(1);
    const firstStepMs = performance.now() - startedAt;
    options.log(`${name}: first step after ${(firstStepMs / 1000).toFixed(1)} s`);
    const again = performance.now();
    await engine.steps(1);
    const stepsPerRound = Math.max(1, Math.min(50, Math.floor(100 / (performance.now() - again))));
    contenders.push({ engine, counter: latestCounter(), firstStepMs, stepsPerRound, stepMs: [], jsMs: [] });
  }
  for (const { counter } of contenders) counter.reset();
  for (let round = 0; round < options.steps; round++) {
    for (const { engine, stepsPerRound, stepMs, jsMs } of contenders) {
      const startedAt = performance.now();
      const js = await engine.steps(stepsPerRound);
      stepMs.push((performance.now() - startedAt) / stepsPerRound);
      jsMs.push(js / stepsPerRound);
    }
    options.log(`round ${round + 1} of ${options.steps}`);
  }
  const results: BenchResult[] = [];
  for (const { engine, counter, firstStepMs, stepsPerRound, stepMs, jsMs } of contenders) {
    const made = stepsPerRound * options.steps;
    const { dispatches, submits, uploadedBytes } = counter.counts;
    // Once to compile, once to measure.
    await engine.evaluate(options.evaluationImages);
    const startedAt = performance.now();
    await engine.evaluate(options.evaluationImages);
    results.push({
      engine: engine.name,
      firstStepMs,
      msPerStep: { min: Math.min(...stepMs), median: median(stepMs), max: Math.max(...stepMs) },
      jsMsPerStep: median(jsMs),
      dispatchesPerStep: dispatches / made,
      submitsPerStep: submits / made,
      uploadedBytesPerStep: uploadedBytes / made,
      evaluationMs: performance.now() - startedAt,
      evaluationImages: options.evaluationImages,
      bufferBytes: counter.bufferBytes,
    });
  }
  for (const { engine } of contenders) engine.dispose();
  return results;
}

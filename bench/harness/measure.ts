/**
 * Measures engines side by side: each makes its first step, then they take turns, a round each, so that
 * whatever else the machine does falls on all of them. Runs in a worker or on Dawn for Node.
 */

import type { BenchEngine } from './bench-engine.js';
import type { CallCounter, CallCounts } from './count-calls.js';
import { createContender, type Ground } from './create.js';
import {
  GPU_ENGINES,
  type BenchResult,
  type Contender,
  type KernelTime,
  type Orders,
  type Spread,
} from './orders.js';
import { median } from './median.js';
import { watchDevices } from './watch-devices.js';

export interface MeasureOptions extends Orders {
  readonly ground: Ground;
  /** Test images that an engine on the GPU classifies; those on the CPU classify all. */
  readonly gpuEvaluationImages: number;
  /** Called once a round: whatever takes turns with the engines. */
  readonly alongside: () => void;
  readonly log: (line: string) => void;
}

interface Running {
  readonly contender: Contender;
  readonly engine: BenchEngine;
  /** null where it computes on the CPU. */
  readonly counter: CallCounter | null;
  readonly firstStepMs: number;
  /** Steps of one timed call, and timed calls of one round. */
  readonly stepsPerCall: number;
  readonly callsPerRound: number;
  readonly stepMs: number[];
  readonly jsMs: number[];
}

/** A round takes about so long where a step is shorter. */
const ROUND_MS = 100;
const MOST_STEPS = 250;
/**
 * Chunks whose JavaScript is timed, and their steps at least: of a GPU's chunk, 40 ms, that is a few; a software
 * adapter makes one step in a second, and one submit a step would be timed with it.
 */
const JS_CHUNKS = 5;
const JS_CHUNK_STEPS = 8;
/** Enough for one evaluation call of every engine, so that its compiling is not timed. */
const EVALUATION_WARM_UP = 500;

const spread = (values: readonly number[]): Spread => ({
  min: Math.min(...values),
  median: median(values),
  max: Math.max(...values),
});

const describe = ({ engine, threads }: Contender): string =>
  threads === null ? engine : `${engine}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;

async function start(
  contender: Contender,
  ground: Ground,
  latestCounter: (() => CallCounter) | null,
): Promise<Running> {
  const startedAt = performance.now();
  let engine = await createContender(contender, ground, true);
  await engine.steps(1);
  const firstStepMs = performance.now() - startedAt;
  if (contender.engine === 'webgpu') {
    // Now with the adapter's own tiles.
    engine.dispose();
    engine = await createContender(contender, ground, false);
  }
  const isOnGpu = (GPU_ENGINES as readonly string[]).includes(contender.engine);
  const counter = isOnGpu && latestCounter !== null ? latestCounter() : null;
  // The second step warms up, the third tells how many make a round.
  await engine.steps(1);
  const again = performance.now();
  await engine.steps(1);
  const steps = Math.max(1, Math.min(MOST_STEPS, Math.floor(ROUND_MS / (performance.now() - again))));
  // The GPU is kept busy over a whole round; on the CPU every step can be timed by itself.
  const [stepsPerCall, callsPerRound] = isOnGpu ? [steps, 1] : [1, steps];
  return { contender, engine, counter, firstStepMs, stepsPerCall, callsPerRound, stepMs: [], jsMs: [] };
}

async function makeRound({
  engine,
  counter,
  stepsPerCall,
  callsPerRound,
  stepMs,
  jsMs,
}: Running): Promise<void> {
  // Whoever computes on the CPU finds its caches full of the others' numbers, unlike in a run, and unlike the yardsticks
  // in processes of their own.
  if (counter === null) await engine.steps(1);
  for (let call = 0; call < callsPerRound; call++) {
    const startedAt = performance.now();
    const js = await engine.steps(stepsPerCall);
    stepMs.push((performance.now() - startedAt) / stepsPerCall);
    jsMs.push(js / stepsPerCall);
  }
}

async function evaluate(
  engine: BenchEngine,
  images: number,
): Promise<{ readonly ms: number; readonly correct: number }> {
  await engine.evaluate(Math.min(EVALUATION_WARM_UP, images));
  const startedAt = performance.now();
  const correct = await engine.evaluate(images);
  return { ms: performance.now() - startedAt, correct };
}

/** Runs the rounds and the evaluations; disposes what it made. */
export async function measure(options: MeasureOptions): Promise<readonly BenchResult[]> {
  const { contenders, rounds, ground, gpuEvaluationImages, alongside, wantsKernels, log } = options;
  const latestCounter = ground.gpu === undefined ? null : watchDevices(ground.gpu);
  const running: Running[] = [];
  try {
    for (const contender of contenders) {
      const started = await start(contender, ground, latestCounter);
      running.push(started);
      log(`${describe(contender)}: first step after ${(started.firstStepMs / 1000).toFixed(1)} s`);
    }
    // Calls are counted in a round that is not timed, since to count them takes time.
    const counted = new Map<Running, CallCounts>();
    for (const one of running) {
      if (one.counter === null) continue;
      one.counter.reset();
      await makeRound(one);
      counted.set(one, { ...one.counter.counts });
      one.counter.stopCounting();
      one.stepMs.length = 0;
      one.jsMs.length = 0;
    }
    for (let round = 0; round < rounds; round++) {
      for (const one of running) await makeRound(one);
      alongside();
      log(`round ${round + 1} of ${rounds}`);
    }
    const results: BenchResult[] = [];
    for (const one of running) {
      const { contender, engine, counter, firstStepMs, stepsPerCall, callsPerRound, stepMs, jsMs } = one;
      const made = stepsPerCall * callsPerRound;
      const perStep = counted.get(one) ?? null;
      const chunkSteps = Math.max(stepsPerCall, JS_CHUNK_STEPS);
      const chunks = (await engine.chunksJsMs?.(chunkSteps, JS_CHUNKS))?.map((ms) => ms / chunkSteps);
      const evaluationImages = counter === null ? ground.dataset.test.count : gpuEvaluationImages;
      const { ms: evaluationMs, correct } = await evaluate(engine, evaluationImages);
      results.push({
        ...contender,
        firstStepMs,
        msPerStep: spread(stepMs),
        jsMsPerStep: perStep && median(chunks ?? jsMs),
        dispatchesPerStep: perStep && perStep.dispatches / made,
        submitsPerStep: perStep && perStep.submits / made,
        uploadedBytesPerStep: perStep && perStep.uploadedBytes / made,
        evaluationMs,
        evaluationImages,
        evaluationCorrect: correct,
        bufferBytes: counter?.bufferBytes ?? engine.memoryBytes?.() ?? null,
      });
      log(
        `${describe(contender)}: evaluated ${evaluationImages} images in ${(evaluationMs / 1000).toFixed(1)} s`,
      );
    }
    if (!wantsKernels) return results;
    const profiles: (readonly KernelTime[] | undefined)[] = [];
    for (const { engine } of running) profiles.push(await engine.profile?.());
    return results.map((result, index) => {
      const kernels = profiles[index];
      return kernels === undefined ? result : { ...result, kernels };
    });
  } finally {
    for (const { engine } of running) engine.dispose();
  }
}

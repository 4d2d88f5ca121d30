/** Makes the engines and yardsticks that take part. Whoever asked for one disposes it. */

import { completeSettings } from '../../protocol/check-settings.js';
import { YARDSTICK_RECIPE, type Contender, type ContenderName } from '../../protocol/benchmark/contenders.js';
import type { Settings } from '../../protocol/settings.js';
import type { RecipeName } from '../../recipe/recipes.js';
import { buildRecipe } from '../../recipe/build-recipe.js';
import { oneStage } from '../../recipe/one-stage.js';
import type { Dataset } from '../data/dataset.js';
import { makeSplit } from '../data/split.js';
import type { Engine, EngineInput } from '../engine/engine.js';
import { createWasmEngine } from '../engine/wasm/index.js';
import { createWebGpuEngine } from '../engine/webgpu/index.js';
import { initialTensors } from '../model/parameters.js';
import type { BenchEngine, BenchInput } from './bench-engine.js';
import { profileWasm } from './profile-wasm.js';
import { profileWebGpu } from './profile-webgpu.js';
import { stageRun } from './stage-run.js';
import { timeChunks } from './time-chunks.js';

/** What every contender is made from. */
export interface BenchGround {
  readonly input: EngineInput;
  readonly gpu: GPU | undefined;
  /** Yardsticks that are not part of the site, by name. */
  readonly peers: PeerMakers;
}

export type PeerMakers = Partial<Record<ContenderName, (input: BenchInput) => Promise<BenchEngine>>>;

/** Images of one evaluation call. */
const EVALUATION_SLICE = 500;

/** The settings of a recipe at a batch, null its own; no more labels than the data has. */
export function benchSettings(recipe: RecipeName, batch: number | null, dataset: Dataset): Settings {
  const settings = completeSettings({ recipe, batch: batch ?? undefined });
  return { ...settings, labels: Math.min(settings.labels, dataset.train.count) };
}

/** A recipe in one of its stages, which begins like a run, and how long that stage is in a run. */
export interface BenchSubject {
  readonly input: EngineInput;
  readonly run: { readonly steps: number; readonly evaluations: number };
}

/** `stage`: the key of one. Throws where the recipe has none of that key. */
export function benchSubject(
  recipe: RecipeName,
  stage: string,
  batch: number | null,
  dataset: Dataset,
): BenchSubject {
  const settings = benchSettings(recipe, batch, dataset);
  const whole = buildRecipe(settings, dataset);
  const input = { settings, dataset, recipe: oneStage(whole, stage), split: makeSplit(dataset, settings) };
  return { input, run: stageRun(whole, stage, settings) };
}

/** One of the trainer's engines as a contender. */
function contend(name: string, engine: Engine, { recipe, settings }: EngineInput): BenchEngine {
  return {
    name,
    async steps(count) {
      const startedAt = performance.now();
      // What works ahead encodes and submits before the call first waits.
      const advancing = engine.advance(count);
      const jsMs = performance.now() - startedAt;
      await advancing;
      await engine.flush();
      return jsMs;
    },
    async evaluate(count) {
      let correct = 0;
      for (let first = 0; first < count; first += EVALUATION_SLICE) {
        correct += await engine.countCorrect(first, Math.min(EVALUATION_SLICE, count - first));
      }
      return correct;
    },
    inspect: async () => {
      await engine.importState({ step: 0, tensors: initialTensors(recipe, settings.seed) });
      return engine.inspectStep();
    },
    dispose: () => engine.dispose(),
  };
}

async function createWasm(
  name: 'wasm' | 'wasm-plain',
  threads: number,
  { input }: BenchGround,
): Promise<BenchEngine> {
  const engine = await createWasmEngine(input, name === 'wasm' ? { threads } : { threads, simd: 'plain' });
  if (engine.threads < threads) {
    const got = engine.threads;
    engine.dispose();
    throw new Error(`Only ${got} of ${threads} threads could be started here.`);
  }
  const contender = { ...contend(name, engine, input), memoryBytes: () => engine.memoryBytes };
  // Several threads meet where several operations end, not after each.
  return threads > 1 ? contender : { ...contender, profile: () => profileWasm(engine) };
}

async function createWebGpu({ input, gpu }: BenchGround, isFirst: boolean): Promise<BenchEngine> {
  let device: GPUDevice | null = null;
  const wrapDevice = (opened: GPUDevice): GPUDevice => (device = opened);
  const engine = await createWebGpuEngine(
    input,
    isFirst ? { gpu, wrapDevice, tune: false } : { gpu, wrapDevice },
  );
  return {
    ...contend('webgpu', engine, input),
    chunksJsMs: async (steps, chunks) => {
      const timed = timeChunks(device!);
      try {
        for (let chunk = 0; chunk < chunks; chunk++) await engine.advance(steps);
      } finally {
        timed.stop();
      }
      await engine.flush();
      return timed.times;
    },
    profile: () => profileWebGpu(input, gpu),
  };
}

/**
 * A contender at step 0. `isFirst` makes it without what is measured once and then remembered, the webgpu
 * engine's tiles, so that its first step can be timed. Rejects where it cannot run here.
 */
export async function createContender(
  { engine, threads }: Contender,
  ground: BenchGround,
  isFirst: boolean,
): Promise<BenchEngine> {
  const { dataset, settings } = ground.input;
  const yardstickInput = { train: dataset.train, test: dataset.test, batch: settings.batch };
  switch (engine) {
    case 'webgpu':
      return createWebGpu(ground, isFirst);
    case 'wasm':
    case 'wasm-plain':
      return createWasm(engine, threads ?? 1, ground);
    case 'tfjs-webgpu':
    case 'tfjs-webgl':
    case 'tfjs-wasm':
    case 'tfjs-cpu': {
      const { createPlainFewLabels, createPlainTfjs, TFJS_OF } = await import('./plain-yardsticks.js');
      return settings.recipe === YARDSTICK_RECIPE
        ? createPlainTfjs(TFJS_OF[engine], yardstickInput)
        : createPlainFewLabels(TFJS_OF[engine], ground.input);
    }
    case 'jax-js':
    case 'pytorch':
    case 'pytorch-compiled':
    case 'tensorflow': {
      const make = ground.peers[engine];
      if (make === undefined) throw new Error(`${engine} is not part of this build; "npm run bench" has it.`);
      return make(yardstickInput);
    }
    default:
      return engine satisfies never;
  }
}

/** Makes the engines and peers that take part. Whoever asked for one disposes it. */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import { DEFAULT_SETTINGS } from '../../src/protocol/settings.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import type { Dataset } from '../../src/worker/data/dataset.js';
import { createWasmEngine } from '../../src/worker/engine/wasm/index.js';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { makeSplit } from '../../src/worker/data/split.js';
import type { BenchEngine } from './bench-engine.js';
import type { Contender } from './orders.js';
import { profileWasm } from './profile-wasm.js';
import { profileWebGpu } from './profile-webgpu.js';
import { timeChunks } from './time-chunks.js';

/** What every contender is made from. */
export interface Ground {
  readonly recipe: RecipeName;
  readonly dataset: Dataset;
  readonly gpu: GPU | undefined;
  /** URL of the folder of this script and the binaries beside it. */
  readonly base: string;
}

/** Images of one evaluation call. */
const EVALUATION_SLICE = 500;

export function engineInput(recipe: RecipeName, dataset: Dataset): EngineInput {
  const settings = resolveSettings({ recipe });
  return { settings, dataset, recipe: buildRecipe(settings, dataset), split: makeSplit(dataset, settings) };
}

/** One of the trainer's engines as a contender. */
function contend(name: string, engine: Engine): BenchEngine {
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
    dispose: () => engine.dispose(),
  };
}

async function createWasm(
  name: 'wasm' | 'wasm-plain',
  threads: number,
  ground: Ground,
): Promise<BenchEngine> {
  const input = engineInput(ground.recipe, ground.dataset);
  const engine = await createWasmEngine(input, { threads, simd: name === 'wasm' ? 'relaxed' : 'plain' });
  const contender = { ...contend(name, engine), memoryBytes: () => engine.memoryBytes };
  // Several threads meet where several operations end, not after each.
  return threads > 1 ? contender : { ...contender, profile: () => profileWasm(engine) };
}

async function createWebGpu({ recipe, dataset, gpu }: Ground, isFirst: boolean): Promise<BenchEngine> {
  const input = engineInput(recipe, dataset);
  let device: GPUDevice | null = null;
  const wrapDevice = (opened: GPUDevice): GPUDevice => (device = opened);
  const engine = await createWebGpuEngine(
    input,
    isFirst ? { gpu, wrapDevice, tune: false } : { gpu, wrapDevice },
  );
  return {
    ...contend('webgpu', engine),
    chunksJsMs: async (steps, chunks) => {
      const timed = timeChunks(device!);
      for (let chunk = 0; chunk < chunks; chunk++) await engine.advance(steps);
      const times = timed.stop();
      await engine.flush();
      return times;
    },
    profile: () => profileWebGpu(input, gpu),
  };
}

/**
 * A contender at step 0. `isFirst` makes it without what is measured once and then remembered, the webgpu
 * engine's tiles, so that its first step can be timed.
 */
export async function createContender(
  { engine, threads }: Contender,
  ground: Ground,
  isFirst: boolean,
): Promise<BenchEngine> {
  const peerInput = { ...ground.dataset, batch: DEFAULT_SETTINGS.batch };
  switch (engine) {
    case 'webgpu':
      return createWebGpu(ground, isFirst);
    case 'wasm':
    case 'wasm-plain':
      return createWasm(engine, threads ?? 1, ground);
    case 'tfjs-plain': {
      const { createTfjsPlain } = await import('../peers/tfjs/webgpu.js');
      return createTfjsPlain(peerInput);
    }
    case 'tfjs-wasm': {
      const { createTfjsWasm } = await import('../peers/tfjs/wasm.js');
      return createTfjsWasm(peerInput, ground.base);
    }
    case 'jax-js': {
      const { createJaxJs } = await import('../peers/jax-js/index.js');
      return createJaxJs(peerInput);
    }
    default:
      return engine satisfies never;
  }
}

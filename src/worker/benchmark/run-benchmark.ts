/** One benchmark on whatever `gpu` is: loads the data, looks at the adapter, makes the reference, measures. */

import { CONTENDERS, recipeRefusal, YARDSTICK_RECIPE } from '../../protocol/benchmark/contenders.js';
import type { BenchmarkEvent, BenchmarkOrders } from '../../protocol/benchmark/orders.js';
import { stageMeant } from '../../protocol/benchmark/stages.js';
import { loadDataset } from '../data/load.js';
import type { Dataset } from '../data/dataset.js';
import type { Engine, EngineInput } from '../engine/engine.js';
import { createWasmEngine } from '../engine/wasm/index.js';
import { findSimd } from '../engine/wasm/features.js';
import { measurePeaks } from './adapter-peaks.js';
import { benchSubject, createContender, type BenchGround, type PeerMakers } from './create-contender.js';
import { measure, type Reference } from './measure.js';
import { loadMicroKernel, type MicroKernel } from './micro-kernel.js';
import { stepArithmetic } from './step-arithmetic.js';
import { stageInputs } from './stage-inputs.js';
import { stepInputs, type NamedArray } from './step-inputs.js';
import { describeAdapterFully, findAdapter } from './survey.js';

export interface BenchmarkSurroundings {
  /** undefined where there is no WebGPU. */
  readonly gpu: GPU | undefined;
  /** URL of the data's folder. */
  readonly dataUrl: string;
  readonly fetch: typeof fetch;
  /** Yardsticks that are not part of the site. */
  readonly peers?: PeerMakers;
}

/** Whether the networks of the notebook's yardsticks fit this data: its own, MNIST. */
function isNotebookData({ imageShape, classes }: Dataset): boolean {
  return imageShape.join() === '28,28,1' && classes === 10;
}

/** What the yardsticks of this recipe are given, from an engine at step 0; null where no yardstick fits. */
async function inputsFrom(engine: Engine, input: EngineInput): Promise<readonly NamedArray[] | null> {
  const { recipe } = input.settings;
  if (recipe === YARDSTICK_RECIPE) {
    return isNotebookData(input.dataset) ? (await stepInputs(engine, input)).arrays : null;
  }
  const isCopied = recipeRefusal({ engine: 'tfjs-cpu', threads: null }, recipe, input.recipe.stages[0]!.key);
  return isCopied === null ? stageInputs(engine, input) : null;
}

/** First steps that there are for a check, each of a seed of its own. */
const REFERENCES = 3;

/** What `wasm` on one thread computes in the first step. */
async function referenceOf(input: EngineInput, left = REFERENCES - 1): Promise<Reference> {
  const { settings } = input;
  const other = { ...input, settings: { ...settings, seed: settings.seed + 1 } };
  const next = left === 0 ? null : () => referenceOf(other, left - 1);
  const engine = await createWasmEngine(input, { threads: 1 });
  try {
    return { step: await engine.inspectStep(), inputs: await inputsFrom(engine, input), next };
  } finally {
    engine.dispose();
  }
}

interface MicroKernels {
  readonly relaxed: MicroKernel | null;
  readonly plain: MicroKernel;
}

async function loadMicroKernels(): Promise<MicroKernels | null> {
  const simd = findSimd();
  if (simd === null) return null;
  return {
    relaxed: simd === 'relaxed' ? await loadMicroKernel('relaxed') : null,
    plain: await loadMicroKernel('plain'),
  };
}

/** A yardstick that cannot train this says so when it is made. */
const createFitting: typeof createContender = async (contender, ground, isFirst) => {
  const { recipe, settings } = ground.input;
  const refusal = recipeRefusal(contender, settings.recipe, recipe.stages[0]!.key);
  if (refusal !== null) throw new Error(refusal);
  const isNotebooks = CONTENDERS[contender.engine].isYardstick && settings.recipe === YARDSTICK_RECIPE;
  if (isNotebooks && !isNotebookData(ground.input.dataset)) {
    throw new Error(
      `The yardstick knows grey images of 28 x 28 pixels in 10 classes alone where the recipe is ${YARDSTICK_RECIPE}.`,
    );
  }
  return createContender(contender, ground, isFirst);
};

/**
 * Emits what it finds, `done` at last. Rejects where nothing can be measured at all: without data, with settings that
 * are refused. What a single contender lacks is its own result's `failure`.
 */
export async function runBenchmark(
  orders: BenchmarkOrders,
  { gpu, dataUrl, fetch, peers = {} }: BenchmarkSurroundings,
  emit: (event: BenchmarkEvent) => void,
): Promise<void> {
  const tell = (stage: 'data' | 'peaks'): void =>
    emit({
      type: 'progress',
      progress: { stage, contender: null, leftMs: orders.pacing.budgetMs, turns: 0 },
    });
  tell('data');
  const { signal } = new AbortController();
  const dataset = await loadDataset({ dataUrl, fetch, signal, onProgress: () => undefined });
  const stage = stageMeant(orders.recipe, orders.stage);
  const { input, run } = benchSubject(orders.recipe, stage, orders.batch, dataset);
  const { adapter } = await findAdapter(gpu);
  const { batch } = input.settings;
  emit({
    type: 'ground',
    ground: {
      adapter: adapter && describeAdapterFully(adapter),
      arithmetic: stepArithmetic(input),
      run: { ...run, testImages: dataset.test.count },
      batch,
    },
  });
  tell('peaks');
  const runs = (isOne: (engine: keyof typeof CONTENDERS) => boolean): boolean =>
    orders.contenders.some(({ engine }) => isOne(engine));
  const hasWasm = runs((engine) => engine === 'wasm' || engine === 'wasm-plain');
  const microKernels = hasWasm ? await loadMicroKernels() : null;
  const adapterPeaks =
    adapter !== null && runs((engine) => CONTENDERS[engine].runsOn === 'webgpu')
      ? await measurePeaks(adapter).catch(() => null)
      : null;
  const tellPeaks = (): void => {
    const rates = microKernels && {
      relaxed: microKernels.relaxed?.rate() ?? null,
      plain: microKernels.plain.rate(),
    };
    emit({ type: 'peaks', peaks: { adapter: adapterPeaks, microKernel: rates } });
  };
  microKernels?.relaxed?.run();
  microKernels?.plain.run();
  tellPeaks();
  const ground: BenchGround = { input, gpu, peers };
  await measure({
    ...orders,
    ground,
    // Without it nothing is checked, and the results say so: Dawn for Node has no WebAssembly of the site.
    reference: findSimd() === null ? null : await referenceOf(input).catch(() => null),
    create: createFitting,
    alongside: () => {
      microKernels?.relaxed?.run();
      microKernels?.plain.run();
    },
    emit,
  });
  tellPeaks();
  emit({ type: 'done' });
}

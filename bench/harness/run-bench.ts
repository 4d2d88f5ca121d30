/** One run of the benchmark on whatever `gpu` is: loads the data, looks at the adapter, measures. */

import type { RecipeName } from '../../src/recipe/recipes.js';
import { loadDataset } from '../../src/worker/data/load.js';
import type { Dataset } from '../../src/worker/data/dataset.js';
import { describeAdapter, isSoftwareAdapter } from '../../src/worker/engine/device/platform.js';
import { createWasmEngine } from '../../src/worker/engine/wasm/index.js';
import { measurePeaks } from './adapter-peaks.js';
import { engineInput } from './create.js';
import { measure } from './measure.js';
import { loadMicroKernel } from './micro-kernel.js';
import { GPU_ENGINES, type Orders, type Outcome, type StepInputs } from './orders.js';
import { stepArithmetic } from './step-arithmetic.js';
import { stepInputs } from './step-inputs.js';

export interface Surroundings {
  /** undefined where there is no WebGPU. */
  readonly gpu: GPU | undefined;
  /** URLs of the data and of the folder with the binaries. */
  readonly dataUrl: string;
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly log: (line: string) => void;
}

/** A software adapter evaluates fewer images, since it takes seconds for all. */
const SOFTWARE_EVALUATION_IMAGES = 1000;

async function findAdapter(gpu: GPU | undefined): Promise<GPUAdapter | null> {
  return (await gpu?.requestAdapter({ powerPreference: 'high-performance' })) ?? null;
}

async function inputsOf(recipe: RecipeName, dataset: Dataset): Promise<StepInputs> {
  const input = engineInput(recipe, dataset);
  const engine = await createWasmEngine(input, { threads: 1, simd: 'plain' });
  try {
    return await stepInputs(engine, input);
  } finally {
    engine.dispose();
  }
}

/** Rejects where an engine that wants a GPU adapter finds none. */
export async function runBench(
  orders: Orders,
  { gpu, dataUrl, base, log, ...given }: Surroundings,
): Promise<Outcome> {
  const adapter = await findAdapter(gpu);
  const names = orders.contenders.map(({ engine }) => engine);
  const homeless = names.filter((name) => (GPU_ENGINES as readonly string[]).includes(name));
  if (adapter === null && homeless.length > 0) {
    throw new Error(`There is no WebGPU adapter here, and ${homeless.join(', ')} cannot run without one.`);
  }
  const { signal } = new AbortController();
  const dataset = await loadDataset({ dataUrl, fetch: given.fetch, signal, onProgress: () => undefined });
  const isSoftware = adapter !== null && isSoftwareAdapter(adapter.info);
  const hasWasm = names.includes('wasm') || names.includes('wasm-plain');
  const microKernels = hasWasm
    ? { relaxed: await loadMicroKernel('relaxed'), plain: await loadMicroKernel('plain') }
    : null;
  const results = await measure({
    ...orders,
    ground: { recipe: orders.recipe, dataset, gpu, base },
    alongside: () => {
      microKernels?.relaxed.run();
      microKernels?.plain.run();
    },
    gpuEvaluationImages: isSoftware ? SOFTWARE_EVALUATION_IMAGES : dataset.test.count,
    log,
  });
  return {
    adapter: adapter && describeAdapter(adapter.info),
    arithmetic: stepArithmetic(engineInput(orders.recipe, dataset)),
    results,
    peaks: {
      adapter:
        adapter !== null && orders.wantsKernels && homeless.length > 0 ? await measurePeaks(adapter) : null,
      microKernel: microKernels && { relaxed: microKernels.relaxed.rate(), plain: microKernels.plain.rate() },
    },
    inputs: orders.wantsInputs ? await inputsOf(orders.recipe, dataset) : null,
  };
}

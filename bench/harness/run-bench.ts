/** One run of the benchmark on whatever `gpu` is: loads the data, looks at the adapter, measures. */

import type { RecipeName } from '../../src/protocol.js';
import { loadDataset } from '../../src/worker/data/load.js';
import { measure, type BenchResult } from './measure.js';

export interface Orders {
  readonly engines: readonly string[];
  readonly recipe: RecipeName;
  /** Rounds of every engine. */
  readonly steps: number;
}

export interface Outcome {
  readonly adapter: string;
  readonly results: readonly BenchResult[];
}

/** A software adapter evaluates fewer images, since it takes seconds for all. */
const SOFTWARE_EVALUATION_IMAGES = 1000;

export async function runBench(
  { engines, recipe, steps }: Orders,
  gpu: GPU,
  dataUrl: string,
  fetchData: typeof fetch,
  log: (line: string) => void,
): Promise<Outcome> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new Error('There is no WebGPU adapter here.');
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const { signal } = new AbortController();
  const dataset = await loadDataset({ dataUrl, fetch: fetchData, signal, onProgress: () => undefined });
  const evaluationImages = isFallbackAdapter ? SOFTWARE_EVALUATION_IMAGES : dataset.test.count;
  const results = await measure({ engines, recipe, steps, dataset, evaluationImages, gpu, log });
  return { adapter: `${vendor} ${architecture} ${description}`.trim(), results };
}

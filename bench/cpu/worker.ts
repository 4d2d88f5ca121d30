/** Entry of the benchmark's worker: takes orders, sends lines of progress and what it measured. */

/// <reference lib="webworker" />

import { loadDataset } from '../../src/worker/data/load.js';
import { measure, type Orders } from './measure.js';

addEventListener('message', ({ data }: MessageEvent<{ readonly orders: Orders; readonly dataUrl: string }>) => {
  void run(data.orders, data.dataUrl);
});

async function run(orders: Orders, dataUrl: string): Promise<void> {
  try {
    const dataset = await loadDataset({
      dataUrl,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      fetch: (...request) => fetch(...request),
    });
    postMessage({ measured: await measure(orders, dataset, (line) => postMessage({ line })) });
  } catch (error) {
    postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

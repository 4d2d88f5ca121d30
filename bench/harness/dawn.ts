/** The benchmark on Dawn for Node: the same run as in the page, on a GPU that is given. */

import { runBench, type Orders, type Outcome } from './run-bench.js';

export function runOnDawn(
  orders: Orders,
  gpu: GPU,
  fetchData: typeof fetch,
  log: (line: string) => void,
): Promise<Outcome> {
  // tfjs looks for WebGPU where a browser has it.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  return runBench(orders, gpu, 'http://localhost/data/', fetchData, log);
}

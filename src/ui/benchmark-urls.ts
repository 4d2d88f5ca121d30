/** Where the benchmark's worker and its data lie, from what a page gives. */

import { workerUrls, type GivenUrls, type WorkerUrls } from './worker-urls.js';

/** As `workerUrls`; the worker, unless given, is the benchmark's. Throws `InvalidSettings`. */
export function benchmarkUrls(given: GivenUrls): WorkerUrls {
  const isGiven = (given.workerUrl ?? '').toString().trim() !== '';
  // The depth is the same in `src` and in `dist`.
  const workerUrl = isGiven ? given.workerUrl : new URL('../worker/benchmark.js', import.meta.url);
  return workerUrls({ ...given, workerUrl });
}

/** Entry of the benchmark's worker: takes orders, sends lines of progress and what was measured. */

/// <reference lib="webworker" />

import { runBench } from './run-bench.js';
import type { Orders, Outcome } from './orders.js';

export interface FromWorker {
  readonly line?: string;
  readonly outcome?: Outcome;
  readonly error?: string;
}

const send = (message: FromWorker): void => postMessage(message);

addEventListener(
  'message',
  ({ data }: MessageEvent<{ readonly orders: Orders; readonly dataUrl: string }>) => {
    runBench(data.orders, {
      gpu: navigator.gpu,
      dataUrl: data.dataUrl,
      base: new URL('./', import.meta.url).href,
      fetch: (...request) => fetch(...request),
      log: (line) => send({ line }),
    }).then(
      (outcome) => send({ outcome }),
      (error: unknown) =>
        send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  },
);

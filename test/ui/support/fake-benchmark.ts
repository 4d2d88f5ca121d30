/** A benchmark without a worker: tells of the browser at once, and of results when a test says so. */

import { pageContenders, type Contender } from '../../../src/protocol/benchmark/contenders.js';
import type { BenchmarkEvent, BenchmarkOrders, Survey } from '../../../src/protocol/benchmark/orders.js';
import { TrainerError } from '../../../src/protocol/errors.js';
import type { BenchmarkClient } from '../../../src/ui/benchmark/benchmark-client.js';
import { reportOf } from '../../support/benchmark-report.js';

export const NO_WEBGL = 'This browser offers no WebGL 2 in workers.';

export class FakeBenchmark implements BenchmarkClient {
  orders: BenchmarkOrders | null = null;
  isStopped = false;
  #onEvent: ((event: BenchmarkEvent) => void) | null = null;
  #settle: { resolve: () => void; reject: (error: Error) => void } | null = null;

  async survey(): Promise<Survey> {
    const refusalOf = ({ engine }: Contender): string | null => (engine === 'tfjs-webgl' ? NO_WEBGL : null);
    return {
      cores: 2,
      isIsolated: true,
      adapter: reportOf().adapter,
      contenders: pageContenders(2).map((contender) => ({ contender, refusal: refusalOf(contender) })),
    };
  }

  run(orders: BenchmarkOrders, onEvent: (event: BenchmarkEvent) => void): Promise<void> {
    this.orders = orders;
    this.#onEvent = onEvent;
    return new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
  }

  stop(): void {
    this.isStopped = true;
    this.#settle?.reject(new TrainerError('Aborted', 'The benchmark was cancelled.'));
  }

  tell(...events: BenchmarkEvent[]): void {
    for (const event of events) this.#onEvent!(event);
    if (events.at(-1)?.type === 'done') this.#settle!.resolve();
  }

  fail(message: string): void {
    this.#settle!.reject(new TrainerError('DataUnavailable', message));
  }

  /** Results of the contenders that take part, as `reportOf` has them; `done` with the last. */
  tellResults({ isDone }: { readonly isDone: boolean }): void {
    const { adapter, arithmetic, run, batch, peaks, results } = reportOf();
    this.tell({ type: 'ground', ground: { adapter, arithmetic, run, batch } }, { type: 'peaks', peaks });
    this.orders!.contenders.forEach((contender, index) => {
      const result = results.find(
        ({ engine, threads }) => engine === contender.engine && threads === contender.threads,
      );
      if (result !== undefined) this.tell({ type: 'result', index, result });
    });
    if (isDone) this.tell({ type: 'done' });
  }
}

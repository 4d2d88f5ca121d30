/** Owns the benchmark's worker: one for the survey, a fresh one for every run, ended at any moment. */

import type {
  BenchmarkEvent,
  BenchmarkOrders,
  BenchmarkRequest,
  Survey,
} from '../../protocol/benchmark/orders.js';
import { TrainerError } from '../../protocol/errors.js';
import { describeError } from '../../protocol/wording.js';
import { makeWorker } from '../../browser/worker-script.js';
import { benchmarkScript, benchmarkUrls } from '../benchmark-urls.js';
import type { GivenUrls } from '../worker-urls.js';

/** What the element needs; tests give their own. */
export interface BenchmarkClient {
  /** What this browser has. */
  survey(): Promise<Survey>;
  /** Measures; events come until `done`, and it resolves then. Rejects where nothing can be measured, or `stop` was called. */
  run(orders: BenchmarkOrders, onEvent: (event: BenchmarkEvent) => void): Promise<void>;
  /** Ends whatever goes on, at once. */
  stop(): void;
}

/** Makes a worker when it is asked for something, and ends it afterwards. */
export class WorkerBenchmarkClient implements BenchmarkClient {
  readonly #given: GivenUrls;
  /** Ends each request that goes on. */
  readonly #ends = new Set<(error: Error) => void>();

  constructor(given: GivenUrls) {
    this.#given = given;
  }

  async survey(): Promise<Survey> {
    let survey: Survey | null = null;
    await this.#ask({ type: 'survey' }, (event) => {
      if (event.type === 'survey') survey = event.survey;
      return survey !== null;
    });
    return survey!;
  }

  async run(orders: BenchmarkOrders, onEvent: (event: BenchmarkEvent) => void): Promise<void> {
    const { dataUrl } = benchmarkUrls(this.#given);
    await this.#ask({ type: 'run', orders, dataUrl }, (event) => {
      onEvent(event);
      return event.type === 'done';
    });
  }

  stop(): void {
    for (const end of this.#ends) end(new TrainerError('Aborted', 'The benchmark was cancelled.'));
  }

  /** Posts a request to a worker of its own and hands on its events until `onEvent` says that it is the last. */
  async #ask(request: BenchmarkRequest, onEvent: (event: BenchmarkEvent) => boolean): Promise<void> {
    const { script, workerUrl, files } = benchmarkScript(this.#given);
    const unavailable = (why: string): TrainerError =>
      new TrainerError(
        'WorkerUnavailable',
        `The benchmark's worker ${workerUrl.href} cannot be used: ${why}`,
      );
    let worker: Worker;
    try {
      worker = makeWorker(script, 'sgan-benchmark');
    } catch (error) {
      throw unavailable(describeError(error));
    }
    let end: (error: Error) => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        end = reject;
        this.#ends.add(end);
        worker.addEventListener('message', ({ data }: MessageEvent<BenchmarkEvent>) => {
          if (data.type === 'error') reject(new TrainerError('Internal', data.message));
          else if (onEvent(data)) resolve();
        });
        worker.addEventListener('error', (event) => {
          event.preventDefault();
          reject(unavailable(event.message || 'it could not be loaded. Reload the page.'));
        });
        worker.addEventListener('messageerror', () => reject(unavailable('a message cannot be read.')));
        worker.postMessage({ ...request, files });
      });
    } finally {
      this.#ends.delete(end);
      worker.terminate();
    }
  }
}

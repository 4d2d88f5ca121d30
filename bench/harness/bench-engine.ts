/** What the benchmark asks of an engine or a peer. */

import type { ImageSet } from '../../src/worker/data/dataset.js';
import type { KernelTime } from './orders.js';

export interface BenchInput {
  readonly train: ImageSet;
  readonly test: ImageSet;
  readonly batch: number;
}

export interface BenchEngine {
  readonly name: string;
  /** Makes steps and resolves when the device is through; gives the JavaScript's share in milliseconds. */
  steps(count: number): Promise<number>;
  /**
   * JavaScript of each of so many chunks of steps in milliseconds, with two chunks under way as in a run;
   * absent where `steps` tells.
   */
  readonly chunksJsMs?: (steps: number, chunks: number) => Promise<readonly number[]>;
  /** Classifies the first `count` test images; gives the number of correct ones. */
  evaluate(count: number): Promise<number>;
  /** Times the operations of a step one by one; its state may be of no use afterwards. */
  readonly profile?: () => Promise<readonly KernelTime[]>;
  /** Bytes of memory that the engine has taken itself. */
  readonly memoryBytes?: () => number;
  dispose(): void;
}

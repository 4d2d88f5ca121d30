/** What the benchmark asks of an engine or a yardstick. */

import type { OperationTime } from '../../protocol/benchmark/report.js';
import type { ImageSet } from '../data/dataset.js';
import type { NamedTensors } from '../model/parameters.js';
import type { NamedArray } from './step-inputs.js';

export interface BenchInput {
  readonly train: ImageSet;
  readonly test: ImageSet;
  readonly batch: number;
}

/** The operations of a step, and how they were timed. */
export interface StepProfile {
  readonly operations: readonly OperationTime[];
  readonly timedBy: 'timestamps' | 'clock';
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
  /**
   * What the first step of a run computes, by the names of `Engine.inspectStep`; some of it, from the inputs
   * given (null where the recipe is not theirs), is enough for a yardstick. Its state may be another one afterwards.
   */
  readonly inspect?: (inputs: readonly NamedArray[] | null) => Promise<NamedTensors>;
  /** Times the operations of a step one by one; its state may be of no use afterwards. */
  readonly profile?: () => Promise<StepProfile>;
  /** Bytes of memory that the engine has taken itself. */
  readonly memoryBytes?: () => number;
  dispose(): void;
}

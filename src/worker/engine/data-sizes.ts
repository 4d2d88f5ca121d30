/** How much data a run has, without the data: what checks of memory are made from. */

import type { EngineInput } from './engine.js';

export interface DataSizes {
  /** [height, width, channels] */
  readonly imageShape: readonly number[];
  readonly trainCount: number;
  readonly testCount: number;
  /** Indices of labelled and unlabelled images together. */
  readonly pooledCount: number;
}

export function dataSizesOf({ dataset, split }: Pick<EngineInput, 'dataset' | 'split'>): DataSizes {
  return {
    imageShape: dataset.imageShape,
    trainCount: dataset.train.count,
    testCount: dataset.test.count,
    pooledCount: split.labelled.length + split.unlabelled.length,
  };
}

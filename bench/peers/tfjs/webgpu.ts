/** The yardstick `tfjs-plain`: the plain step on tfjs' webgpu backend, 1,360 dispatches a step. */

import '@tensorflow/tfjs-backend-webgpu';
import type { BenchEngine, BenchInput } from '../../harness/bench-engine.js';
import { createTfjs } from './step.js';

export function createTfjsPlain(input: BenchInput): Promise<BenchEngine> {
  return createTfjs('tfjs-plain', 'webgpu', input);
}

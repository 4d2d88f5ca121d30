/** The wasm engine's public face: made for the platform at hand, or with choices forced. */

import { TrainerError } from '../../../protocol/errors.js';
import type { EngineInput } from '../engine.js';
import { feature } from '../../../browser/feature.js';
import type { ThreadLimit } from '../../../protocol/engines.js';
import { defaultThreads, findSimd, sharingLimit, type Simd } from './features.js';
import { compileBinary, instantiate } from './kernels.js';
import { startWasmEngine, type WasmEngine } from './wasm-engine.js';

/** Choices that the platform else makes; tests and benchmarks force them. */
export interface WasmChoices {
  readonly simd?: Simd;
  readonly threads?: number;
  readonly isShared?: boolean;
}

/**
 * Makes the engine at step 0 of the input's seed, on the threads of its settings; on one, where memory
 * cannot be shared or not enough of it. The caller disposes it. Rejects with `EngineUnavailable` where
 * WebAssembly has no SIMD or the kernels cannot be loaded.
 */
export async function createWasmEngine(input: EngineInput, choices: WasmChoices = {}): Promise<WasmEngine> {
  const simd = choices.simd ?? findSimd();
  if (simd === null) {
    throw new TrainerError('EngineUnavailable', 'WebAssembly has no SIMD here; use a newer browser.');
  }
  const wanted = choices.threads ?? input.settings.threads;
  const threads = wanted === 0 ? defaultThreads(feature(() => navigator.hardwareConcurrency)) : wanted;
  const start = async (isShared: boolean, limit: ThreadLimit | null): Promise<WasmEngine> => {
    const module = await compileBinary(simd, isShared);
    return startWasmEngine(input, { simd, threads, isShared, limit, module, instantiate });
  };
  const limit = choices.isShared === undefined ? sharingLimit() : null;
  const isShared = choices.isShared ?? limit === null;
  try {
    return await start(isShared, limit);
  } catch (error) {
    const isShort = error instanceof TrainerError && error.kind === 'OutOfMemory';
    // Memory of one thread is given out as it is taken, and there may be more of it.
    if (!isShort || !isShared || choices.isShared !== undefined) throw error;
    return start(false, 'sharedMemoryRefused');
  }
}

export type { WasmEngine };

/**
 * tfjs' WebAssembly backend, with the kernels that training needs. Its binary lies beside the
 * worker's script, or where the page says.
 */

import * as tf from '@tensorflow/tfjs-core';
import { BackendWasm, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { init } from '@tensorflow/tfjs-backend-wasm/dist/backend_wasm.js';
import { buildFile } from '../../../../browser/build-files.js';
import { TrainerError } from '../../../../protocol/errors.js';
import { FailureWatch } from '../../device/failure-watch.js';
import { hasWasmSimd } from '../../device/platform.js';
import { registerWasmKernels } from '../wasm-kernels/register.js';
import type { MakeBackend } from './backend.js';

registerWasmKernels();

export const makeBackend: MakeBackend = async () => {
  if (!hasWasmSimd()) {
    throw new TrainerError('EngineUnavailable', 'This browser has no WebAssembly SIMD. Choose "tfjs-cpu".');
  }
  // The threaded binary never starts its threads (tensorflow/tfjs#8513), needs blob workers, which
  // `script-src 'self'` forbids, and is no faster on one.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  const binary = buildFile('tfjs-backend-wasm-simd.wasm', import.meta.url).href;
  // All three have to be named, though one is loaded.
  setWasmPaths({
    'tfjs-backend-wasm.wasm': binary,
    'tfjs-backend-wasm-simd.wasm': binary,
    'tfjs-backend-wasm-threaded-simd.wasm': binary,
  });
  let module: Awaited<ReturnType<typeof init>>;
  try {
    module = await init();
  } catch (error) {
    const reason = (error as { message?: string } | undefined)?.message ?? String(error);
    throw new TrainerError('EngineUnavailable', `${binary} could not be loaded: ${reason}`, { cause: error });
  }
  return {
    backend: new BackendWasm(module.wasm),
    adapter: 'WebAssembly SIMD',
    isSoftware: false,
    watch: new FailureWatch(),
    release: () => undefined,
  };
};

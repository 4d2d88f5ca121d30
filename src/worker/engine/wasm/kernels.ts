/** The kernels as JavaScript calls them: loading a binary, and what an instance exports. */

import { buildFile, type BuildFile } from '../../../browser/build-files.js';
import { TrainerError } from '../../../protocol/errors.js';
import { describeError } from '../../../protocol/wording.js';
import type { Simd } from './features.js';
import type { TileColumns } from './threads/tile-choice.js';

/** What `kernels/index.ts` exports. Addresses and counts are integers. */
export interface Kernels {
  /** 0 where another thread was waited for in vain. */
  readonly runRecords: (
    program: number,
    count: number,
    threads: number,
    run: number,
    scratch: number,
  ) => number;
  readonly serve: (run: number, helper: number, last: number, scratch: number) => void;
  readonly command: (run: number) => void;
  readonly spinWhile: (word: number, value: number, spins: number) => number;
  /** Makes products of 6 x 16 outputs and a depth of 256, `turns` of them; `kernels/convolution/packed-micro-kernel.ts`. */
  readonly repeatTiles: (columns: TileColumns, turns: number, scratch: number) => void;
}

export function binaryName(simd: Simd, isShared: boolean): BuildFile {
  return `kernels-${simd}${isShared ? '-shared' : ''}.wasm`;
}

async function fetchBinary(url: URL): Promise<ArrayBuffer> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return await response.arrayBuffer();
  } catch (cause) {
    const message =
      `The kernels ${url.href} could not be loaded (${describeError(cause)}). ` +
      'Serve the whole build, .wasm files included.';
    throw new TrainerError('EngineUnavailable', message, { cause });
  }
}

/** Compiles one of the binaries that lie beside the worker. Throws `EngineUnavailable` where it cannot. */
export async function compileBinary(simd: Simd, isShared: boolean): Promise<WebAssembly.Module> {
  const url = buildFile(binaryName(simd, isShared), import.meta.url);
  const bytes = await fetchBinary(url);
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const message =
      `The kernels ${url.href} could not be compiled (${describeError(cause)}). ` +
      'A Content-Security-Policy of the worker has to allow "wasm-unsafe-eval".';
    throw new TrainerError('EngineUnavailable', message, { cause });
  }
}

export async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernels> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return exports as unknown as Kernels;
}

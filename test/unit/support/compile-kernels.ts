/** Builds the wasm kernels with a change to a source file. */

import path from 'node:path';
import { pathToFileURL } from 'node:url';

interface KernelBuild {
  readonly compileKernels: (
    name: string,
    change: (file: string, text: string) => string,
  ) => Promise<Uint8Array<ArrayBuffer>>;
}

// Not bundled: it finds the sources by its own place.
export const { compileKernels } = (await import(
  pathToFileURL(path.resolve('scripts/lib/wasm-kernels.mjs')).href
)) as KernelBuild;

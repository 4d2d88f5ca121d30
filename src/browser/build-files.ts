/**
 * Where the files of this build are that a worker loads: beside its script, unless the bundler of a host
 * has given them other names and places. Then the page, whose bundler knows, tells the worker.
 */

/** What lies beside the worker's script, by name. */
export const BUILD_FILES = [
  'thread.js',
  'tfjs.js',
  'kernels-plain.wasm',
  'kernels-plain-shared.wasm',
  'kernels-relaxed.wasm',
  'kernels-relaxed-shared.wasm',
  'tfjs-backend-wasm-simd.wasm',
] as const;

export type BuildFile = (typeof BUILD_FILES)[number];

/** Absolute URLs of those that are not beside the script. */
export type MovedFiles = { readonly [File in BuildFile]?: string };

let moved: MovedFiles = {};

/** Makes these known to this thread. */
export function useMovedFiles(files: MovedFiles): void {
  moved = files;
}

/** What `useMovedFiles` was given last. */
export function movedFiles(): MovedFiles {
  return moved;
}

/** Where a file is; `scriptUrl` is the address of the script beside which it was built. */
export function buildFile(name: BuildFile, scriptUrl: string): URL {
  return new URL(moved[name] ?? `./${name}`, scriptUrl);
}

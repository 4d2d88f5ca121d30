/**
 * The addresses of what workers load, as bundlers understand them: each expression is one they find, and
 * replace by where they put the file.
 */

import { feature } from '../browser/feature.js';
import type { BuildFile, MovedFiles } from '../browser/build-files.js';

export type { BuildFile };

// The depth is the same in `src` and in `dist`.
const ADDRESSES = {
  'worker.js': () => new URL('../worker/worker.js', import.meta.url),
  'thread.js': () => new URL('../worker/thread.js', import.meta.url),
  'tfjs.js': () => new URL('../worker/tfjs.js', import.meta.url),
  'kernels-plain.wasm': () => new URL('../worker/kernels-plain.wasm', import.meta.url),
  'kernels-plain-shared.wasm': () => new URL('../worker/kernels-plain-shared.wasm', import.meta.url),
  'kernels-relaxed.wasm': () => new URL('../worker/kernels-relaxed.wasm', import.meta.url),
  'kernels-relaxed-shared.wasm': () => new URL('../worker/kernels-relaxed-shared.wasm', import.meta.url),
  'tfjs-backend-wasm-simd.wasm': () => new URL('../worker/tfjs-backend-wasm-simd.wasm', import.meta.url),
} as const satisfies Record<BuildFile | 'worker.js', () => URL>;

/**
 * Vite's development server serves packages from a cache, beside which none of their files lie
 * (vitejs/vite#8427, to be removed when it is closed); they lie in the package itself.
 */
const VITE_CACHE = /\/node_modules\/\.vite\/worker\//;
const PACKAGE = '/node_modules/sgan-trainer/dist/worker/';

/** A worker's script where a build puts it. */
const BUILT_WORKER = /\/worker\/(worker|benchmark)\.js$/;

/** The worker's script of this build, for the attribute `worker-url` of another element or to preload it. */
export function workerUrl(): URL {
  return addressOf('worker.js');
}

/** Where a file of this build is. Throws where this module came without an address, as from a blob. */
function addressOf(name: keyof typeof ADDRESSES): URL {
  return outOfViteCache(ADDRESSES[name]());
}

/**
 * The address at which a file of this build is served, from the one that its module gives. Under Next.js, webpack gives
 * something like a URL that is a path on the page's origin.
 */
export function outOfViteCache(address: URL): URL {
  const url = new URL(
    address,
    feature(() => location.href),
  );
  url.pathname = url.pathname.replace(VITE_CACHE, PACKAGE);
  return url;
}

/** Those that are not beside the worker's script, by name. */
export function filesMovedFrom(script: URL): MovedFiles {
  const names = Object.keys(ADDRESSES).filter((name): name is BuildFile => name !== 'worker.js');
  const moved = names
    .map((name) => [name, addressOf(name).href] as const)
    .filter(([name, href]) => !isBeside(script, name, href));
  return Object.fromEntries(moved);
}

function isBeside(script: URL, name: string, href: string): boolean {
  try {
    return new URL(`./${name}`, script).href === href;
  } catch {
    // A `data:` URL has nothing beside it.
    return false;
  }
}

/** The folder of the data beside that of the worker, in a built site; null in a package, which has none. */
export function dataFolderBeside(script: URL): string | null {
  const isBuilt = BUILT_WORKER.test(script.pathname) && !script.pathname.includes(PACKAGE);
  return isBuilt ? new URL('../data/', script).href : null;
}

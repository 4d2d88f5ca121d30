/** What the bundler makes of `src`: the page's bundle and the worker's, each an entry of its own. */

import { inRoot } from './scripts/lib/paths.mjs';

/** Style sheets of packages are text, since they go into shadow roots. */
export const loaders = { '.css': 'text' };

const shared = {
  absWorkingDir: inRoot(),
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  // esbuild reads the decorator flags that Lit's properties need from here.
  tsconfig: inRoot('tsconfig.json'),
  splitting: true,
  loader: loaders,
  minify: true,
  sourcemap: true,
  metafile: true,
  legalComments: 'linked',
  logLevel: 'warning',
};

/** Bundles, by the folder of the built site that they fill. */
export const bundles = {
  ui: {
    ...shared,
    entryPoints: [
      ...['src/ui/define.ts', 'src/ui/page.ts', 'src/ui/headless.ts'],
      ...['src/ui/define-benchmark.ts', 'src/ui/bench-page.ts'],
    ],
  },
  worker: {
    ...shared,
    entryPoints: [
      { in: 'src/worker/worker.ts', out: 'worker' },
      { in: 'src/worker/benchmark.ts', out: 'benchmark' },
      { in: 'src/worker/engine/wasm/threads/thread.ts', out: 'thread' },
    ],
  },
};

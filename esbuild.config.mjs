/**
 * What the bundler makes of `src`. The element is ES modules with chunks, as any bundler of a host takes
 * them. What runs in workers is one file each: bundlers copy a worker's script without what lies beside it.
 */

import { tfjsApart } from './scripts/lib/tfjs-apart.mjs';
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

/** Options of each side, for entries of a script's own. */
export const bundles = {
  ui: { ...shared, inject: [inRoot('src/ui/server-stand-ins.ts')] },
  worker: shared,
};

const single = { ...bundles.worker, splitting: false };

/** Bundles of the built site and of the package: name, folder that it fills, options. */
export const builds = [
  {
    name: 'ui',
    folder: 'ui',
    // What `exports` of package.json names: none of them imports another, so each keeps its own effect.
    options: {
      ...bundles.ui,
      entryPoints: [
        'src/ui/define.ts',
        'src/ui/element.ts',
        'src/ui/define-benchmark.ts',
        'src/ui/worker.ts',
        { in: 'src/protocol/index.ts', out: 'protocol' },
      ],
    },
  },
  {
    name: 'page',
    folder: 'ui',
    options: {
      ...bundles.ui,
      entryPoints: ['src/ui/page.ts', 'src/ui/bench-page.ts', 'src/ui/headless.ts'],
      external: ['./define.js', './define-benchmark.js'],
      chunkNames: 'page-[hash]',
    },
  },
  {
    name: 'worker',
    folder: 'worker',
    options: {
      ...single,
      plugins: [tfjsApart],
      entryPoints: [{ in: 'src/worker/worker.ts', out: 'worker' }],
    },
  },
  {
    name: 'benchmark',
    folder: 'worker',
    // With TensorFlow.js, which it measures.
    options: { ...single, entryPoints: [{ in: 'src/worker/benchmark.ts', out: 'benchmark' }] },
  },
  {
    name: 'tfjs',
    folder: 'worker',
    options: { ...single, entryPoints: [{ in: 'src/worker/engine/tfjs/tfjs-file.ts', out: 'tfjs' }] },
  },
  {
    name: 'thread',
    folder: 'worker',
    options: {
      ...single,
      // With its map inside it is large enough not to become a `data:` URL, whose workers share no memory.
      sourcemap: 'inline',
      entryPoints: [{ in: 'src/worker/engine/wasm/threads/thread.ts', out: 'thread' }],
    },
  },
];

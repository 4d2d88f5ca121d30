/** TypeScript that is written for the worker, bundled for Node. */

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import esbuild from 'esbuild';
import { bundles } from '../../esbuild.config.mjs';

/** Bundles `entry` into `folder` and imports it. */
export async function importForNode(entry, folder) {
  await esbuild.build({
    ...bundles.worker,
    metafile: false,
    platform: 'node',
    mainFields: ['module', 'main'],
    splitting: false,
    entryPoints: [entry],
    outdir: folder,
    banner: { js: "globalThis.require ??= (await import('node:module')).createRequire(import.meta.url);" },
  });
  return import(pathToFileURL(path.join(folder, `${path.basename(entry, '.ts')}.js`)).href);
}

/** Imports modules of `src` into a script, so that a table or a check exists once. */

import esbuild from 'esbuild';
import { inRoot } from './paths.mjs';

/** Exports of a TypeScript module of `src` that needs neither a browser nor an npm package. */
export async function importSource(file) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [inRoot(file)],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    write: false,
    logLevel: 'warning',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

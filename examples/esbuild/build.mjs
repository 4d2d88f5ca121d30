/** Bundles the page's script, and copies what workers load: esbuild does not follow `new URL(…, import.meta.url)`. */

import { copyFile, cp } from 'node:fs/promises';
import { build } from 'esbuild';

await build({
  entryPoints: ['main.js'],
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
  outdir: 'dist',
});
await cp('node_modules/sgan-trainer/dist/worker', 'dist/worker', { recursive: true });
await copyFile('index.html', 'dist/index.html');

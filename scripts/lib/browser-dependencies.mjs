/**
 * For browser tests: every npm package that `src` and `test` import, bundled once into ES modules
 * with shared chunks, so that each package exists once in a page and CommonJS ones load at all.
 * The project's own files are served as they lie, file by file.
 */

import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import esbuild from 'esbuild';
import { loaders } from '../../esbuild.config.mjs';
import { CACHE, inRoot, shortHash } from './paths.mjs';
import { withLock } from './lock.mjs';

/** Keeps each file by itself: what it imports from the tree is not followed. */
const ownImportsOnly = {
  name: 'own-imports-only',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind, path: imported }) =>
      kind === 'entry-point' ? undefined : { path: imported, external: true },
    );
  },
};

/** The packages a file imports; none where it does not parse, which the test that loads it will say. */
async function specifiersOf(file) {
  const options = { bundle: true, packages: 'external', format: 'esm', write: false, metafile: true };
  const entryPoints = [inRoot(file)];
  const build = esbuild.build({ ...options, entryPoints, plugins: [ownImportsOnly], logLevel: 'silent' });
  const { metafile } = await build.catch(() => ({ metafile: { inputs: {} } }));
  return (
    Object.values(metafile.inputs)
      .flatMap(({ imports }) => imports.map((imported) => imported.path))
      // Beside packages there are relative paths, and `<runtime>`: esbuild's own helpers.
      .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('<'))
  );
}

/** The bare specifiers that these files name. Sorted. */
async function bareSpecifiers(files) {
  return [...new Set((await Promise.all(files.map(specifiersOf))).flat())].sort();
}

/** File of a specifier within the bundle's folder. */
function fileOf(specifier) {
  return `${specifier
    .replace(/^@/, '')
    .replace(/\.js$/, '')
    .replaceAll(/[^\w.-]/g, '-')}.js`;
}

/**
 * Bundles the dependencies of these files. Returns a function from a bare specifier to the URL path
 * (from the repository root) of its module, undefined for a specifier that nothing named.
 */
export async function bundleDependencies(files) {
  const specifiers = await bareSpecifiers(files);
  const lock = await readFile(inRoot('package-lock.json'), 'utf8');
  const name = shortHash(JSON.stringify([lock, specifiers]));
  const folder = path.join(CACHE, 'browser-dependencies', name);
  const mark = path.join(folder, 'complete');
  const isComplete = () =>
    stat(mark).then(
      () => true,
      () => false,
    );
  await withLock(`${folder}.lock`, async () => {
    if (await isComplete()) return;
    await esbuild.build({
      absWorkingDir: inRoot(),
      entryPoints: specifiers.map((specifier) => ({ in: specifier, out: fileOf(specifier).slice(0, -3) })),
      outdir: folder,
      bundle: true,
      splitting: true,
      loader: loaders,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      logLevel: 'warning',
    });
    await writeFile(mark, '');
  });
  const known = new Set(specifiers);
  return (specifier) =>
    known.has(specifier) ? `/.cache/browser-dependencies/${name}/${fileOf(specifier)}` : undefined;
}

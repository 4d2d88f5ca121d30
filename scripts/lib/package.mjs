/**
 * What the package has beside the built site: declarations by tsc, those alone that a host can reach, and the
 * custom elements manifest. Also packs it.
 */

import { execFile } from 'node:child_process';
import { readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { withLock } from './lock.mjs';
import { UsageError } from './main.mjs';
import { makeManifest } from './manifest.mjs';
import { CACHE, inRoot } from './paths.mjs';
import { runPackage } from './run-command.mjs';
import { removeStagings, stagingOf } from './temporary.mjs';

const TYPES = inRoot('types');
const IMPORTED = /(?:from|import\()\s*['"]([^'"]+)['"]/g;

/** The declarations that `exports` of package.json names. */
async function declarationEntries() {
  const { exports } = JSON.parse(await readFile(inRoot('package.json'), 'utf8'));
  return Object.values(exports).flatMap(({ types }) =>
    types === undefined ? [] : [path.relative(TYPES, inRoot(types))],
  );
}

/** Files of `folder` that the entries lead to. Throws where one imports a package: no host would have it. */
async function reachable(folder, entries) {
  const found = new Set();
  const visit = async (name) => {
    if (found.has(name)) return;
    found.add(name);
    const text = await readFile(path.join(folder, name), 'utf8');
    for (const [, specifier] of text.matchAll(IMPORTED)) {
      if (!specifier.startsWith('.')) {
        throw new UsageError(`${name} imports "${specifier}", and so would every host's type check.`);
      }
      await visit(path.join(path.dirname(name), specifier.replace(/\.js$/, '.d.ts')));
    }
  };
  for (const entry of entries) await visit(entry);
  return found;
}

async function buildTypes() {
  await removeStagings(path.join(CACHE, 'types'));
  const staging = stagingOf(path.join(CACHE, 'types'));
  try {
    const exitCode = await runPackage('typescript/bin/tsc', [
      '-p',
      'tsconfig.types.json',
      '--outDir',
      staging,
    ]);
    if (exitCode !== 0)
      throw new UsageError('The declarations could not be made; the messages above say why.');
    const kept = await reachable(staging, await declarationEntries());
    const files = (await readdir(staging, { recursive: true })).filter((name) => name.endsWith('.d.ts'));
    await Promise.all(files.filter((name) => !kept.has(name)).map((name) => rm(path.join(staging, name))));
    await rm(TYPES, { recursive: true, force: true });
    await rename(staging, TYPES);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Makes declarations and manifest; the site has to be built by itself. */
export function buildPackageFiles() {
  return withLock(path.join(CACHE, 'package.lock'), async () => {
    await buildTypes();
    await writeFile(inRoot('custom-elements.json'), `${JSON.stringify(await makeManifest(), null, 2)}\n`);
  });
}

/** Packs what is built into `folder` and returns the tarball's path. */
export async function packInto(folder) {
  await stat(inRoot('dist', 'ui', 'define.js'));
  const npm = process.env.npm_execpath;
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const [command, given] = npm === undefined ? ['npm', args] : [process.execPath, [npm, ...args]];
  const { stdout } = await promisify(execFile)(command, given, { cwd: inRoot() });
  return path.join(folder, Object.values(JSON.parse(stdout))[0].filename);
}

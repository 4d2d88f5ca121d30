/**
 * Builds the site into `dist`: all bundles, the wasm binaries beside the worker, the data, the
 * static files. A build that fails leaves the old `dist` as it was; one that is killed just as it puts
 * the new one in its place may leave none. Commands that need a site build it only where something has changed.
 */

import { copyFile, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import esbuild from 'esbuild';
import { builds } from '../../esbuild.config.mjs';
import { ensureData } from './data.mjs';
import { forgetStamps, hasSameStamps, keepStamps, readStamps } from './file-stamps.mjs';
import { withLock } from './lock.mjs';
import { UsageError } from './main.mjs';
import { CACHE, DIST, ROOT, inRoot } from './paths.mjs';
import { readSite } from './serve.mjs';
import { removeLeftovers, removeStagings, stagingOf } from './temporary.mjs';
import { KERNEL_BINARIES, buildKernels, kernelBinaryPath } from './wasm-kernels.mjs';

/** The single-threaded binaries; the threaded one never runs threads (tensorflow/tfjs#8513). */
export const WASM_BINARIES = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm'];

/** What the site was made from and what it was then. */
const STAMPS = path.join(CACHE, 'site.json');

/** What a build reads beside the files of packages. */
const SOURCES = [
  ...['src', 'static', 'scripts/lib'],
  ...['esbuild.config.mjs', 'package.json', 'package-lock.json', 'tsconfig.base.json', 'tsconfig.json'],
  // Which versions are installed.
  'node_modules/.package-lock.json',
];

export function wasmBinaryPath(name) {
  return inRoot('node_modules', '@tensorflow', 'tfjs-backend-wasm', 'dist', name);
}

async function bundleInto(staging, { name, folder, options }) {
  const result = await esbuild.build({ ...options, outdir: path.join(staging, folder) });
  // Tests read from it what each bundle contains.
  await writeFile(path.join(CACHE, `metafile-${name}.json`), JSON.stringify(result.metafile));
  return Object.keys(result.metafile.inputs);
}

function binaryPaths() {
  return [...WASM_BINARIES.map(wasmBinaryPath), ...KERNEL_BINARIES.map(kernelBinaryPath)];
}

async function copyBinaries(folder) {
  const target = path.join(folder, 'worker');
  await mkdir(target, { recursive: true });
  await buildKernels();
  await Promise.all(
    binaryPaths().map((source) => copyFile(source, path.join(target, path.basename(source)))),
  );
}

/** Builds everything; throws a UsageError where it cannot, after the bundler's own messages. */
export function buildSite() {
  return buildThen(buildAll);
}

/** Builds everything where something has changed since the last build, `dist` included; throws as `buildSite`. */
export function ensureSite() {
  return buildThen(buildWhereChanged);
}

/** Ensures the site and reads it, for a run that another build must not change: as `readSite`. */
export function ensureSiteFiles() {
  return buildThen(buildWhereChanged, () => readSite(DIST));
}

/** Builds and resolves with what `work` makes of it, while no other build goes on. */
async function buildThen(build, work = () => undefined) {
  try {
    return await withLock(path.join(CACHE, 'build.lock'), async () => {
      await removeLeftovers();
      await build();
      return work();
    });
  } catch (error) {
    // A folder that cannot be written to, a full disk: the system's words say where.
    if (error.syscall !== undefined) {
      throw new UsageError(`The site could not be built: ${error.message}`, { cause: error });
    }
    // The bundler has printed what is wrong with the source; other errors say so themselves.
    if (error.errors === undefined) throw error;
    throw new UsageError('The site could not be built; the messages above say why.', { cause: error });
  }
}

async function buildWhereChanged() {
  if (!(await hasSameStamps(STAMPS))) await buildAll();
}

async function buildAll() {
  await removeStagings(path.join(CACHE, 'dist'));
  await forgetStamps(STAMPS);
  // What changes from here on may be in the site or not.
  const sourceStamps = await readStamps(SOURCES);
  const staging = stagingOf(path.join(CACHE, 'dist'));
  await mkdir(staging, { recursive: true });
  try {
    const [inputs] = await Promise.all([
      Promise.all(builds.map((build) => bundleInto(staging, build))),
      cp(inRoot('static'), staging, { recursive: true }),
      ensureData().then((data) => cp(data, path.join(staging, 'data'), { recursive: true })),
    ]);
    await copyBinaries(staging);
    await rm(DIST, { recursive: true, force: true });
    await rename(staging, DIST);
    const others = [...packageFiles(inputs.flat()), ...binaryPaths(), path.relative(ROOT, DIST)];
    const stamps = { ...sourceStamps, ...(await readStamps(others)) };
    await keepStamps(STAMPS, [...SOURCES, ...others], stamps);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Those of a bundle's inputs that are files of packages. */
function packageFiles(inputs) {
  return [...new Set(inputs)].filter((file) => file.includes('node_modules/'));
}

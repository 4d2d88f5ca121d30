/**
 * The four binaries of the wasm engine's kernels, compiled from AssemblyScript into the cache: plain or
 * relaxed SIMD, for one thread or for memory that threads share. Compiled again only when a source,
 * the compiler or this file has changed.
 */

import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withLock } from './lock.mjs';
import { CACHE, inRoot, packageVersion, shortHash } from './paths.mjs';
import { importSource } from './source-modules.mjs';
import { removeStagings, stagingOf } from './temporary.mjs';

const SOURCES = inRoot('src', 'worker', 'engine', 'wasm', 'kernels');
const ENTRY = 'index.ts';
/** What both sides know of the records in memory: written in TypeScript, read in AssemblyScript. */
const LAYOUT = 'src/worker/engine/wasm/layout/assembly-script.ts';
const LAYOUT_COPY = path.join(SOURCES, 'layout.ts');
const FOLDER = path.join(CACHE, 'kernels');

const BASE = '--runtime stub -O3 --noAssert --importMemory --disableWarning 112 --enable simd'.split(' ');
const RELAXED = ['--enable', 'relaxed-simd'];
// The largest memory a page may bring, in pages of 64 KiB; what it takes is the engine's choice.
const SHARED = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];

/** File names, and the compiler's options of each. */
const BINARIES = {
  'kernels-plain.wasm': BASE,
  'kernels-relaxed.wasm': [...BASE, ...RELAXED],
  'kernels-plain-shared.wasm': [...BASE, ...SHARED],
  'kernels-relaxed-shared.wasm': [...BASE, ...RELAXED, ...SHARED],
};
export const KERNEL_BINARIES = Object.keys(BINARIES);

export function kernelBinaryPath(name) {
  return path.join(FOLDER, name);
}

/** Hash of all that the binaries depend on. */
async function fingerprint() {
  const hash = createHash('sha256').update(packageVersion('assemblyscript')).update(JSON.stringify(BINARIES));
  const names = await readdir(SOURCES, { recursive: true });
  for (const name of names.filter((file) => file.endsWith('.ts')).sort()) {
    hash.update(name).update(await readFile(path.join(SOURCES, name)));
  }
  return shortHash(hash.digest('hex'));
}

/**
 * Bytes of a binary, compiled from the sources as `change` (file name, text) gives them back; tests
 * break a kernel with it. Throws with the compiler's messages.
 */
export async function compileKernels(name, change = (file, text) => text) {
  const { main } = await import('assemblyscript/asc');
  const output = `${name}.out`;
  let bytes;
  const { error, stderr } = await main([ENTRY, '--baseDir', SOURCES, ...BINARIES[name], '-o', output], {
    readFile: async (file, folder) => {
      const text = await readFile(path.resolve(folder, file), 'utf8').catch(() => null);
      return text === null ? null : change(path.basename(file), text);
    },
    writeFile: (file, content) => {
      if (path.basename(file) === output) bytes = content;
    },
  });
  if (error !== null)
    throw new Error(`${name} could not be compiled:\n${stderr.toString()}`, { cause: error });
  return bytes;
}

/** Writes the layout for the kernels again where its description has changed. */
async function writeLayout() {
  const { kernelLayout } = await importSource(LAYOUT);
  const text = kernelLayout();
  if ((await readFile(LAYOUT_COPY, 'utf8').catch(() => '')) !== text) await writeFile(LAYOUT_COPY, text);
}

/** Compiles what is out of date. Throws with the compiler's messages. */
export async function buildKernels() {
  await mkdir(FOLDER, { recursive: true });
  await withLock(path.join(CACHE, 'kernels.lock'), async () => {
    await writeLayout();
    const mark = path.join(FOLDER, 'fingerprint');
    const wanted = await fingerprint();
    if ((await readFile(mark, 'utf8').catch(() => '')) === wanted) return;
    for (const name of KERNEL_BINARIES) {
      await removeStagings(kernelBinaryPath(name));
      const written = stagingOf(kernelBinaryPath(name));
      await writeFile(written, await compileKernels(name));
      await rename(written, kernelBinaryPath(name));
    }
    await writeFile(mark, wanted);
  });
}

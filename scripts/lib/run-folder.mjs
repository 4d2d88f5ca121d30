/**
 * The folder of a headless run: which files it has, which folder a run may have, and how files are
 * renewed: each written to a temporary name and renamed, so that a reader and a crash meet whole files
 * only.
 */

import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { commandLine, pathWord, resolveGiven } from './invocation.mjs';
import { isLockName } from './lock.mjs';
import { UsageError } from './main.mjs';

export const CHECKPOINT = 'checkpoint.safetensors';
export const METRICS = 'metrics.jsonl';
export const RUN = 'run.json';
export const SAMPLES = 'samples.png';
export const MODEL = 'model';
/** The lock of the process whose run it is; beside it lie, after a crash, names that begin with it. */
export const LOCK = 'run.lock';

const FILES = [CHECKPOINT, METRICS, RUN, SAMPLES];
const MODEL_FILES = ['model.json', 'weights.bin'];

/**
 * Content of a file, as `readFile` gives it; rejects for a pipe or a device, whose end may never come and whose reading no
 * wish to stop ends.
 */
export async function readWhole(file, encoding) {
  const found = await stat(file);
  if (found.isFile() || found.isDirectory()) return readFile(file, encoding);
  throw Object.assign(new Error('it is a pipe or a device, no file'), { code: 'no file' });
}

/** Replaces a file by these bytes (or this text) all at once. */
export async function replaceFile(file, content) {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.partial`;
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * The command that goes on with the run in a folder; `name` is the folder as the person has it, `words` those about the
 * data that it was begun with.
 */
export function resumeCommand(name, words = []) {
  return commandLine('train', ['--resume', pathWord(name), ...words]);
}

function isSamePlace(one, other) {
  return existsSync(one) && existsSync(other) && realpathSync(one) === realpathSync(other);
}

/**
 * Where a run goes and what it goes on from: `out` is a folder's absolute path and `name` what the
 * person calls it; `checkpoint` is a file's path or undefined; `isInPlace` where it lies in `out`.
 */
export function planFolders({ out, resume }) {
  if (resume === undefined) {
    if (out !== undefined) {
      return { out: resolveGiven(out), name: out, checkpoint: undefined, isInPlace: false };
    }
    throw new UsageError(`Say where the run goes: --out runs/a. See ${commandLine('train', ['--help'])}.`);
  }
  const source = resolveGiven(resume);
  if (!existsSync(source)) throw new UsageError(`--resume ${resume}: there is no such folder or file.`);
  const isFolder = statSync(source).isDirectory();
  const checkpoint = isFolder ? path.join(source, CHECKPOINT) : source;
  if (!existsSync(checkpoint)) {
    throw new UsageError(
      `--resume ${resume}: the folder has no ${CHECKPOINT}, so there is nothing to go on from.`,
    );
  }
  if (!isFolder && out === undefined) {
    throw new UsageError(`--resume ${resume}: a file needs a folder to go on in; add --out runs/b.`);
  }
  if (out === undefined) return { out: source, name: resume, checkpoint, isInPlace: true };
  const target = resolveGiven(out);
  const isInPlace = isSamePlace(checkpoint, path.join(target, CHECKPOINT));
  return { out: target, name: out, checkpoint, isInPlace };
}

/** What a folder holds beside the lock. */
export function contentsOf(out) {
  return readdirSync(out).filter((name) => !isLockName(name, LOCK));
}

/** Whether the folder has a file of a run by which a run is known. `isCheckpoint` looks at bytes. */
async function holdsRun(out, isCheckpoint) {
  const run = await readWhole(path.join(out, RUN), 'utf8')
    .then(JSON.parse)
    .catch(() => null);
  if (typeof run?.recipe === 'string' && typeof run.settings === 'object') return true;
  const bytes = await readWhole(path.join(out, CHECKPOINT)).catch(() => null);
  return bytes !== null && isCheckpoint(bytes);
}

/**
 * Refuses a folder that holds something, unless it is gone on in, or `isForced` and what a new run
 * would overwrite was written by one. `isCheckpoint` says whether bytes are a checkpoint of ours.
 */
export async function checkFolder({ out, name, isInPlace }, isForced, isCheckpoint) {
  if (isInPlace) return;
  const contents = contentsOf(out);
  if (contents.length === 0) return;
  if (!isForced) {
    const isRun = contents.includes(CHECKPOINT);
    throw new UsageError(
      `--out ${name} exists and is not empty. Name another folder, ` +
        (isRun
          ? `add --force to overwrite the run in it, or go on with it: ${resumeCommand(name)}`
          : `or add --force to run in it all the same; there is no ${CHECKPOINT} in it to go on from.`),
    );
  }
  const inTheWay = contents.filter((file) => FILES.includes(file));
  if (inTheWay.length === 0 || (await holdsRun(out, isCheckpoint))) return;
  throw new UsageError(
    `--out ${name} holds ${inTheWay.join(', ')}, but nothing that shows that a run of this command wrote it, ` +
      'so it is not overwritten. Name another folder, or move it away.',
  );
}

/** The networks that an earlier run exported; other files in the folder stay. */
async function clearModel(out) {
  const folder = path.join(out, MODEL);
  const networks = await readdir(folder).catch(() => []);
  for (const network of networks) {
    const files = await readdir(path.join(folder, network)).catch(() => []);
    if (!MODEL_FILES.every((file) => files.includes(file))) continue;
    for (const file of MODEL_FILES) await rm(path.join(folder, network, file));
    await removeIfEmpty(path.join(folder, network));
  }
  await removeIfEmpty(folder);
}

async function removeIfEmpty(folder) {
  await rmdir(folder).catch((error) => {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'].includes(error.code)) throw error;
  });
}

/** Removes what an earlier run left in a folder that passed `checkFolder`; files that are not a run's stay. */
export async function clearFolder(out) {
  for (const name of FILES) await rm(path.join(out, name), { force: true });
  await clearModel(out);
}

/** Removes files of these names that a process left half written; for the holder of the folder's lock. */
export async function clearPartialFiles(out, files = FILES) {
  for (const name of await readdir(out).catch(() => [])) {
    const [, whole] = /^(.+)\.\d+\.partial$/.exec(name) ?? [];
    if (files.includes(whole)) await rm(path.join(out, name), { force: true });
  }
}

/** As `clearPartialFiles`, of a run: its files and those of the networks that it exported. */
export async function clearPartialRun(out) {
  await clearPartialFiles(out);
  const model = path.join(out, MODEL);
  for (const network of await readdir(model).catch(() => [])) {
    await clearPartialFiles(path.join(model, network), MODEL_FILES);
  }
}

export function writeMetrics(folder, evaluations) {
  const text = evaluations.map((evaluation) => `${JSON.stringify(evaluation)}\n`).join('');
  return replaceFile(path.join(folder, METRICS), text);
}

export function writeRun(folder, run) {
  return replaceFile(path.join(folder, RUN), `${JSON.stringify(run, null, 2)}\n`);
}

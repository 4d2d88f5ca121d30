/**
 * The folder of a headless run: which files it has and how they are renewed, each written to a
 * temporary name and renamed, so that a reader and a crash meet whole files only.
 */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from './main.mjs';

export const CHECKPOINT = 'checkpoint.safetensors';
export const METRICS = 'metrics.jsonl';
export const RUN = 'run.json';
export const SAMPLES = 'samples.png';
export const MODEL = 'model';

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

/** Where a run goes and what it goes on from: `checkpoint` is a file's path or undefined. */
export function planFolders({ out, resume }) {
  if (resume === undefined) {
    if (out !== undefined) return { out, checkpoint: undefined, isInPlace: false };
    throw new UsageError('Say where the run goes: --out runs/a. See npm run train -- --help.');
  }
  if (!existsSync(resume)) throw new UsageError(`--resume ${resume}: there is no such folder or file.`);
  const isFolder = statSync(resume).isDirectory();
  const checkpoint = isFolder ? path.join(resume, CHECKPOINT) : resume;
  if (!existsSync(checkpoint)) {
    throw new UsageError(
      `--resume ${resume}: the folder has no ${CHECKPOINT}, so there is nothing to go on from.`,
    );
  }
  if (!isFolder && out === undefined) {
    throw new UsageError(`--resume ${resume}: a file needs a folder to go on in; add --out runs/b.`);
  }
  const isInPlace = isFolder && (out === undefined || path.resolve(out) === path.resolve(resume));
  return { out: out ?? resume, checkpoint, isInPlace };
}

/** Refuses a folder that holds something, unless it may be overwritten or is gone on in. */
export function checkFolder({ out, isInPlace }, isForced) {
  if (!existsSync(out) || isInPlace) return;
  if (!statSync(out).isDirectory()) throw new UsageError(`--out ${out} is a file; name a folder.`);
  if (isForced || readdirSync(out).length === 0) return;
  throw new UsageError(
    `--out ${out} exists and is not empty. Name another folder, add --force to overwrite the run in it, ` +
      `or go on with it by --resume ${out}.`,
  );
}

/** Removes what an earlier run left; files that are not a run's stay. */
export async function clearFolder(out) {
  for (const name of [CHECKPOINT, METRICS, RUN, SAMPLES, MODEL]) {
    await rm(path.join(out, name), { recursive: true, force: true });
  }
}

/**
 * The evaluations of `folder` up to and including `step`. A run that was killed between two writes
 * has one line more than its checkpoint knows of; going on writes that line again.
 */
export async function readMetrics(folder, step) {
  const text = await readFile(path.join(folder, METRICS), 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line)).filter((evaluation) => evaluation.step <= step);
}

export function writeMetrics(folder, evaluations) {
  const text = evaluations.map((evaluation) => `${JSON.stringify(evaluation)}\n`).join('');
  return replaceFile(path.join(folder, METRICS), text);
}

export async function readRun(folder) {
  const text = await readFile(path.join(folder, RUN), 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return 'null';
    throw error;
  });
  return JSON.parse(text);
}

export function writeRun(folder, run) {
  return replaceFile(path.join(folder, RUN), `${JSON.stringify(run, null, 2)}\n`);
}

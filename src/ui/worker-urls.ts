/**
 * The URLs that a worker starts with, from what a page gives: its script and the folder of the data. What
 * is missing or empty means the files of this build.
 */

import { TrainerError } from '../protocol/errors.js';
import { describeValue } from '../protocol/wording.js';
import { folderUrl } from '../browser/folder-url.js';
import { workerScript, type ScriptUrl } from '../browser/worker-script.js';

/** A URL as a page gives it; null and text without a letter are what a removed or empty attribute leaves. */
export type GivenUrl = string | URL | ScriptUrl | null | undefined;

export interface GivenUrls {
  readonly workerUrl?: GivenUrl;
  readonly dataUrl?: GivenUrl;
  /** What relative ones are relative to. Default: the document. */
  readonly baseUrl?: string | undefined;
}

export interface WorkerUrls {
  /** For `new Worker`. */
  readonly script: string | ScriptUrl;
  /** Where the script comes from. */
  readonly workerUrl: URL;
  /** Folder; ends with a slash. */
  readonly dataUrl: string;
}

function isMissing(given: GivenUrl): given is null | undefined {
  return given === null || given === undefined || given.toString().trim() === '';
}

function refuse(name: string, given: GivenUrl, allowed: string): TrainerError {
  return new TrainerError(
    'InvalidSettings',
    `"${name}" is ${describeValue(given?.toString())}; allowed: ${allowed}. Without it the files of this build are used.`,
  );
}

/** Throws where this module came without an address that others can be relative to, as from a blob. */
function ownFile(find: () => URL): URL {
  try {
    return find();
  } catch (cause) {
    const message =
      `The files of this build cannot be found from ${describeValue(import.meta.url)}. ` +
      'Give "worker-url" and "data-url".';
    throw new TrainerError('InvalidSettings', message, { cause });
  }
}

function resolveWorkerUrl(given: GivenUrl, base: string): URL {
  // Bundlers leave these expressions alone; the depth is the same in `src` and in `dist`.
  if (isMissing(given)) return ownFile(() => new URL('../worker/worker.js', import.meta.url));
  try {
    return new URL(given.toString(), base);
  } catch {
    throw refuse('worker-url', given, 'the URL of the worker’s script, absolute or relative to the document');
  }
}

function resolveDataUrl(given: GivenUrl, base: string): string {
  if (isMissing(given)) return ownFile(() => new URL('../data/', import.meta.url)).href;
  const folder = folderUrl(given.toString(), base);
  if (folder !== null) return folder;
  throw refuse(
    'data-url',
    given,
    'the URL of a folder with the four data files, absolute or relative to the document',
  );
}

/** Throws `InvalidSettings` where one is none. */
export function workerUrls({ workerUrl: given, dataUrl, baseUrl = document.baseURI }: GivenUrls): WorkerUrls {
  const workerUrl = resolveWorkerUrl(given, baseUrl);
  const isObject = typeof given === 'object' && given !== null;
  return {
    script: workerScript(isObject && !(given instanceof URL) ? given : workerUrl, baseUrl),
    workerUrl,
    dataUrl: resolveDataUrl(dataUrl, baseUrl),
  };
}

/**
 * The URLs that a worker starts with, from what a page gives: its script and the folder of the data. What
 * is missing or empty means the files of this build.
 */

import { TrainerError } from '../protocol/errors.js';
import { describeValue } from '../protocol/wording.js';
import { feature } from '../browser/feature.js';
import { folderUrl } from '../browser/folder-url.js';
import type { MovedFiles } from '../browser/build-files.js';
import { workerScript, type ScriptUrl } from '../browser/worker-script.js';
import { dataFolderBeside, filesMovedFrom, workerUrl as ownWorkerUrl } from './worker-files.js';

/** A URL as a page gives it; null and text without a letter are what a removed or empty attribute leaves. */
export type GivenUrl = string | URL | ScriptUrl | null | undefined;

export interface GivenUrls {
  readonly workerUrl?: GivenUrl;
  readonly dataUrl?: GivenUrl;
  /** What relative ones are relative to. Default: the document. */
  readonly baseUrl?: string | undefined;
}

/** What a worker is made from. */
export interface WorkerScript {
  /** For `new Worker`. */
  readonly script: string | ScriptUrl;
  /** Where the script comes from. */
  readonly workerUrl: URL;
  /** What a host's bundler has put elsewhere than beside the script; nothing where the page names a script. */
  readonly files: MovedFiles;
}

export interface WorkerUrls extends WorkerScript {
  /** Folder; ends with a slash. */
  readonly dataUrl: string;
}

/** Where a worker of this build is. May throw, where the module that knows came without an address. */
export type FindOwnWorker = () => URL;

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
function ownWorker(find: FindOwnWorker): URL {
  try {
    return find();
  } catch (cause) {
    const message =
      'The element’s script has no address that the files of this build could be found from. ' +
      'Give "worker-url" and "data-url".';
    throw new TrainerError('InvalidSettings', message, { cause });
  }
}

/** The data of a built site; a package carries none. */
function ownData(find: FindOwnWorker): string {
  const folder = dataFolderBeside(ownWorker(find));
  if (folder !== null) return folder;
  const message =
    'There are no images to learn from: they do not come with the package. Write them with ' +
    '"npx sgan-trainer data FOLDER" to where they are served, and name that folder with "data-url".';
  throw new TrainerError('DataUnavailable', message);
}

function resolveWorkerUrl(given: GivenUrl, base: string, find: FindOwnWorker): URL {
  if (isMissing(given)) return ownWorker(find);
  try {
    return new URL(given.toString(), base);
  } catch {
    throw refuse('worker-url', given, 'the URL of the worker’s script, absolute or relative to the document');
  }
}

function resolveDataUrl(given: GivenUrl, base: string, find: FindOwnWorker): string {
  if (isMissing(given)) return ownData(find);
  const folder = folderUrl(given.toString(), base);
  if (folder !== null) return folder;
  throw refuse(
    'data-url',
    given,
    'the URL of a folder with the four data files, absolute or relative to the document',
  );
}

/** Whether a script comes from where this build does. */
function isFromOwnOrigin({ origin }: URL, find: FindOwnWorker): boolean {
  return origin !== 'null' && origin === feature(find)?.origin;
}

/** The script alone, unless given that which `find` finds. Throws `InvalidSettings` where it is none. */
export function workerScriptOf(
  { workerUrl: given, baseUrl = document.baseURI }: GivenUrls,
  find: FindOwnWorker = ownWorkerUrl,
): WorkerScript {
  const workerUrl = resolveWorkerUrl(given, baseUrl, find);
  const isMine = isMissing(given);
  const isTrustedByPage = !isMine && typeof given === 'object' && !(given instanceof URL);
  const isOwn = isMine || isFromOwnOrigin(workerUrl, find);
  return {
    script: workerScript(isTrustedByPage ? given : workerUrl, { baseUrl, isOwn }),
    workerUrl,
    files: isMine ? filesMovedFrom(workerUrl) : {},
  };
}

/** Script and data. Throws `InvalidSettings` where one is none, `DataUnavailable` where there are no data. */
export function workerUrls(given: GivenUrls, find: FindOwnWorker = ownWorkerUrl): WorkerUrls {
  const { dataUrl, baseUrl = document.baseURI } = given;
  return { ...workerScriptOf(given, find), dataUrl: resolveDataUrl(dataUrl, baseUrl, find) };
}

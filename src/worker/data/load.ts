/**
 * Fetches the four files of a data set and reports bytes. Owns every way in which fetching can fail;
 * unpacking is `unpack.ts`, parsing `idx.ts`, what they make together `assemble.ts`.
 */

import { folderUrl } from '../../browser/folder-url.js';
import { TrainerError } from '../../protocol/errors.js';
import { assembleDataset } from './assemble.js';
import type { Dataset } from './dataset.js';
import { describeError, describeValue, formatNumber } from '../../protocol/wording.js';
import type { IdxKind } from './idx.js';
import { Unpacker } from './unpack.js';

export const DATA_FILES = ['train-images.gz', 'train-labels.gz', 'test-images.gz', 'test-labels.gz'] as const;

const ADVICE = '"npx sgan-trainer data FOLDER" writes them, and "data-url" names the folder.';

export interface LoadOptions {
  /** Folder with the files; ends with a slash. */
  readonly dataUrl: string;
  readonly signal: AbortSignal;
  /** Bytes over the network so far and in all (0 where a server does not say, or said too little). */
  readonly onProgress: (loadedBytes: number, totalBytes: number) => void;
  readonly fetch: typeof fetch;
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new TrainerError('Aborted', 'Loading the data was given up.');
}

/** Size of a body as it will be read; 0 where unknown, as where the server's length is of a coded body. */
function announcedBytes(response: Response): number {
  const isCoded = (response.headers.get('content-encoding') ?? 'identity') !== 'identity';
  const length = Number(response.headers.get('content-length') ?? 0);
  return isCoded || !Number.isSafeInteger(length) || length < 0 ? 0 : length;
}

async function request(file: string, { dataUrl, signal, fetch }: LoadOptions): Promise<Response> {
  const folder = folderUrl(dataUrl);
  if (folder === null) {
    throw new TrainerError(
      'DataUnavailable',
      `The data cannot be fetched from ${describeValue(dataUrl)}, which is the URL of no folder.`,
    );
  }
  const url = new URL(file, folder).href;
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    throwIfAborted(signal);
    throw new TrainerError(
      'DataUnavailable',
      `${file}: ${url} cannot be fetched (${describeError(error)}).`,
      { cause: error },
    );
  }
  // A development server that answers with the app's page whatever is asked for.
  if (response.ok && /^text\/html\b/.test(response.headers.get('content-type') ?? '')) {
    throw new TrainerError(
      'DataUnavailable',
      `${file}: the server answered with a page (text/html) for ${url}, so the file is not there: ${ADVICE}`,
    );
  }
  if (!response.ok) {
    throw new TrainerError(
      'DataUnavailable',
      `${file}: the server answered ${response.status} for ${url}. The four data files must lie there: ${ADVICE}`,
    );
  }
  return response;
}

/** A body as raw IDX, unpacked while it arrives. */
async function readBody(
  file: string,
  response: Response,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const kind: IdxKind = file.includes('images') ? 'images' : 'labels';
  const unpacker = new Unpacker(file, kind);
  const reader = response.body?.getReader();
  let received = 0;
  const readPart = async (): Promise<Uint8Array | undefined> => {
    try {
      return (await reader?.read())?.value;
    } catch (error) {
      throwIfAborted(signal);
      throw new TrainerError(
        'DataUnavailable',
        `${file}: the connection broke after ${formatNumber(received)} bytes (${describeError(error)}).`,
        { cause: error },
      );
    }
  };
  for (let part = await readPart(); part !== undefined; part = await readPart()) {
    received += part.length;
    onBytes(part.length);
    throwIfAborted(signal);
    unpacker.push(part);
  }
  throwIfAborted(signal);
  return unpacker.finish();
}

/**
 * Loads all four files at once. Throws `DataUnavailable` (network, HTTP status), `DataInvalid`
 * (content) or `Aborted`.
 */
export async function loadDataset(options: LoadOptions): Promise<Dataset> {
  // One failure ends the other downloads too.
  const failure = new AbortController();
  const giveUp = (): void => failure.abort();
  const { signal } = failure;
  options.signal.addEventListener('abort', giveUp);
  if (options.signal.aborted) giveUp();
  try {
    const responses = await Promise.all(DATA_FILES.map((file) => request(file, { ...options, signal })));
    const sizes = responses.map(announcedBytes);
    let totalBytes = sizes.includes(0) ? 0 : sizes.reduce((sum, size) => sum + size, 0);
    let loadedBytes = 0;
    options.onProgress(0, totalBytes);
    const bodies = await Promise.all(
      DATA_FILES.map((file, i) => {
        let received = 0;
        return readBody(file, responses[i]!, signal, (bytes) => {
          loadedBytes += bytes;
          received += bytes;
          // What was announced is of a coded body, which a server need not tell a page from elsewhere.
          if (received > sizes[i]!) totalBytes = 0;
          options.onProgress(loadedBytes, totalBytes);
        });
      }),
    );
    throwIfAborted(options.signal);
    const [trainImages, trainLabels, testImages, testLabels] = DATA_FILES;
    return assembleDataset(
      {
        imagesFile: trainImages,
        imagesBytes: bodies[0]!,
        labelsFile: trainLabels,
        labelsBytes: bodies[1]!,
      },
      { imagesFile: testImages, imagesBytes: bodies[2]!, labelsFile: testLabels, labelsBytes: bodies[3]! },
    );
  } catch (error) {
    failure.abort();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', giveUp);
  }
}

/**
 * Fetches the four files of a data set, reports bytes, unpacks by content, and puts train and test
 * sets together. Owns every way in which fetching can fail; parsing is `idx.ts`.
 */

import { folderUrl } from '../../browser/folder-url.js';
import { TrainerError } from '../../protocol/errors.js';
import type { Dataset, ImageSet } from './dataset.js';
import { describeError, describeStart, describeValue, formatNumber } from '../../protocol/wording.js';
import { CLASSES, IMAGE_SIZE, invalidData, parseImages, parseLabels, startsAsIdx } from './idx.js';

export const DATA_FILES = ['train-images.gz', 'train-labels.gz', 'test-images.gz', 'test-labels.gz'] as const;

export interface LoadOptions {
  /** Folder with the files; ends with a slash. */
  readonly dataUrl: string;
  readonly signal: AbortSignal;
  /** Bytes over the network so far and in all (0 where a server does not say). */
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
  return isCoded || !Number.isFinite(length) ? 0 : length;
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
  if (!response.ok) {
    throw new TrainerError(
      'DataUnavailable',
      `${file}: the server answered ${response.status} for ${url}. The four data files must lie there.`,
    );
  }
  return response;
}

/** Joins chunks into one array. */
function join(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

async function readBody(
  file: string,
  response: Response,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let received = 0;
  try {
    const reader = response.body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (part === undefined || part.done) break;
      chunks.push(part.value);
      received += part.value.length;
      onBytes(part.value.length);
    }
  } catch (error) {
    throwIfAborted(signal);
    throw new TrainerError(
      'DataUnavailable',
      `${file}: the connection broke after ${formatNumber(received)} bytes (${describeError(error)}).`,
      { cause: error },
    );
  }
  throwIfAborted(signal);
  return join(chunks);
}

/**
 * A body as raw IDX, whatever its name or headers say: gzip is told by its first two bytes (a
 * server may have decoded it already). Throws `DataInvalid` naming `file`.
 */
export async function unpack(file: string, body: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (body.length === 0) throw invalidData(file, 'it is empty.');
  if (startsAsIdx(body)) return body;
  if (body[0] !== 0x1f || body[1] !== 0x8b) {
    throw invalidData(file, `it is neither gzip nor IDX; it begins with ${describeStart(body)}.`);
  }
  let unpacked: Uint8Array<ArrayBuffer>;
  try {
    const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream('gzip'));
    unpacked = new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    if (error instanceof RangeError) {
      const advice = 'Close other tabs and try again.';
      throw new TrainerError('OutOfMemory', `${file}: there is no memory to unpack it. ${advice}`, {
        cause: error,
      });
    }
    const size = formatNumber(body.length);
    throw invalidData(file, `its gzip data is damaged or cut off (${size} bytes read).`, error);
  }
  if (!startsAsIdx(unpacked)) {
    throw invalidData(file, `its gzip data is not IDX; it begins with ${describeStart(unpacked)}.`);
  }
  return unpacked;
}

function makeSet(
  imagesFile: string,
  imagesBytes: Uint8Array<ArrayBuffer>,
  labelsFile: string,
  labelsBytes: Uint8Array<ArrayBuffer>,
): ImageSet {
  const { count, images } = parseImages(imagesFile, imagesBytes);
  const { count: labelCount, labels } = parseLabels(labelsFile, labelsBytes);
  if (count !== labelCount) {
    throw invalidData(
      imagesFile,
      `${formatNumber(count)} images, but ${labelsFile} has ${formatNumber(labelCount)} labels.`,
    );
  }
  return { count, images, labels };
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
    const totalBytes = sizes.includes(0) ? 0 : sizes.reduce((sum, size) => sum + size, 0);
    let loadedBytes = 0;
    options.onProgress(0, totalBytes);
    const bodies = await Promise.all(
      DATA_FILES.map(async (file, i) => {
        const body = await readBody(file, responses[i]!, signal, (bytes) => {
          loadedBytes += bytes;
          options.onProgress(loadedBytes, totalBytes);
        });
        return unpack(file, body);
      }),
    );
    throwIfAborted(options.signal);
    const [trainImages, trainLabels, testImages, testLabels] = DATA_FILES;
    const dataset: Dataset = {
      imageShape: [...IMAGE_SIZE, 1],
      classes: CLASSES,
      classNames: Array.from({ length: CLASSES }, (_, digit) => String(digit)),
      train: makeSet(trainImages, bodies[0]!, trainLabels, bodies[1]!),
      test: makeSet(testImages, bodies[2]!, testLabels, bodies[3]!),
    };
    return dataset;
  } catch (error) {
    failure.abort();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', giveUp);
  }
}

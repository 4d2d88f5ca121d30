/** TensorFlow.js from its own file, in the built worker; see scripts/lib/tfjs-apart.mjs. */

import { buildFile, movedFiles } from '../../browser/build-files.js';
import { TrainerError } from '../../protocol/errors.js';
import { describeError } from '../../protocol/wording.js';
import type * as tfjsFile from './tfjs/tfjs-file.js';

type TfjsFile = typeof tfjsFile;

/** Throws `EngineUnavailable` where the file cannot be had. */
export async function importTfjsFile(): Promise<TfjsFile> {
  const { href } = buildFile('tfjs.js', import.meta.url);
  let file: TfjsFile;
  try {
    // Bundlers of hosts leave it alone: the address is known when the worker runs.
    file = (await import(/* webpackIgnore: true */ /* @vite-ignore */ href)) as TfjsFile;
  } catch (cause) {
    const message = `TensorFlow.js could not be loaded from ${href} (${describeError(cause)}). Serve the whole build.`;
    throw new TrainerError('EngineUnavailable', message, { cause });
  }
  // It has its own copy of what both need.
  file.useMovedFiles(movedFiles());
  return file;
}

/** naga, wgpu's shader compiler: where it is, and what it says of WGSL files. Owns no text and no judgement. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from './main.mjs';

const run = promisify(execFile);

const LIMIT_MS = 60_000;

/** What each text is translated to: a file's ending, what naga has to be told, and whether it has float16 (GLSL ES has none). */
export const LANGUAGES = {
  'SPIR-V': { ending: 'spv', args: [] },
  MSL: { ending: 'metal', args: ['--metal-version', '2.1'] },
  HLSL: { ending: 'hlsl', args: ['--shader-model', '60'] },
  GLSL: { ending: 'comp', args: ['--profile', 'es310', '--entry-point', 'main'], hasHalves: false },
};

/** The version of the naga in PATH; null where there is none. */
export async function nagaVersion() {
  try {
    return (await run('naga', ['--version'], { timeout: LIMIT_MS })).stdout.trim();
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    const words = `${error.stderr ?? ''}`.trim() || error.message;
    throw new UsageError(
      `The naga on PATH does not tell its version (${words}). Mend it, or take it from PATH: the check goes on without.`,
      { cause: error },
    );
  }
}

/** The first lines of what naga says against a text; null where it says nothing. */
async function complaintOf(args) {
  try {
    await run('naga', args, { timeout: LIMIT_MS });
    return null;
  } catch (error) {
    const lines = `${error.stderr ?? ''}${error.stdout ?? ''}`.trim().split('\n');
    return lines.slice(0, 6).join('\n') || error.message;
  }
}

/**
 * Validates a file and translates it to every language that has what it needs, into `folder`. Resolves with words for each
 * that went wrong, none for a sound text.
 */
async function checkFile(file, folder) {
  const name = path.basename(file, '.wgsl');
  const problems = [];
  const invalid = await complaintOf([file]);
  if (invalid !== null) return [`is not valid: ${invalid}`];
  const takesHalves = /^enable f16;$/m.test(await readFile(file, 'utf8'));
  for (const [language, { ending, args, hasHalves = true }] of Object.entries(LANGUAGES)) {
    if (takesHalves && !hasHalves) continue;
    const complaint = await complaintOf([...args, file, path.join(folder, `${name}.${ending}`)]);
    if (complaint !== null) problems.push(`does not translate to ${language}: ${complaint}`);
  }
  return problems;
}

/** What naga says of these files, as many at once as there are cores: a map from a file to words, sound ones left out. */
export async function checkWithNaga(files, folder, onDone = () => {}) {
  const problems = new Map();
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const found = await checkFile(file, folder);
      if (found.length > 0) problems.set(file, found);
      onDone();
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, work));
  return problems;
}

/** Mesa's RADV as a compiler: what it makes of SPIR-V for a GPU that is not there. */

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { inRoot } from './paths.mjs';

const run = promisify(execFile);
/** Of all that is printed for a recipe. */
const MOST_BYTES = 2 ** 28;

/** What RADV makes of files of SPIR-V, by file: `compile-radv`'s lines. */
export async function compileRadv(files, family, { compiler, driver }, folder) {
  const program = path.join(folder, 'compile-radv');
  await run(compiler, ['-O1', '-o', program, inRoot('bench/gpu-audit/compile-radv.c'), '-lvulkan']);
  const { stdout } = await run(program, files, {
    maxBuffer: MOST_BYTES,
    env: {
      ...process.env,
      RADV_FORCE_FAMILY: family,
      VK_ICD_FILENAMES: driver,
      MESA_SHADER_CACHE_DISABLE: 'true',
      // Mesa asks for one, and complains where there is none.
      XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? folder,
    },
  });
  const lines = stdout.trim().split('\n');
  return new Map(lines.map((line) => JSON.parse(line)).map((compiled) => [compiled.file, compiled]));
}

/** SPIR-V of WGSL texts, as Dawn gives it to a Vulkan driver; kept in the cache, since making it takes a minute. */

import { execFile } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { packedChromium } from './packed-chromium.mjs';
import { CACHE, inRoot, packageVersion, shortHash } from './paths.mjs';
import { stagingOf } from './temporary.mjs';

const run = promisify(execFile);
const FOLDER = path.join(CACHE, 'spirv');
/** Of all that Dawn prints for a recipe. */
const MOST_BYTES = 2 ** 28;

function fileOf(code) {
  return path.join(FOLDER, `${shortHash(`${packageVersion('webgpu')}\n${code}`)}.spv`);
}

/** The disassembled SPIR-V in Dawn's dump, by the name that the first line of the WGSL gives. */
export function splitDump(dump) {
  const texts = new Map();
  for (const part of dump.split(/^\/\/ Dumped WGSL:\n/m).slice(1)) {
    const name = /^\/\/ FILE (\S+)\.wgsl/.exec(part)?.[1];
    const [, after] = part.split('/* Dumped SPIRV disassembly */\n');
    if (name === undefined || after === undefined) continue;
    // Up to the heading of whatever Dawn prints next.
    const [text] = after.split(/^(?:info|warning|error):/m);
    texts.set(name, text.replace('"dawn_entry_point"', '"main"'));
  }
  return texts;
}

/** Runs Dawn on the packed Chromium's software driver: it is the one that opens everywhere. */
async function dump(files, log) {
  const folder = path.dirname((await packedChromium(log)).executablePath);
  const { LD_LIBRARY_PATH } = process.env;
  const { stdout } = await run(process.execPath, [inRoot('bench/gpu-audit/dump-spirv.mjs'), ...files], {
    maxBuffer: MOST_BYTES,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [folder, LD_LIBRARY_PATH].filter(Boolean).join(':'),
      VK_ICD_FILENAMES: path.join(folder, 'vk_swiftshader_icd.json'),
    },
  });
  return splitDump(stdout);
}

/** Files of SPIR-V by WGSL text. `folder` takes what is in between. */
export async function makeSpirv(codes, assembler, folder, log) {
  await mkdir(FOLDER, { recursive: true });
  const unknown = codes.filter((code) => !existsSync(fileOf(code)));
  if (unknown.length > 0) {
    log(`Dawn compiles ${unknown.length} shaders (once; a minute or more)`);
    const name = (code) => path.basename(fileOf(code), '.spv');
    const files = unknown.map((code) => path.join(folder, `${name(code)}.wgsl`));
    await Promise.all(files.map((file, index) => writeFile(file, unknown[index])));
    const texts = await dump(files, log);
    for (const code of unknown) {
      const text = texts.get(name(code));
      if (text === undefined) {
        const [line] = code.split('\n');
        throw new Error(`Dawn ${packageVersion('webgpu')} printed no SPIR-V for the shader of "${line}".`);
      }
      const source = path.join(folder, `${name(code)}.spvasm`);
      await writeFile(source, text);
      const staging = stagingOf(fileOf(code));
      await run(assembler, ['--target-env', 'vulkan1.2', source, '-o', staging]);
      await rename(staging, fileOf(code));
    }
  }
  return new Map(codes.map((code) => [code, fileOf(code)]));
}

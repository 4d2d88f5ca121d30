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

/** Dawn may give drivers other SPIR-V: `driver` is the one that it was made for, null for the packed Chromium's. */
function fileOf(code, driver) {
  const maker = [packageVersion('webgpu'), ...(driver === null ? [] : [driver])].join(' ');
  return path.join(FOLDER, `${shortHash(`${maker}\n${code}`)}.spv`);
}

/**
 * What Dawn promises of branches to drivers that know such promises, lavapipe for one; older assemblers and older RADVs know none.
 */
const RECONVERGENCE = /^.*(?:MaximallyReconvergesKHR|SPV_KHR_maximal_reconvergence).*\n/gm;

/** The disassembled SPIR-V in Dawn's dump, by the name that the first line of the WGSL gives. */
export function splitDump(dump) {
  const texts = new Map();
  for (const part of dump.split(/^\/\/ Dumped WGSL:\n/m).slice(1)) {
    const name = /^\/\/ FILE (\S+)\.wgsl/.exec(part)?.[1];
    const [, after] = part.split('/* Dumped SPIRV disassembly */\n');
    if (name === undefined || after === undefined) continue;
    // Up to the heading of whatever Dawn prints next.
    const [text] = after.split(/^(?:info|warning|error):/m);
    texts.set(name, text.replace('"dawn_entry_point"', '"main"').replaceAll(RECONVERGENCE, ''));
  }
  return texts;
}

/** Where Dawn finds a driver; the packed Chromium's software driver opens everywhere. */
async function surroundingsOf(driver, log) {
  if (driver !== null) return { VK_ICD_FILENAMES: driver };
  const folder = path.dirname((await packedChromium(log)).executablePath);
  const { LD_LIBRARY_PATH } = process.env;
  return {
    LD_LIBRARY_PATH: [folder, LD_LIBRARY_PATH].filter(Boolean).join(':'),
    VK_ICD_FILENAMES: path.join(folder, 'vk_swiftshader_icd.json'),
  };
}

/** After some hundred shaders Dawn's process dies of an assertion about its threads. */
const SHADERS_A_PROCESS = 64;
/** Of a portion that Dawn's process did not survive. */
const TRIES = 2;

async function dump(files, driver, log) {
  const env = { ...process.env, ...(await surroundingsOf(driver, log)) };
  const args = [inRoot('bench/gpu-audit/dump-spirv.mjs'), ...files];
  for (let tries = 1; ; tries++) {
    try {
      const { stdout } = await run(process.execPath, args, { maxBuffer: MOST_BYTES, env });
      return splitDump(stdout);
    } catch (error) {
      // An exit of its own has said why; only a crash may end otherwise.
      if (tries === TRIES || typeof error.signal !== 'string') throw error;
      log(`Dawn's process died of ${error.signal}; it is started again`);
    }
  }
}

/** Assembles what Dawn makes of the texts, and keeps it. */
async function compilePortion(codes, { assembler, dawnDriver }, folder, log) {
  const name = (code) => path.basename(fileOf(code, dawnDriver), '.spv');
  const files = codes.map((code) => path.join(folder, `${name(code)}.wgsl`));
  await Promise.all(files.map((file, index) => writeFile(file, codes[index])));
  const texts = await dump(files, dawnDriver, log);
  for (const code of codes) {
    const text = texts.get(name(code));
    if (text === undefined) {
      const [line] = code.split('\n');
      throw new Error(`Dawn ${packageVersion('webgpu')} printed no SPIR-V for the shader of "${line}".`);
    }
    const source = path.join(folder, `${name(code)}.spvasm`);
    await writeFile(source, text);
    const staging = stagingOf(fileOf(code, dawnDriver));
    await run(assembler, ['--target-env', 'vulkan1.2', source, '-o', staging]);
    await rename(staging, fileOf(code, dawnDriver));
  }
}

/** Files of SPIR-V by WGSL text, as Dawn makes it for a driver. `folder` takes what is in between. */
export async function makeSpirv(codes, tools, folder, log) {
  const { dawnDriver } = tools;
  await mkdir(FOLDER, { recursive: true });
  const unknown = codes.filter((code) => !existsSync(fileOf(code, dawnDriver)));
  for (let start = 0; start < unknown.length; start += SHADERS_A_PROCESS) {
    const portion = unknown.slice(start, start + SHADERS_A_PROCESS);
    log(
      `Dawn compiles shaders ${start + 1} to ${start + portion.length} of ${unknown.length} (once; minutes)`,
    );
    await compilePortion(portion, tools, folder, log);
  }
  return new Map(codes.map((code) => [code, fileOf(code, dawnDriver)]));
}

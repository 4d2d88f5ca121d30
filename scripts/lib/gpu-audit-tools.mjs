/** What the audit needs of the machine: Mesa's RADV, a C compiler with Vulkan's headers, an assembler of SPIR-V. */

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { hasPackedChromium } from './packed-chromium.mjs';

const DRIVER_FOLDERS = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];
const INCLUDE_FOLDERS = ['/usr/include', '/usr/local/include'];

/** Mesa's driver of a name: the file by which Vulkan finds it. */
function findDriver(name) {
  const files = DRIVER_FOLDERS.filter(existsSync).flatMap((folder) =>
    readdirSync(folder).map((name) => path.join(folder, name)),
  );
  return files.find((file) => [`${name}_icd.json`, `${name}_icd.x86_64.json`].includes(path.basename(file)));
}

function findCommand(name, folders) {
  return folders.map((folder) => path.join(folder, name)).find(existsSync);
}

/**
 * `driver`, `compiler` and `assembler` are paths; `missing` names what is not there. `dawnDriver` is what Dawn has to make
 * SPIR-V of float16 for, which the packed Chromium's has not: lavapipe, or the driver that Vulkan was told of; else null.
 */
export function findTools({
  isSupported = hasPackedChromium(),
  searchPath = process.env.PATH ?? '',
  float16 = false,
} = {}) {
  if (!isSupported) return { missing: ['Linux on x64'] };
  const folders = searchPath.split(path.delimiter).filter((folder) => folder !== '');
  const driver = findDriver('radeon');
  const dawnDriver = float16 ? (process.env.VK_ICD_FILENAMES ?? findDriver('lvp')) : null;
  const compiler = findCommand('cc', folders) ?? findCommand('gcc', folders);
  const assembler = findCommand('spirv-as', folders);
  const header = findCommand('vulkan/vulkan.h', INCLUDE_FOLDERS);
  const needs = [
    ["Mesa's RADV", driver],
    ["Mesa's lavapipe", dawnDriver],
    ['a C compiler', compiler],
    ['spirv-as', assembler],
    ["Vulkan's headers", header],
  ];
  const missing = needs.filter(([, found]) => found === undefined).map(([name]) => name);
  return { driver, dawnDriver, compiler, assembler, missing };
}

export function describeMissing(missing) {
  const what = `The audit is skipped: this machine lacks ${missing.join(', ')}.`;
  if (missing.includes('Linux on x64')) return what;
  return `${what} On Debian and Ubuntu: apt-get install mesa-vulkan-drivers libvulkan-dev spirv-tools gcc`;
}

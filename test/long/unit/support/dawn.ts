/** WebGPU in Node for tests of what the browser's software adapter lacks: Dawn, on the driver that Vulkan is told of or Mesa's lavapipe. */

import { existsSync } from 'node:fs';
import { create, globals } from 'webgpu';

const LAVAPIPE = ['lvp_icd.json', 'lvp_icd.x86_64.json'].map((name) => `/usr/share/vulkan/icd.d/${name}`);

/** Why tests of a feature cannot run here; null where they can: then `navigator.gpu` offers it. */
export async function whyNotOnDawn(feature: string): Promise<string | null> {
  const driver = process.env['VK_ICD_FILENAMES'] ?? LAVAPIPE.find(existsSync);
  if (driver === undefined) return "Mesa's lavapipe is not installed: apt-get install mesa-vulkan-drivers";
  process.env['VK_ICD_FILENAMES'] = driver;
  // Lavapipe would take minutes to optimise what runs once.
  process.env['GALLIVM_PERF'] ??= 'nopt';
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null)
    return `Dawn finds no adapter with ${driver}: it refuses drivers that are too old, lavapipe of Mesa 22 for one`;
  if (!adapter.features.has(feature)) return `${adapter.info.description} has no "${feature}"`;
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  return null;
}

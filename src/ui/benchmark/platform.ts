/** What this tab runs on, as far as a page can tell. */

import type { Survey } from '../../protocol/benchmark/orders.js';
import type { MachineDescription } from '../../protocol/benchmark/report.js';
import { feature } from '../../browser/feature.js';

interface Told {
  readonly userAgentData?: { readonly platform?: string };
  readonly deviceMemory?: number;
  readonly getBattery?: () => Promise<{ readonly charging: boolean }>;
}

const told = (): Told => navigator as Told;

/** In this order: most browsers claim to be others as well. */
const BROWSERS = [
  ['Edge', /Edg\/([\d.]+)/],
  ['Opera', /OPR\/([\d.]+)/],
  ['Firefox', /Firefox\/([\d.]+)/],
  ['Chrome', /(?:Headless)?Chrome\/([\d.]+)/],
  ['Safari', /Version\/([\d.]+).*Safari/],
] as const;

/** Name and version; the whole text where it is none of those known. */
export function browserName(userAgent: string): string {
  for (const [name, pattern] of BROWSERS) {
    const [, version] = pattern.exec(userAgent) ?? [];
    if (version !== undefined) return `${name} ${version}`;
  }
  return userAgent.slice(0, 100);
}

const SYSTEMS = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['macOS', /Mac OS X/],
  ['Windows', /Windows/],
  ['ChromeOS', /CrOS/],
  ['Linux', /Linux/],
] as const;

export function systemName(userAgent: string): string {
  return SYSTEMS.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? '';
}

async function isOnBattery(): Promise<boolean | null> {
  try {
    const battery = await told().getBattery?.();
    return battery === undefined ? null : !battery.charging;
  } catch {
    return null;
  }
}

export async function describeMachine({ cores, isIsolated }: Survey): Promise<MachineDescription> {
  const { userAgent } = navigator;
  const memory = feature(() => told().deviceMemory);
  const system = systemName(userAgent);
  return {
    browser: browserName(userAgent) + (system === '' ? '' : `, ${system}`),
    cpu: null,
    cores,
    // Browsers round it, to a power of two.
    memoryBytes: memory === undefined ? null : memory * 2 ** 30,
    loadAverageBefore: null,
    loadAverage: null,
    isIsolated,
    isOnBattery: await isOnBattery(),
  };
}

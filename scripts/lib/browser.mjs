/**
 * Finds a browser that launches and launches it headless: CHROME_PATH, the packed Chromium, an
 * installed one. Owns the order, the flags and the sandbox; one that fails is passed over aloud.
 */

import puppeteer from 'puppeteer-core';
import { installedBrowsers } from './installed-browsers.mjs';
import { UsageError } from './main.mjs';
import { hasPackedChromium, packedChromium } from './packed-chromium.mjs';

/** Keep a browser from asking its maker's servers for anything. */
export const QUIET_FLAGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

/** WebGPU on the browser's own software adapter: the same on every machine. */
const SOFTWARE_WEBGPU_FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** WebGPU on the machine's GPU; headless Chromium on Linux reaches it through Vulkan only. */
export function hardwareWebGpuFlags(platform) {
  return [
    '--enable-unsafe-webgpu',
    '--ignore-gpu-blocklist',
    ...(platform === 'linux' ? ['--enable-features=Vulkan', '--use-angle=vulkan'] : []),
  ];
}

/**
 * Have V8 join neighbouring 128-bit vectors to 256-bit ones, where the processor has AVX2; it does not by itself. Both names
 * that the flag has had: Chromium gives V8 what stands between commas one by one, and V8 passes over what it does not know.
 */
const WIDE_VECTORS_FLAG = '--js-flags=--wasm-revectorize,--experimental-wasm-revectorize';

/** Whether a browser is launched with `WIDE_VECTORS_FLAG`: by the environment's WIDE_VECTORS, 1 or 0, else as told. */
export function usesWideVectors(byDefault, { WIDE_VECTORS: wanted = '' } = process.env) {
  if (wanted === '') return byDefault;
  if (wanted === '0' || wanted === '1') return wanted === '1';
  throw new UsageError(`WIDE_VECTORS is "${wanted}"; set it to 1 or 0, or leave it out.`);
}

/** Name and version of a browser, and what of its launch matters to a figure. */
export async function describeBrowser(browser, hasWideVectors) {
  const version = await browser.version();
  return hasWideVectors ? `${version}, launched with --wasm-revectorize` : version;
}

const NO_SANDBOX_ERRORS = /no usable sandbox|without --no-sandbox|move to new namespace|setuid sandbox/i;

/**
 * Browsers in the order they are tried. For `test` the packed one comes before installed ones, so
 * that tests run on a known browser; for `compute` after them, since they have the GPU.
 */
function candidates(purpose, log) {
  const { CHROME_PATH: chromePath } = process.env;
  const custom = chromePath
    ? [{ name: `CHROME_PATH (${chromePath})`, find: () => ({ executablePath: chromePath }) }]
    : [];
  const packed = hasPackedChromium()
    ? [{ name: 'the packed Chromium', isPacked: true, find: () => packedChromium(log) }]
    : [];
  const installed = installedBrowsers().map((executablePath) => ({
    name: executablePath,
    find: () => ({ executablePath }),
  }));
  return purpose === 'test' ? [...custom, ...packed, ...installed] : [...custom, ...installed, ...packed];
}

/**
 * Through a pipe, a browser ends with the process that launched it, whatever ends that one; but what a
 * browser that fails has printed is only told of one that is spoken to through a socket.
 */
async function launchOne(given) {
  const withoutSandbox = { ...given, args: [...given.args, '--no-sandbox'] };
  const isRoot = process.getuid?.() === 0;
  const options = isRoot ? withoutSandbox : given;
  try {
    return await puppeteer.launch({ ...options, pipe: true });
  } catch {
    try {
      return await puppeteer.launch(options);
    } catch (error) {
      if (isRoot || !NO_SANDBOX_ERRORS.test(error.message)) throw error;
      return puppeteer.launch({ ...withoutSandbox, pipe: true });
    }
  }
}

/**
 * Launches the first browser that can be launched and returns puppeteer's object for it.
 * `purpose`: `test` (packed one first, software WebGPU) or `compute` (installed one first, the GPU).
 * `hasWideVectors`: launched with `WIDE_VECTORS_FLAG`.
 * `args` are further flags, `log` takes the notes, the rest goes to puppeteer.
 * Throws a UsageError that says what to install where none launches.
 */
export function launchBrowser({ purpose, log = console.error, ...options }) {
  return launchFirst(candidates(purpose, log), { purpose, log, ...options });
}

/** `launchBrowser` among these candidates: a name and a `find` that resolves with launch options. */
export async function launchFirst(browsers, { purpose, hasWideVectors = false, args = [], log, ...options }) {
  const ofV8 = hasWideVectors ? [WIDE_VECTORS_FLAG] : [];
  for (const { name, isPacked = false, find } of browsers) {
    const webgpu =
      purpose === 'test' || isPacked ? SOFTWARE_WEBGPU_FLAGS : hardwareWebGpuFlags(process.platform);
    try {
      // Awaited here, so that its failure is met here.
      return await launchOne({
        ...options,
        ...(await find()),
        args: [...QUIET_FLAGS, ...webgpu, ...ofV8, ...args],
      });
    } catch (error) {
      log(`Note: ${name} did not launch and is passed over: ${firstLines(error.message)}`);
    }
  }
  const names = browsers.map(({ name }) => name);
  throw new UsageError(
    `No browser ${names.length === 0 ? 'was found' : `launched (tried ${names.join(', ')})`}. ` +
      'Install Google Chrome, Chromium or Microsoft Edge, or set CHROME_PATH to the executable of one.',
  );
}

function firstLines(message) {
  const lines = message.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '')
    .slice(0, 4)
    .join(' ')
    .slice(0, 400);
}

/** WebKitGTK's MiniBrowser as WebKitWebDriver drives it, on a display of its own. */

import { setTimeout as delay } from 'node:timers/promises';
import { createServer } from 'node:net';
import { WebDriverSession, callWebDriver } from '../../../scripts/lib/webdriver.mjs';
import { findCommand, startProcess } from './commands.mjs';

const BROWSERS = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '.'].flatMap((machine) =>
  ['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0'].map(
    (name) => `/usr/lib/${machine}/${name}/MiniBrowser`,
  ),
);

const POLL_MS = 100;
const MOST_POLLS = 300;
const SESSION_LIMIT_MS = 120_000;

export const webkit = {
  name: 'WebKitGTK',
  install: 'apt-get install webkit2gtk-driver xvfb',
  missing: () =>
    [
      ['WebKitWebDriver', findCommand('WebKitWebDriver')],
      ["WebKitGTK's MiniBrowser", findCommand(...BROWSERS)],
      ['Xvfb', findCommand('Xvfb')],
    ]
      .filter(([, found]) => found === undefined)
      .map(([name]) => name),
  launch: launchWebKit,
};

/** A display without a screen: its name, and `end`. */
async function startDisplay() {
  const args = ['-displayfd', '3', '-screen', '0', '1400x1000x24', '-nolisten', 'tcp'];
  const display = startProcess('Xvfb', args, { stdio: ['pipe'] });
  const number = await Promise.race([
    new Promise((resolve) => display.child.stdio[3].once('data', resolve)),
    display.ended.then(() => Promise.reject(new Error(`Xvfb has ended:\n${display.output}`))),
  ]);
  return { name: `:${String(number).trim()}`, end: display.end };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilReady(url, driver) {
  for (let polls = 0; polls < MOST_POLLS; polls++) {
    const status = await callWebDriver(url, 'GET', '/status').catch(() => null);
    if (status?.ready === true) return;
    await delay(POLL_MS);
  }
  throw new Error(`WebKitWebDriver does not answer:\n${driver.output}`);
}

/**
 * A browser with one page: `goTo(url)`, `execute(work, ...args)` as in a page, `click(work, ...args)` on the element
 * that `work` finds, `setSize`, `complaints` of the browser, and `close`. `canBeNarrow` says whether its window can be
 * as narrow as a phone.
 */
async function launchWebKit() {
  const display = await startDisplay();
  const port = await freePort();
  const driver = startProcess('WebKitWebDriver', [`--port=${port}`], {
    env: { DISPLAY: display.name, GDK_BACKEND: 'x11', WAYLAND_DISPLAY: '' },
  });
  const endAll = async () => {
    await driver.end();
    await display.end();
  };
  try {
    const url = `http://127.0.0.1:${port}`;
    await untilReady(url, driver);
    const capabilities = {
      unhandledPromptBehavior: 'accept',
      'webkitgtk:browserOptions': { binary: findCommand(...BROWSERS), args: ['--automation'] },
    };
    const session = await WebDriverSession.begin(url, capabilities, SESSION_LIMIT_MS);
    return {
      canBeNarrow: false,
      version: async () => `WebKitGTK ${session.capabilities.browserVersion}`,
      goTo: (address) => session.goTo(address),
      execute: (work, ...args) => session.execute(work, ...args),
      click: async (work, ...args) => session.click(await session.execute(work, ...args)),
      setSize: (width, height) => session.setWindowRect({ width, height }),
      complaints: () => [],
      close: async () => {
        await session.end().catch(() => undefined);
        await endAll();
      },
    };
  } catch (error) {
    await endAll();
    throw error;
  }
}

/** Firefox as puppeteer drives it, over WebDriver BiDi. */

import puppeteer from 'puppeteer-core';
import { findCommand } from './commands.mjs';

const MAC_PATH = '/Applications/Firefox.app/Contents/MacOS/firefox';

export const firefox = {
  name: 'Firefox',
  install: 'apt-get install firefox-esr',
  /** What is missing here, as words. */
  missing: () => (findCommand('firefox-esr', 'firefox', MAC_PATH) === undefined ? ['Firefox'] : []),
  launch: launchFirefox,
};

/** A browser with one page; see `webkit.mjs`, which has the same. */
async function launchFirefox() {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: findCommand('firefox-esr', 'firefox', MAC_PATH),
    headless: true,
    // Beside a site on this machine nothing is to be asked for.
    extraPrefsFirefox: { 'app.update.enabled': false, 'network.captive-portal-service.enabled': false },
  });
  const [page] = await browser.pages();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
  return {
    canBeNarrow: true,
    version: () => browser.version(),
    goTo: async (url) => {
      await page.goto(url);
    },
    execute: (work, ...args) => page.evaluate(work, ...args),
    click: async (work, ...args) => {
      const target = await page.evaluateHandle(work, ...args);
      await target.asElement().click();
      await target.dispose();
    },
    setSize: (width, height) => page.setViewport({ width, height }),
    /** What the browser tells beside what the page keeps. */
    complaints: () => complaints,
    close: () => browser.close(),
  };
}

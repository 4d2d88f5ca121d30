/** The headless page in a browser of this machine, through puppeteer. Owns the browser; knows nothing of training. */

import { describeBrowser, launchBrowser, usesWideVectors } from './browser.mjs';

export class LocalPage {
  #browser;
  #hasWideVectors = usesWideVectors(true);
  #page;
  #onEnd;

  /**
   * Launches the browser and opens `url`. `onEvent(event)` takes what the page tells; `onEnd(words)` hears when
   * browser or page has ended.
   */
  async open({ url, onEvent, onEnd }) {
    this.#onEnd = onEnd;
    this.#browser = await launchBrowser({
      purpose: 'compute',
      hasWideVectors: this.#hasWideVectors,
      // A signal is for this process: it saves a checkpoint before it ends the browser.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    this.#browser.on('disconnected', () => onEnd('The browser has ended.'));
    const [page] = await this.#browser.pages();
    this.#page = page;
    page.on('error', (error) => onEnd(`The page crashed: ${error.message}`));
    page.on('pageerror', (error) => onEnd(`The page failed: ${error.message}`));
    await page.exposeFunction('notifyScript', onEvent);
    await page.goto(url);
    await page.waitForFunction(() => window.beginCommand !== undefined);
  }

  /** Name and version of the browser, and what of its flags matters to its speed. */
  version() {
    return describeBrowser(this.#browser, this.#hasWideVectors);
  }

  /** Begins a command of the page; its end comes as an event. */
  async begin(id, name, args) {
    try {
      await this.#page.evaluate((...begin) => window.beginCommand(...begin), id, name, args);
    } catch (error) {
      this.#onEnd(`The page does not answer: ${error.message}`);
      throw error;
    }
  }

  async close() {
    await this.#browser?.close();
  }
}

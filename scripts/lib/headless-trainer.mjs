/**
 * The trainer of `dist/headless.html` in a headless browser, as an object of promises. Owns the
 * browser and the server; src/ui/headless.ts is its other half.
 */

import { EventEmitter } from 'node:events';
import { launchBrowser } from './browser.mjs';
import { serveWithUploads } from './upload-server.mjs';

const CHECKPOINT = 'resume.safetensors';

/** An error that the worker named; `name` is its kind. */
function toError({ kind, message }) {
  return Object.assign(new Error(message), { name: kind });
}

/** Emits `report` for each report of the worker. Every command settles, also when the browser is gone. */
export class HeadlessTrainer extends EventEmitter {
  #browser;
  #server;
  #page;
  #downloads = new Map();
  #onUpload;
  #pending = new Map();
  #nextId = 0;
  #end = null;

  /** `onUpload(name, bytes)` takes the files that `save`, `saveSamples` and `exportModel` ask for. */
  constructor({ onUpload }) {
    super();
    this.#onUpload = onUpload;
  }

  /**
   * Launches the browser and opens the page; nothing is loaded into the worker yet. `files` is the site,
   * as `readSite` gives it.
   */
  async open(files) {
    this.#server = await serveWithUploads({ files, onUpload: this.#onUpload, downloads: this.#downloads });
    this.#browser = await launchBrowser({
      purpose: 'compute',
      // A signal is for this process: it saves a checkpoint before it ends the browser.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    this.#browser.on('disconnected', () => this.#fail(new Error('The browser has ended.')));
    const [page] = await this.#browser.pages();
    this.#page = page;
    page.on('error', (error) => this.#fail(new Error(`The page crashed: ${error.message}`)));
    page.on('pageerror', (error) => this.#fail(new Error(`The page failed: ${error.message}`)));
    await page.exposeFunction('notifyScript', (event) => this.#handleOrFail(event));
    await page.goto(new URL('headless.html', this.#server.url).href);
    await page.waitForFunction(() => window.beginCommand !== undefined);
  }

  /** Name and version of the browser. */
  browserVersion() {
    return this.#browser.version();
  }

  start(settings) {
    return this.#command('start', settings);
  }

  pause() {
    return this.#command('pause');
  }

  load(checkpoint, overrides) {
    this.#downloads.set(CHECKPOINT, checkpoint);
    return this.#command('load', this.#server.urlOf(CHECKPOINT), overrides).finally(() =>
      this.#downloads.delete(CHECKPOINT),
    );
  }

  /** Uploads a checkpoint as `name`. */
  save(name) {
    return this.#command('save', this.#server.urlOf(name));
  }

  /** Uploads the newest generated images as `name`; resolves false where there are none. */
  saveSamples(name) {
    return this.#command('saveSamples', this.#server.urlOf(name));
  }

  /** Uploads the networks' files under `folder`, a name with a final slash; resolves with their paths. */
  exportModel(folder) {
    return this.#command('exportModel', this.#server.urlOf(folder));
  }

  async close() {
    this.#fail(new Error('The trainer was closed.'));
    await this.#browser?.close();
    await this.#server?.close();
  }

  #command(name, ...args) {
    if (this.#end !== null) return Promise.reject(this.#end);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#page
        .evaluate((...begin) => window.beginCommand(...begin), id, name, args)
        .catch((error) => this.#settle(id, ({ reject: fail }) => fail(this.#end ?? error)));
    });
  }

  /** What a listener throws would be thrown in the page, where nobody hears it. */
  #handleOrFail(event) {
    try {
      this.#handle(event);
    } catch (error) {
      this.#fail(error);
    }
  }

  #handle(event) {
    if (event.type === 'reports') for (const report of event.reports) this.emit('report', report);
    else if (event.type === 'death') this.#fail(toError(event.error));
    else {
      const { id, value, error } = event;
      this.#settle(id, ({ resolve, reject }) => (error === null ? resolve(value) : reject(toError(error))));
    }
  }

  #settle(id, how) {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    if (call !== undefined) how(call);
  }

  /** Emits `death` once and rejects whatever is under way. */
  #fail(error) {
    if (this.#end !== null) return;
    this.#end = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.emit('death', error);
  }
}

/**
 * The trainer of `dist/headless.html` in a headless browser, as an object of promises. Owns the page
 * and its corner of a server; src/ui/headless.ts is its other half.
 */

import { EventEmitter } from 'node:events';
import { LocalPage } from './local-page.mjs';
import { serveCorners } from './upload-server.mjs';

const CHECKPOINT = 'resume.safetensors';

/** Browser, page or machine went away under a run, through no fault of the run's. */
export class LostPageError extends Error {
  name = 'LostPage';
}

/** An error that the worker named; `name` is its kind. */
function toError({ kind, message }) {
  return Object.assign(new Error(message), { name: kind });
}

/** Emits `report` for each report of the worker. Every command settles, also when the browser is gone. */
export class HeadlessTrainer extends EventEmitter {
  #page;
  #site;
  #isOwnSite;
  #corner;
  #downloads = new Map();
  #onUpload;
  #pending = new Map();
  #nextId = 0;
  #end = null;

  /**
   * `onUpload(name, bytes)` takes the files that `save`, `saveSamples` and `exportModel` ask for. `page` is what
   * carries commands and events, a `LocalPage` unless told; `site` serves the page, as `serveCorners` gives it:
   * an own one unless told.
   */
  constructor({ onUpload, page = new LocalPage(), site = null }) {
    super();
    this.#onUpload = onUpload;
    this.#page = page;
    this.#site = site;
    this.#isOwnSite = site === null;
  }

  /**
   * Launches the browser and opens the page; nothing is loaded into the worker yet. `files` is the site,
   * as `readSite` gives it, where there is none yet.
   */
  async open(files) {
    this.#site ??= await serveCorners({ files });
    this.#corner = this.#site.openCorner({
      onUpload: this.#onUpload,
      onEvents: (events) => events.forEach((event) => this.#handleOrFail(event)),
      downloads: this.#downloads,
    });
    await this.#page.open({
      url: new URL('headless.html', this.#site.url).href,
      eventsUrl: this.#corner.eventsUrl,
      onEvent: (event) => this.#handleOrFail(event),
      onEnd: (words) => this.#fail(new LostPageError(words)),
    });
  }

  /** Name and version of the browser. */
  browserVersion() {
    return this.#page.version();
  }

  start(settings) {
    return this.#command('start', settings);
  }

  pause() {
    return this.#command('pause');
  }

  load(checkpoint, overrides) {
    this.#downloads.set(CHECKPOINT, checkpoint);
    return this.#command('load', this.#corner.urlOf(CHECKPOINT), overrides).finally(() =>
      this.#downloads.delete(CHECKPOINT),
    );
  }

  /** Uploads a checkpoint as `name`. */
  save(name) {
    return this.#command('save', this.#corner.urlOf(name));
  }

  /** Uploads the newest generated images as `name`; resolves false where there are none. */
  saveSamples(name) {
    return this.#command('saveSamples', this.#corner.urlOf(name));
  }

  /** Uploads the networks' files under `folder`, a name with a final slash; resolves with their paths. */
  exportModel(folder) {
    return this.#command('exportModel', this.#corner.urlOf(folder));
  }

  async close() {
    this.#fail(new Error('The trainer was closed.'));
    await this.#page.close();
    this.#corner?.close();
    if (this.#isOwnSite) await this.#site?.close();
  }

  #command(name, ...args) {
    if (this.#end !== null) return Promise.reject(this.#end);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#page
        .begin(id, name, args)
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

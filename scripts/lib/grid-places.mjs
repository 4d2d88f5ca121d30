/**
 * Places for runs on a Selenium Grid 4: as many sessions at once as it has free slots of a browser. Slots may come and
 * go while a sweep runs. Owns the questions to the grid and what a browser there is asked for; no run.
 */

import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { QUIET_FLAGS, hardwareWebGpuFlags } from './browser.mjs';
import { GridPage } from './grid-page.mjs';
import { UsageError } from './main.mjs';
import { callWebDriver } from './webdriver.mjs';

const STATUS_LIMIT_MS = 20_000;
const CONNECT_LIMIT_MS = 10_000;
const LOOK_MS = 1000;
/** A grid that does not answer so many times in a row, or opens no page, is given up. */
const MOST_SILENT_LOOKS = 60;
const MOST_REFUSALS = 10;
/** After a refusal; grows with each. */
const REFUSAL_PAUSE_MS = 2000;
const MOST_PAUSE_MS = 30_000;

const VENDOR_OPTIONS = { chrome: 'goog:chromeOptions', MicrosoftEdge: 'ms:edgeOptions' };

function slotsOfNode({ uri, slots, maxSessions = Infinity }, browserName) {
  // A node has slots of every browser, and takes no more sessions than it may, whichever they are of.
  let room = maxSessions - slots.filter(({ session }) => session).length;
  return slots
    .filter(({ stereotype }) => stereotype.browserName?.toLowerCase() === browserName.toLowerCase())
    .map(({ stereotype, session }) => ({
      node: uri,
      platform: String(stereotype.platformName ?? '').toLowerCase(),
      sessionId: session?.sessionId ?? null,
      isFree: !session && room-- > 0,
    }));
}

/** The slots of nodes that are up, for a browser: where each is, of which platform, its session, whether it is free. */
export function slotsOf(status, browserName) {
  return (status.nodes ?? [])
    .filter(({ availability }) => availability === 'UP')
    .flatMap((node) => slotsOfNode(node, browserName));
}

/**
 * What is asked of the grid for a run. A page needs a secure context for threads and WebGPU: `origin` counts as one,
 * also where it is plain http.
 */
export function capabilitiesFor(browserName, origin, platform) {
  const limits = { pageLoad: 60_000, script: 60_000 };
  if (browserName === 'firefox') {
    const prefs = { 'dom.securecontext.allowlist': new URL(origin).hostname, 'dom.webgpu.enabled': true };
    return { browserName, timeouts: limits, 'moz:firefoxOptions': { args: ['-headless'], prefs } };
  }
  const flags = [
    '--headless=new',
    ...QUIET_FLAGS,
    ...hardwareWebGpuFlags(platform),
    `--unsafely-treat-insecure-origin-as-secure=${origin}`,
  ];
  return { browserName, timeouts: limits, [VENDOR_OPTIONS[browserName]]: { args: flags } };
}

/** The address of this machine that a connection to `url` goes out from. */
export function addressTowards(url) {
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      timeout: CONNECT_LIMIT_MS,
    });
    const end = (settle, value) => {
      socket.destroy();
      settle(value);
    };
    socket.once('connect', () => end(resolve, socket.localAddress));
    socket.once('timeout', () => end(reject, new Error('no answer')));
    socket.once('error', (error) => end(reject, error));
  }).catch((error) => {
    throw new UsageError(
      `The grid at ${url} cannot be reached (${error.message || error.code}). Start it, or name another by --grid.`,
      { cause: error },
    );
  });
}

export class GridPlaces {
  #grid;
  #browserName;
  #jobs;
  #site;
  #log;
  #lookMs;
  /** Taken places whose session the grid does not show yet. */
  #starting = 0;
  #taken = 0;
  #refusals = 0;
  #lastRefusal = '';

  /** `site` is what `serveCorners` gives; `jobs` the most at once. `log` takes what a person should know, `lookMs` is between looks for a free slot. */
  constructor({ grid, browserName, jobs = Infinity, site, log, lookMs = LOOK_MS }) {
    this.#grid = grid;
    this.#browserName = browserName;
    this.#jobs = jobs;
    this.#site = site;
    this.#log = log;
    this.#lookMs = lookMs;
  }

  /** Settings for runs that begin here: each has a browser, and most nodes a core for each. */
  get settings() {
    return {};
  }

  /** The next free slot; null once `signal` has aborted. Rejects where the grid is gone or opens no page. */
  async take(signal) {
    let silentLooks = 0;
    let hasSaidSo = false;
    for (;;) {
      if (signal.aborted) return null;
      if (this.#refusals >= MOST_REFUSALS) {
        throw new UsageError(
          `The grid at ${this.#grid} opened no page in ${MOST_REFUSALS} tries: ${this.#lastRefusal}`,
        );
      }
      if (this.#taken < this.#jobs) {
        try {
          const slots = await this.#look();
          silentLooks = 0;
          const free = slots.filter(({ isFree }) => isFree);
          if (free.length > this.#starting) return this.#placeOn(free[this.#starting]);
          if (slots.length === 0 && !hasSaidSo) {
            hasSaidSo = true;
            this.#log(
              `The grid has no node with ${this.#browserName} that is up; waiting for one (Ctrl-C ends the wait) …`,
            );
          }
        } catch (error) {
          silentLooks++;
          if (silentLooks >= MOST_SILENT_LOOKS) {
            const words = error.cause?.message ?? error.message;
            throw new UsageError(`The grid at ${this.#grid} does not answer any more (${words}).`, {
              cause: error,
            });
          }
        }
      }
      await delay(this.#lookMs, undefined, { signal }).catch(() => {});
    }
  }

  async close() {
    await this.#site.close();
  }

  async #look() {
    const status = await callWebDriver(this.#grid, 'GET', '/status', undefined, STATUS_LIMIT_MS);
    return slotsOf(status, this.#browserName);
  }

  #placeOn({ node, platform }) {
    this.#taken++;
    this.#starting++;
    const place = { node, isStarting: true, hasOpened: false };
    const started = () => {
      if (place.isStarting) this.#starting--;
      place.isStarting = false;
    };
    const origin = new URL(this.#site.url).origin;
    return {
      site: this.#site,
      get name() {
        return place.node;
      },
      describe: () => ({ node: place.node }),
      /** Whether the page was never there: then the run was not tried. */
      get isBroken() {
        return !place.hasOpened;
      },
      makePage: () =>
        new GridPage({
          grid: this.#grid,
          capabilities: capabilitiesFor(this.#browserName, origin, platform),
          onSession: async (id) => {
            // Until then the slot may still be shown as free.
            const slots = await this.#look().catch(() => []);
            place.node = slots.find(({ sessionId }) => sessionId === id)?.node ?? place.node;
            started();
          },
          onOpen: () => {
            place.hasOpened = true;
            this.#refusals = 0;
          },
        }),
      refuse: async (words, signal) => {
        this.#refusals++;
        this.#lastRefusal = words;
        const pauseMs = Math.min(MOST_PAUSE_MS, this.#refusals * REFUSAL_PAUSE_MS);
        await delay(pauseMs, undefined, { signal }).catch(() => {});
      },
      release: () => {
        started();
        this.#taken--;
      },
    };
  }
}

/**
 * The headless page in a browser of a Selenium Grid. Commands go through the grid, events come straight from the page
 * to its corner of our server. Owns the session and notices when it is gone.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { WebDriverError, WebDriverSession } from './webdriver.mjs';

/** A grid may start a browser, or a whole machine, for a session. */
const BEGIN_LIMIT_MS = 300_000;
const END_LIMIT_MS = 15_000;

/** Between questions whether the page is there; they also keep the grid from ending a session that is at rest. */
const PULSE_MS = 3000;
const PULSE_LIMIT_MS = 20_000;
/** So many questions without an answer, one after the other, and the session is taken for lost. */
const MOST_MISSED = 3;

/** Answers after which no other one will come. */
const GONE = ['invalid session id', 'no such window', 'tab crashed', 'session not created'];

const POLL_MS = 100;
const MOST_POLLS = 600;

export class GridPage {
  #grid;
  #capabilities;
  #onSession;
  #onOpen;
  #session = null;
  #onEnd;
  #isClosed = false;

  /**
   * `grid` is the grid's address. `onSession(id)` hears of the session as soon as there is one, `onOpen()` when the page
   * has loaded in it.
   */
  constructor({ grid, capabilities, onSession, onOpen }) {
    this.#grid = grid;
    this.#capabilities = capabilities;
    this.#onSession = onSession;
    this.#onOpen = onOpen;
  }

  /** As `LocalPage.open`; events come to `eventsUrl`, not to `onEvent`. */
  async open({ url, eventsUrl, onEnd }) {
    this.#onEnd = onEnd;
    this.#session = await WebDriverSession.begin(this.#grid, this.#capabilities, BEGIN_LIMIT_MS);
    await this.#onSession(this.#session.id);
    await this.#load(url);
    await this.#session.execute(tellByPost, eventsUrl);
    this.#onOpen();
    void this.#watch();
  }

  /** Name and version of the browser. */
  version() {
    const { browserName, browserVersion, platformName } = this.#session.capabilities;
    return `${browserName}/${browserVersion} (${platformName})`;
  }

  async begin(id, name, args) {
    try {
      await this.#session.execute((...given) => window.beginCommand(...given), id, name, args);
    } catch (error) {
      this.#onEnd(`The browser on the grid does not answer: ${describe(error)}`);
      throw error;
    }
  }

  async close() {
    this.#isClosed = true;
    // A session that is gone cannot be ended; the grid ends one that it cannot be told of.
    await this.#session?.end(END_LIMIT_MS).catch(() => {});
  }

  async #load(url) {
    const refuse = (words) =>
      new Error(
        `The browser on the grid cannot load ${url} (${words}). Name this machine as the grid's nodes call it, by ` +
          '--site-host, and let them reach it.',
      );
    await this.#session.goTo(url).catch((error) => {
      throw refuse(describe(error));
    });
    for (let polls = 0; polls < MOST_POLLS; polls++) {
      if (await this.#session.execute(() => window.beginCommand !== undefined)) return;
      await delay(POLL_MS);
    }
    throw refuse(
      await this.#session.execute(() => document.body.textContent.trim().slice(0, 200) || 'an empty page'),
    );
  }

  async #watch() {
    for (let missed = 0; ;) {
      await delay(PULSE_MS, undefined, { ref: false });
      if (this.#isClosed) return;
      try {
        await this.#session.executeWithin(PULSE_LIMIT_MS, () => true);
        missed = 0;
      } catch (error) {
        if (this.#isClosed) return;
        missed++;
        const isGone = error instanceof WebDriverError && GONE.includes(error.kind);
        if (!isGone && missed < MOST_MISSED) continue;
        this.#onEnd(`The browser on the grid is gone: ${describe(error)}`);
        return;
      }
    }
  }
}

function describe(error) {
  return error.cause?.message ?? error.message;
}

/**
 * Runs in the page: events go to the script one POST after the other, in order, those that wait together. What cannot
 * be sent is sent again; the number of the first event tells the script what it has had already.
 */
function tellByPost(eventsUrl) {
  const PAUSE_MS = 1000;
  const waiting = [];
  let first = 0;
  let isSending = false;
  async function send() {
    isSending = true;
    while (waiting.length > 0) {
      const events = waiting.slice();
      const response = await fetch(eventsUrl, {
        method: 'POST',
        body: JSON.stringify({ first, events }),
      }).catch(() => null);
      if (response === null) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        continue;
      }
      waiting.splice(0, events.length);
      first += events.length;
    }
    isSending = false;
  }
  window.notifyScript = async (event) => {
    waiting.push(event);
    if (!isSending) await send();
  };
}

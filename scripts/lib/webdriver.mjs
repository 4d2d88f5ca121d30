/**
 * A small WebDriver client (https://www.w3.org/TR/webdriver2/): sessions, scripts, elements. Every call has a limit.
 * Knows no browser.
 */

const CALL_LIMIT_MS = 60_000;

/** Key under which an element is handed over; the same for all implementations. */
export const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** What a server answered in place of a result; `kind` is the protocol's word, as `invalid session id`. */
export class WebDriverError extends Error {
  name = 'WebDriverError';
  kind;

  constructor(kind, message) {
    // Further lines are a stack of the server's.
    super(`${kind}: ${message.split('\n')[0]}`);
    this.kind = kind;
  }
}

/** What the server at `server` (without a final slash) answers to one command. Rejects where it does not answer in time. */
export async function callWebDriver(server, method, path, body, limitMs = CALL_LIMIT_MS) {
  const response = await fetch(`${server}${path}`, {
    method,
    signal: AbortSignal.timeout(limitMs),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json; charset=utf-8' } }),
  });
  const text = await response.text();
  let value;
  try {
    ({ value } = JSON.parse(text));
  } catch {
    throw new WebDriverError(
      'unknown error',
      `${response.status} for ${method} ${path}: ${text.slice(0, 200)}`,
    );
  }
  if (response.ok) return value;
  throw new WebDriverError(value?.error ?? 'unknown error', value?.message ?? `status ${response.status}`);
}

export class WebDriverSession {
  #server;
  #path;
  id;
  capabilities;

  constructor(server, { sessionId, capabilities }) {
    this.#server = server;
    this.#path = `/session/${sessionId}`;
    this.id = sessionId;
    this.capabilities = capabilities;
  }

  static async begin(server, capabilities, limitMs) {
    const body = { capabilities: { alwaysMatch: capabilities } };
    return new WebDriverSession(server, await callWebDriver(server, 'POST', '/session', body, limitMs));
  }

  async end(limitMs) {
    await callWebDriver(this.#server, 'DELETE', this.#path, undefined, limitMs);
  }

  /** Resolves when the page has loaded. */
  async goTo(url) {
    await this.#post('/url', { url });
  }

  /** What a function of the page returns, promises awaited; it sees nothing but its arguments. */
  execute(work, ...args) {
    return this.executeWithin(CALL_LIMIT_MS, work, ...args);
  }

  executeWithin(limitMs, work, ...args) {
    return this.#post('/execute/sync', { script: `return (${work})(...arguments);`, args }, limitMs);
  }

  async click(element) {
    await this.#post(`/element/${element[ELEMENT]}/click`, {});
  }

  async setWindowRect(rect) {
    await this.#post('/window/rect', rect);
  }

  /** A PNG of what is to be seen. */
  async screenshot() {
    return Buffer.from(await callWebDriver(this.#server, 'GET', `${this.#path}/screenshot`), 'base64');
  }

  #post(path, body, limitMs) {
    return callWebDriver(this.#server, 'POST', `${this.#path}${path}`, body, limitMs);
  }
}

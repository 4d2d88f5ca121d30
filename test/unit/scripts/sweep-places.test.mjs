/** Places for runs: browsers of this machine, and slots of a grid that a small server stands for. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { GridPlaces, addressTowards, capabilitiesFor, slotsOf } from '../../../scripts/lib/grid-places.mjs';
import { LocalPlaces } from '../../../scripts/lib/local-places.mjs';
import { WebDriverError, callWebDriver } from '../../../scripts/lib/webdriver.mjs';

const chrome = { browserName: 'chrome', platformName: 'LINUX' };
const node = (uri, slots, availability = 'UP') => ({ uri, availability, slots });
const free = { stereotype: chrome, session: null };
const taken = { stereotype: chrome, session: { sessionId: 's1' } };

/** A server that answers every command with what `answer(method, path)` gives: a status and a value. */
async function serveGrid(context, answer) {
  const server = createServer((request, response) => {
    const [status, value] = answer(request.method, request.url);
    response.writeHead(status).end(typeof value === 'string' ? value : JSON.stringify({ value }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

function placesOf(grid, options = {}) {
  const site = { url: 'http://127.0.0.1:1/', close: async () => {} };
  return new GridPlaces({ grid, browserName: 'chrome', site, log: () => {}, lookMs: 1, ...options });
}

test('on this machine there are so many places at once, and a wish to stop ends the wait for one', async () => {
  const places = new LocalPlaces(2);
  const controller = new AbortController();
  const [first] = [await places.take(controller.signal), await places.take(controller.signal)];
  const third = places.take(controller.signal);
  first.release();
  assert.notEqual(await third, null);
  const fourth = places.take(controller.signal);
  controller.abort();
  assert.equal(await fourth, null);
});

test('browsers beside each other share the cores, one alone chooses for itself', () => {
  assert.deepEqual(new LocalPlaces(1).settings, {});
  assert.ok(new LocalPlaces(2).settings.threads >= 1);
});

test('slots count that are of the browser, on nodes that are up', () => {
  const firefox = { stereotype: { browserName: 'firefox' }, session: null };
  const status = {
    nodes: [
      node('http://a', [free, taken, firefox]),
      node('http://b', [free], 'DOWN'),
      node('http://c', [free]),
    ],
  };
  assert.deepEqual(
    slotsOf(status, 'chrome').map(({ node: uri, sessionId }) => [uri, sessionId]),
    [
      ['http://a', null],
      ['http://a', 's1'],
      ['http://c', null],
    ],
  );
  assert.equal(slotsOf(status, 'firefox').length, 1);
  assert.deepEqual(slotsOf({}, 'chrome'), []);
});

test('a node that is full of other browsers has no free slot', () => {
  const busy = { stereotype: { browserName: 'firefox' }, session: { sessionId: 'f' } };
  const freeOf = (maxSessions) =>
    slotsOf({ nodes: [{ ...node('http://a', [free, busy, free]), maxSessions }] }, 'chrome').map(
      ({ isFree }) => isFree,
    );
  assert.deepEqual(freeOf(3), [true, true]);
  assert.deepEqual(freeOf(2), [true, false]);
  assert.deepEqual(freeOf(1), [false, false]);
});

test('a grid gives no more places than it has free slots, and those of one run back at its end', async (context) => {
  const grid = await serveGrid(context, () => [
    200,
    { nodes: [node('http://a', [free, taken]), node('http://b', [free])] },
  ]);
  const places = placesOf(grid);
  const controller = new AbortController();
  const first = await places.take(controller.signal);
  const second = await places.take(controller.signal);
  assert.deepEqual([first.name, second.name], ['http://a', 'http://b']);
  const third = places.take(controller.signal);
  first.release();
  assert.equal((await third).name, 'http://b');
  const fourth = places.take(controller.signal);
  controller.abort();
  assert.equal(await fourth, null);
});

test('a grid that opens no page is given up with what it said', async (context) => {
  const grid = await serveGrid(context, () => [200, { nodes: [node('http://a', [free])] }]);
  const places = placesOf(grid);
  const { signal } = new AbortController();
  const stop = AbortSignal.abort();
  for (let refusals = 0; refusals < 10; refusals++) {
    const place = await places.take(signal);
    assert.ok(place.isBroken);
    await place.refuse('no such driver', stop);
    place.release();
  }
  await assert.rejects(places.take(signal), /opened no page in 10 tries: no such driver/);
});

test('a page on a node is in a secure context, whatever its address, and on Linux reaches the GPU', () => {
  const origin = 'http://192.0.2.7:8000';
  const { args } = capabilitiesFor('chrome', origin, 'linux')['goog:chromeOptions'];
  assert.ok(args.includes(`--unsafely-treat-insecure-origin-as-secure=${origin}`));
  assert.ok(args.includes('--use-angle=vulkan'));
  assert.ok(
    !capabilitiesFor('chrome', origin, 'windows')['goog:chromeOptions'].args.includes('--use-angle=vulkan'),
  );
  assert.ok(capabilitiesFor('MicrosoftEdge', origin, '')['ms:edgeOptions'].args.length > 0);
  const { prefs } = capabilitiesFor('firefox', origin, 'linux')['moz:firefoxOptions'];
  assert.equal(prefs['dom.securecontext.allowlist'], '192.0.2.7');
});

test('the address that nodes see is the one that reaches the grid; a grid that is not there is named', async (context) => {
  const grid = await serveGrid(context, () => [200, {}]);
  assert.equal(await addressTowards(grid), '127.0.0.1');
  await assert.rejects(
    addressTowards('http://127.0.0.1:1'),
    /The grid at http:\/\/127\.0\.0\.1:1 cannot be reached/,
  );
});

test('what a server refuses is an error of its kind; an answer that is none is told as it is', async (context) => {
  const answers = {
    '/gone': [404, { error: 'invalid session id', message: 'no such session\n  at java.base' }],
    '/odd': [502, '<h1>Bad gateway</h1>'],
  };
  const server = await serveGrid(context, (_, url) => answers[url]);
  const gone = await callWebDriver(server, 'GET', '/gone').catch((error) => error);
  assert.ok(gone instanceof WebDriverError);
  assert.deepEqual([gone.kind, gone.message], ['invalid session id', 'invalid session id: no such session']);
  await assert.rejects(callWebDriver(server, 'GET', '/odd'), /502 for GET \/odd: <h1>Bad gateway/);
});

test('a browser of the grid that cannot reach this machine is told of with what helps', async (context) => {
  const asked = [];
  const grid = await serveGrid(context, (method, url) => {
    asked.push(`${method} ${url}`);
    if (url === '/session') return [200, { sessionId: 's1', capabilities: {} }];
    if (url.endsWith('/url'))
      return [500, { error: 'unknown error', message: 'net::ERR_CONNECTION_REFUSED' }];
    return [200, { nodes: [node('http://a', [free])] }];
  });
  const place = await placesOf(grid).take(new AbortController().signal);
  const page = place.makePage();
  const opening = page.open({ url: 'http://me:1/headless.html', eventsUrl: '/events', onEnd: assert.fail });
  await assert.rejects(opening, /cannot load http:\/\/me:1\/headless\.html \(.*REFUSED\).*--site-host/);
  assert.ok(place.isBroken, 'the run was not tried there');
  await page.close();
  assert.equal(asked.at(-1), 'DELETE /session/s1');
});

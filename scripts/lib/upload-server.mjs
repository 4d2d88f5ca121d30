/**
 * Serves the built site with private corners, each for one page of ours: binary files that the script hands to
 * the page and that the page hands back, and the page's events. A random token in the path keeps others out.
 */

import { randomUUID } from 'node:crypto';
import { buffer, json } from 'node:stream/consumers';
import { HEADERS, serveSite } from './serve.mjs';

/** Under this name a page POSTs events. */
const EVENTS = 'events';

/** A page sends events again where it has heard no answer. */
function takeEvents(corner, { first, events }) {
  const fresh = events.slice(corner.eventCount - first);
  corner.eventCount += fresh.length;
  corner.onEvents(fresh);
}

/** Answers one request to a corner. */
async function answer(corner, name, request, response) {
  const say = (status, body) => {
    response.writeHead(status, { ...HEADERS, 'Cache-Control': 'no-store' }).end(body);
  };
  if (request.method === 'GET') {
    const bytes = corner.downloads.get(name);
    return bytes === undefined ? say(404) : say(200, bytes);
  }
  const isEvents = request.method === 'POST' && name === EVENTS;
  if (!isEvents && request.method !== 'PUT') return say(405);
  try {
    // Both reject where the page went away in the middle, so nothing that was cut off is ever handed on.
    if (isEvents) takeEvents(corner, await json(request));
    else await corner.onUpload(name, await buffer(request));
    return say(204);
  } catch (error) {
    return say(500, error.message);
  }
}

/**
 * `files` is the site, as `readSite` gives it; `address` and `host` are as in serve.mjs. Returns the site's
 * `url`, `close`, and `openCorner`: of what it is given, `onUpload(name, bytes)` takes what the page PUTs and
 * `onEvents(events)` what it POSTs to `eventsUrl` (with the number of the first), their error is the answer; `downloads` maps names to the bytes
 * that the page may GET. A corner has `urlOf(name)` for its files, `eventsUrl`, and `close`.
 */
export async function serveCorners({ files, address, host }) {
  const corners = new Map();

  async function intercept(request, response) {
    const [, token, name] = /^\/private-([\da-f-]{36})\/(.*)$/.exec(request.url) ?? [];
    const corner = corners.get(token);
    if (corner === undefined) return false;
    await answer(corner, decodeURIComponent(name), request, response);
    return true;
  }

  function openCorner({ onUpload, onEvents = () => {}, downloads = new Map() }) {
    const token = randomUUID();
    corners.set(token, { onUpload, onEvents, downloads, eventCount: 0 });
    const urlOf = (name) => `/private-${token}/${name}`;
    return { urlOf, eventsUrl: urlOf(EVENTS), close: () => corners.delete(token) };
  }

  const { url, close } = await serveSite({ root: null, files, intercept, address, host });
  return { url, openCorner, close };
}

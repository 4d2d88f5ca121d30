/**
 * Serves a built site on localhost with the headers that make its pages cross-origin isolated and
 * that hold it to its own origin. Owns MIME types, headers and ports; knows nothing of training.
 */

import { createReadStream } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { UsageError } from './main.mjs';
import { DIST } from './paths.mjs';

const LOOPBACK = '127.0.0.1';
const PORTS_TRIED = 50;

const MIME_TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.gz': 'application/gzip',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** Everything from the page's own origin; wasm may be compiled, nothing may be evaluated. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** On every response: a worker's isolation and policy come from its own. */
export const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
};

/** Every file of a built site in memory, by its URL path. */
export async function readSite(root) {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)));
  const read = async (name) => [`/${name.split(path.sep).join('/')}`, await readFile(path.join(root, name))];
  return new Map(await Promise.all(names.map(read)));
}

/** The file of a request's path; undefined for a path that leads nowhere. None leads out of the site. */
async function findFile({ root, files }, requestUrl) {
  let pathname;
  try {
    pathname = decodeURIComponent(new URL(requestUrl, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
  if (pathname.includes('\0')) return undefined;
  const name = path.posix.join('/', pathname.endsWith('/') ? `${pathname}index.html` : pathname);
  const file = root === null ? null : path.join(root, name);
  const found = file === null ? undefined : await stat(file).catch(() => undefined);
  if (found?.isFile()) return { name, size: found.size, open: () => createReadStream(file) };
  const bytes = files.get(name);
  return bytes && { name, size: bytes.length, open: () => Readable.from([bytes]) };
}

function answerText(response, status, text) {
  response.writeHead(status, { 'Content-Type': MIME_TYPES['.txt'] });
  response.end(`${text}\n`);
}

async function answer(site, headers, request, response) {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return answerText(response, 405, `${request.method} is not allowed here.`);
  }
  const found = await findFile(site, request.url);
  if (found === undefined) return answerText(response, 404, `There is no ${request.url} on this server.`);
  response.writeHead(200, {
    'Content-Type': MIME_TYPES[path.extname(found.name)] ?? 'application/octet-stream',
    'Content-Length': found.size,
  });
  if (request.method === 'HEAD') return response.end();
  return pipeline(found.open(), response);
}

/** Whether anything listens on this port, whichever of localhost's addresses it took. */
function isTaken(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: 'localhost' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Listens on `port`; resolves false where it is taken. Port 0 lets the system choose. */
async function listen(server, port, address) {
  if (port !== 0 && (await isTaken(port))) return false;
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(port, address, () => resolve(true));
  });
}

/**
 * Serves the folder `root` (null for none) and what is not there from `files`, as `readSite` gives them, on
 * `port` or, where that is taken, on the next free one; `onTaken` is told each port that was passed over.
 * `intercept(request, response)` may answer a request itself and then returns true; `headersFor(path)` are
 * those of a file. Listens on `address`; the URL calls it `host`. Returns the URL with a final slash, the port,
 * and `close`.
 */
export async function serveSite({
  root = DIST,
  files = new Map(),
  port = 0,
  onTaken = () => {},
  intercept = () => false,
  headersFor = () => HEADERS,
  address = LOOPBACK,
  host = 'localhost',
} = {}) {
  const server = createServer((request, response) => {
    Promise.resolve(intercept(request, response))
      .then((isAnswered) => isAnswered || answer({ root, files }, headersFor(request.url), request, response))
      .catch((error) => {
        // A client that went away in the middle of a file is no concern; anything else is.
        if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
        console.error(`${request.method} ${request.url}: ${error.message}`);
        response.destroy();
      });
  });
  const last = Math.min(65_535, port + PORTS_TRIED - 1);
  for (let candidate = port; candidate <= last; candidate++) {
    if (await listen(server, candidate, address)) return describeServer(server, host);
    onTaken(candidate);
  }
  throw new UsageError(`The ports ${port} to ${last} are all taken; name a free one with --port.`);
}

function describeServer(server, host) {
  const { port } = server.address();
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

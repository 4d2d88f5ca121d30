/**
 * The built site as other browsers are shown it: on small data, with a script before all others that keeps what the
 * page writes to its console and what is refused or thrown. WebDriver has no way to ask for that.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { DIST } from '../../../scripts/lib/paths.mjs';
import { HEADERS, serveSite } from '../../../scripts/lib/serve.mjs';
import { serveData, smallData } from '../../page/support/small-data.mjs';

/** Runs in the page. */
function keepComplaints() {
  const complaints = [];
  window.complaints = complaints;
  for (const level of ['error', 'warn']) {
    const write = console[level];
    console[level] = (...words) => {
      complaints.push(`console.${level}: ${words.map(String).join(' ')}`);
      write.apply(console, words);
    };
  }
  addEventListener(
    'error',
    ({ message, target }) =>
      complaints.push(
        `error: ${message ?? `${target.localName} ${target.src ?? target.href} does not load`}`,
      ),
    true,
  );
  addEventListener('unhandledrejection', ({ reason }) => complaints.push(`unhandled rejection: ${reason}`));
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    complaints.push(`content policy: ${violatedDirective} refused ${blockedURI}`),
  );
}

const KEEPER = '/keep-complaints.js';

/** A page that shows the site in a frame as wide as a phone, for a browser whose windows are wider. */
function frameOf(width, query) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Frame</title>
<iframe style="border: 0; width: ${width}px; height: 800px" src="/?framed&amp;${query.replaceAll('&', '&amp;')}"></iframe></html>`;
}

function headersFor(url) {
  if (!url.includes('?framed')) return HEADERS;
  const policy = HEADERS['Content-Security-Policy'].replace(
    "frame-ancestors 'none'",
    "frame-ancestors 'self'",
  );
  return { ...HEADERS, 'Content-Security-Policy': policy };
}

/**
 * Serves the site until the test ends. `url` is its address; a page may PUT bytes to `/kept` and GET them again; `missing`
 * fills with the paths that lead nowhere.
 */
export async function openSite(context) {
  const data = serveData(new Map(Object.entries(await smallData())), {
    'Cross-Origin-Resource-Policy': HEADERS['Cross-Origin-Resource-Policy'],
  });
  const html = await readFile(path.join(DIST, 'index.html'), 'utf8');
  const page = html.replace('<head>', `<head><script src="${KEEPER}"></script>`);
  let kept = null;
  const missing = [];

  async function intercept(request, response) {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const answer = (type, body) => {
      response.writeHead(200, { ...headersFor(request.url), 'Content-Type': type }).end(body);
      return true;
    };
    response.on('finish', () => {
      if (response.statusCode >= 400)
        missing.push(`${request.method} ${request.url}: ${response.statusCode}`);
    });
    if (pathname === '/') return answer('text/html; charset=utf-8', page);
    if (pathname === KEEPER) return answer('text/javascript', `(${keepComplaints})();`);
    if (pathname === '/frame') {
      const { width, ...settings } = Object.fromEntries(searchParams);
      // Its frame has a style of its own.
      response.writeHead(200, {
        ...HEADERS,
        'Content-Security-Policy': "frame-src 'self'",
        'Content-Type': 'text/html',
      });
      response.end(frameOf(width, String(new URLSearchParams(settings))));
      return true;
    }
    if (pathname !== '/kept') return data(request, response);
    if (request.method !== 'PUT') return answer('application/octet-stream', kept);
    kept = await buffer(request);
    return answer('text/plain', '');
  }

  const { url, close } = await serveSite({ intercept, headersFor });
  context.after(close);
  return { url, missing };
}

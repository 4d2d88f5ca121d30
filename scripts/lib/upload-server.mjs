/**
 * Serves the built site with a private corner for one page of ours: binary files that the script
 * hands to the page and that the page hands back. A random token in the path keeps others out.
 */

import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { HEADERS, serveSite } from './serve.mjs';

/**
 * `files` is the site, as `readSite` gives it. `onUpload(name, bytes)` takes what the page PUTs; its error is the answer. `downloads` maps names
 * to the bytes that the page may GET. Returns the site's URL, `urlOf(name)` for the private files,
 * and `close`.
 */
export async function serveWithUploads({ files, onUpload, downloads = new Map() }) {
  const prefix = `/private-${randomUUID()}/`;

  async function intercept(request, response) {
    if (!request.url.startsWith(prefix)) return false;
    const name = decodeURIComponent(request.url.slice(prefix.length));
    const answer = (status, body) => {
      response.writeHead(status, { ...HEADERS, 'Cache-Control': 'no-store' }).end(body);
      return true;
    };
    if (request.method === 'GET') {
      const bytes = downloads.get(name);
      return bytes === undefined ? answer(404) : answer(200, bytes);
    }
    if (request.method !== 'PUT') return answer(405);
    try {
      // Rejects where the page went away in the middle, so no half file is ever handed on.
      await onUpload(name, await buffer(request));
      return answer(204);
    } catch (error) {
      return answer(500, error.message);
    }
  }

  const { url, close } = await serveSite({ root: null, files, intercept });
  return { url, urlOf: (name) => `${prefix}${name}`, close };
}

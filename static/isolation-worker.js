/**
 * A service worker for static hosts that cannot send headers (GitHub Pages): adds those that make the pages
 * of its folder cross-origin isolated, so that the engine `wasm` may use threads. Keeps nothing, and changes
 * no content. With the query `?credentialless` pages may also have pictures and the like of other origins that send
 * no header for it (not in Safari).
 */

const EMBEDDER_POLICY = new URL(self.location.href).searchParams.has('credentialless')
  ? 'credentialless'
  : 'require-corp';

self.addEventListener('install', () => void self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

/** The response with the headers; as it is where it is of another origin. */
function isolated(response) {
  // Opaque ones have no headers to be read, and a redirect is followed by the browser.
  if (response.type === 'opaque' || response.type === 'opaqueredirect' || response.type === 'cors')
    return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', EMBEDDER_POLICY);
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  const { status, statusText } = response;
  // These have no body, and a response made with one throws.
  const body = [101, 204, 205, 304].includes(status) ? null : response.body;
  return new Response(body, { status, statusText, headers });
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  // A request that asks for the cache alone, from developer tools, may not be sent on.
  if (request.cache === 'only-if-cached' && request.mode !== 'same-origin') return;
  event.respondWith(fetch(request).then(isolated));
});

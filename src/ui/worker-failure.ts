/**
 * Why a worker's script did not start, which browsers do not tell: asked of the server once more, and
 * read from its answer.
 */

import { isForeign } from '../browser/worker-script.js';

const COEP = 'cross-origin-embedder-policy';
/** The question is put to a server that may not answer. */
const LIMIT_MS = 5000;

/** A page under this policy takes only workers that are under it too. */
function embeds({ headers }: Response): boolean {
  return /^\s*(require-corp|credentialless)\b/.test(headers.get(COEP) ?? '');
}

async function isPageEmbedded(signal: AbortSignal): Promise<boolean> {
  if (globalThis.crossOriginIsolated === true) return true;
  // An isolated page has the policy for sure; of another one only the server knows.
  return embeds(await fetch(location.href, { method: 'HEAD', signal }));
}

async function askServer(url: URL, signal: AbortSignal): Promise<string> {
  const hint = isForeign(url)
    ? ' It is of another origin, which has to send Access-Control-Allow-Origin.'
    : '';
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return `It cannot be fetched.${hint}`;
  }
  if (!response.ok) return `The server answers ${response.status}.`;
  const type = response.headers.get('content-type') ?? '';
  if (!/\b(java|ecma)script\b/i.test(type)) {
    return `The server sends it as ${type === '' ? 'no type at all' : `"${type}"`}; it has to be text/javascript.`;
  }
  // A blob that imports the script has the page's own headers.
  if (!isForeign(url) && !embeds(response) && (await isPageEmbedded(signal))) {
    return (
      'The page is served with the header Cross-Origin-Embedder-Policy, this script is not: ' +
      'serve it with "Cross-Origin-Embedder-Policy: require-corp" as well.'
    );
  }
  return (
    'The server sends it: a file that it imports may be missing, ' +
    'or the page’s Content-Security-Policy may forbid this worker (worker-src).'
  );
}

/** A sentence or two; empty where there is nothing to be learnt. Never rejects, and settles within seconds. */
export async function explainWorkerFailure(url: URL): Promise<string> {
  if (!/^https?:$/.test(url.protocol)) return '';
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), LIMIT_MS);
  try {
    return await askServer(url, limit.signal);
  } catch {
    return '';
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What `new Worker` takes for a script under the rules that a page may have: a script of another origin
 * through a blob that imports it, and a TrustedScriptURL where Trusted Types are demanded. For the page's
 * worker and for the workers that a worker makes.
 */

import { feature } from './feature.js';

/** A URL, or a TrustedScriptURL of the page's own policy. */
export interface ScriptUrl {
  toString(): string;
  toJSON(): string;
}

/** The part of Trusted Types that is used here; TypeScript's own libraries have none of it. */
interface TrustedTypes {
  isScriptURL(value: unknown): boolean;
  createPolicy(
    name: string,
    rules: { readonly createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): ScriptUrl };
}

/** To be named in a page's `trusted-types` directive. */
const POLICY_NAME = 'sgan-trainer';

let policy: ReturnType<TrustedTypes['createPolicy']> | null | undefined;
/** Blobs that import a script of another origin, by its URL: one each, kept while the page or worker lives. */
const importingBlobs = new Map<string, string>();

function trustedTypes(): TrustedTypes | undefined {
  return feature(() => (globalThis as { readonly trustedTypes?: TrustedTypes }).trustedTypes);
}

/** `url` under the own policy; as it is where the browser has no Trusted Types or the page forbids the policy. */
function trust(url: string): string | ScriptUrl {
  policy ??=
    feature(() => trustedTypes()?.createPolicy(POLICY_NAME, { createScriptURL: (text) => text })) ?? null;
  return policy === null ? url : policy.createScriptURL(url);
}

/** Browsers refuse a worker of another origin, but not one of the own that imports it; CORS still applies. */
function importingBlob({ href }: URL): string {
  let blobUrl = importingBlobs.get(href);
  if (blobUrl === undefined) {
    const script = new Blob([`import ${JSON.stringify(href)};`], { type: 'text/javascript' });
    blobUrl = URL.createObjectURL(script);
    importingBlobs.set(href, blobUrl);
  }
  return blobUrl;
}

/** Whether a script at `url` is of another origin than this page or worker; opaque ones are never the same. */
export function isForeign({ origin }: URL): boolean {
  return origin === 'null' || origin !== self.origin;
}

export interface WorkerScriptOptions {
  /** What a relative TrustedScriptURL is relative to. */
  readonly baseUrl?: string | undefined;
  /** Whether the script is of this build or its origin, so that it may do all that this module may. */
  readonly isOwn: boolean;
}

/**
 * The script to give to `new Worker`. `given` is absolute or, a TrustedScriptURL, relative. A TrustedScriptURL
 * is trusted as it is; the own policy vouches for scripts of the page's origin and of this build's
 * alone, so that under Trusted Types no attribute can name another.
 */
export function workerScript(
  given: URL | ScriptUrl,
  { baseUrl, isOwn }: WorkerScriptOptions,
): string | ScriptUrl {
  const isTrusted = trustedTypes()?.isScriptURL(given) === true;
  const url = new URL(given.toString(), baseUrl);
  if (!isForeign(url)) return isTrusted ? given : trust(url.href);
  const blobUrl = importingBlob(url);
  return isTrusted || isOwn ? trust(blobUrl) : blobUrl;
}

/** `new Worker` of what `workerScript` gave. Throws what the browser throws. */
export function makeWorker(script: string | ScriptUrl, name: string): Worker {
  return new Worker(script as string | URL, { type: 'module', name });
}

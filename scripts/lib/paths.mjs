/** Where things lie in the repository. Imports only `node:`. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const DIST = path.join(ROOT, 'dist');
/** Everything that can be made again: unpacked browser, compressed data, bundled tests, metafiles. */
export const CACHE = path.join(ROOT, '.cache');

export function inRoot(...parts) {
  return path.join(ROOT, ...parts);
}

/** First 16 hex digits of the SHA-256 of text or bytes: the name of a cache entry. */
export function shortHash(content) {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** Version of an installed npm package. */
export function packageVersion(name) {
  return JSON.parse(readFileSync(inRoot('node_modules', name, 'package.json'), 'utf8')).version;
}

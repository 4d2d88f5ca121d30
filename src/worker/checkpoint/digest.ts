/**
 * The digest of a checkpoint: `crc32:` and eight hexadecimal digits over everything in it but itself, so
 * that damage is seen anywhere. A plain checksum, not `crypto.subtle`, which insecure origins do not have
 * and which answers later; like it, it tells damage, and unlike it no forgery.
 */

import { crc32 } from '../../protocol/crc32.js';
import { dtypeOf, type Safetensors } from './safetensors.js';

/**
 * Over the JSON of [name, text] of the metadata and [name, dtype, shape] of the tensors, then over the
 * tensors' bytes; all by name, so that it is the same however a file is laid out.
 */
export function digestOf({ metadata, tensors }: Safetensors): string {
  const byName = <T>(entries: Iterable<[string, T]>): [string, T][] =>
    [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = byName(Object.entries(metadata)).filter(([name]) => name !== 'digest');
  const named = byName(tensors.entries());
  const shapes = named.map(([name, tensor]) => [name, dtypeOf(tensor), tensor.shape]);
  let checksum = crc32(new TextEncoder().encode(JSON.stringify([texts, shapes])));
  for (const [, { values }] of named) {
    checksum = crc32(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), checksum);
  }
  return `crc32:${checksum.toString(16).padStart(8, '0')}`;
}

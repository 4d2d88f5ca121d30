/**
 * The digit reader's file: a classifier's network and parameters, whatever recipe it was once trained by. safetensors:
 * the parameters as float16, and in the metadata the network as a recipe has it, its classes and a digest.
 */

import type { Network } from '../../src/recipe/layers.js';
import { digestOf } from '../../src/worker/checkpoint/digest.js';
import {
  readSafetensors,
  writeSafetensors,
  type StoredTensor,
} from '../../src/worker/checkpoint/safetensors.js';
import type { NamedTensor, NamedTensors } from '../../src/worker/model/parameters.js';
import { describeError } from '../../src/protocol/wording.js';
import { fromHalves, toHalves } from './half-floats.js';

const FORMAT = 'sgan-trainer-digit-reader';

/** A classifier by itself. */
export interface Reader {
  readonly network: Network;
  readonly classes: number;
  /** Its parameters under the names of `model/parameters.ts`. */
  readonly tensors: NamedTensors;
}

export function writeReader({ network, classes, tensors }: Reader): Uint8Array<ArrayBuffer> {
  const halves = new Map(
    [...tensors].map(([name, { shape, values }]): [string, StoredTensor] => [
      name,
      { shape, values: toHalves(values) },
    ]),
  );
  const metadata = { format: FORMAT, network: JSON.stringify(network), classes: String(classes) };
  const digest = digestOf({ tensors: halves, metadata });
  return writeSafetensors({ tensors: halves, metadata: { ...metadata, digest } });
}

function read(bytes: Uint8Array<ArrayBuffer>): Reader {
  const { tensors, metadata } = readSafetensors(bytes);
  const { format, network, classes, digest } = metadata;
  if (format !== FORMAT || network === undefined || classes === undefined) {
    throw new Error('it is a safetensors file, but not one of "npm run digit-reader"');
  }
  if (digest !== digestOf({ tensors, metadata })) {
    throw new Error('it was damaged or changed after it was written');
  }
  const parameters = [...tensors].map(([name, { shape, values }]): [string, NamedTensor] => {
    if (!(values instanceof Uint16Array)) throw new Error(`its tensor "${name}" is not float16`);
    return [name, { shape, values: fromHalves(values) }];
  });
  return {
    network: JSON.parse(network) as Network,
    classes: Number(classes),
    tensors: new Map(parameters),
  };
}

/** Throws an `Error` where the bytes are no such file, or a damaged one. */
export function readReader(bytes: Uint8Array<ArrayBuffer>): Reader {
  try {
    return read(bytes);
  } catch (error) {
    const found = describeError(error).replace(/\.$/, '');
    throw new Error(`The digit reader cannot be used: ${found}. Take the file of the repository.`, {
      cause: error,
    });
  }
}

/** Reads the reference data of learning from few labels, which make_reference.py wrote beside this file. */

import { parseReference, type ReferenceTensor } from '../load.js';

/** A stage's first step on one of the data's shapes, or the views of some of its images. */
export interface FewCase {
  /** Index into `FEW_SHAPES`. */
  readonly data: number;
  readonly stage: number;
  /** By the names of `Engine.inspectStep`; after the step under `after1/`; `evaluation/…`; `view/<view>`. */
  readonly tensors: ReadonlyMap<string, ReferenceTensor>;
}

export interface FewReference {
  readonly seed: number;
  /** SHA-256, in hexadecimal, of the little-endian bytes of what must match bit for bit. */
  readonly digests: ReadonlyMap<string, string>;
  readonly cases: ReadonlyMap<string, FewCase>;
}

/** Puts the two files together. `bytes` are little-endian float32, as is every platform that runs this. */
export function parseFewReference(indexJson: string, bytes: ArrayBuffer): FewReference {
  const { seed, digests, cases } = parseReference(indexJson, bytes);
  // The reader hands on what fields a case has.
  return { seed, digests, cases: cases as unknown as ReadonlyMap<string, FewCase> };
}

/** Fetches the data from beside this module: for tests in the browser. */
export async function fetchFewReference(): Promise<FewReference> {
  const get = async (name: string): Promise<Response> => {
    const response = await fetch(new URL(`./data/${name}`, import.meta.url));
    if (!response.ok) throw new Error(`${response.url} answered ${response.status}.`);
    return response;
  };
  const [index, bytes] = await Promise.all([get('index.json'), get('tensors.bin')]);
  return parseFewReference(await index.text(), await bytes.arrayBuffer());
}

/** Names of the cases that an engine can be held to. */
export function stageCases({ cases }: FewReference): readonly string[] {
  return [...cases.keys()].filter((name) => name.includes('stage'));
}

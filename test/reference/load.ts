/** Reads the reference data of `data/`, which make_reference.py wrote; README.md says what it is. */

import type { RecipeName } from '../../src/recipe/recipes.js';

/** What is kept of a tensor. */
export interface ReferenceTensor {
  readonly shape: readonly number[];
  /** L2 norm of the whole tensor. */
  readonly norm: number;
  /** Every value, or those at the fixed positions. float32 */
  readonly values: Float32Array;
  /** The sums with fixed random signs; null where every value is kept. float32 */
  readonly signedSums: Float32Array | null;
  /** Set where the tensor is zero in exact arithmetic: the size of what cancels in it. */
  readonly zeroScale: number | null;
}

/** Tensors by the names of `Engine.inspectStep`, and those after an update under `after<n>/`. */
export interface ReferenceCase {
  readonly recipe: RecipeName;
  readonly batch: number;
  readonly dropout: number;
  readonly start: 'initial' | 'shaken';
  /** Updates done before. */
  readonly step: number;
  readonly tensors: ReadonlyMap<string, ReferenceTensor>;
}

/** `gradient<n>`, `after<n>/parameter`, `after<n>/m`, `after<n>/v`; all zero before. */
export interface AdamCase {
  readonly step: number;
  readonly tensors: ReadonlyMap<string, ReferenceTensor>;
}

export interface Reference {
  readonly seed: number;
  readonly labels: number;
  /** Latents of `generate/images`. */
  readonly samples: number;
  /** SHA-256, in hexadecimal, of the little-endian bytes of what must match bit for bit. */
  readonly digests: ReadonlyMap<string, string>;
  readonly cases: ReadonlyMap<string, ReferenceCase>;
  readonly adam: ReadonlyMap<string, AdamCase>;
}

interface IndexedTensor {
  readonly shape: readonly number[];
  readonly norm: number;
  readonly offset?: number;
  readonly scale?: number;
}
type Indexed<T> = Omit<T, 'tensors'> & { readonly tensors: Record<string, IndexedTensor> };

interface Index {
  readonly seed: number;
  readonly labels: number;
  readonly samples: number;
  readonly wholeLimit: number;
  readonly positions: number;
  readonly projections: number;
  readonly digests: Record<string, string>;
  readonly cases: Record<string, Indexed<ReferenceCase>>;
  readonly adam: Record<string, Indexed<AdamCase>>;
}

/** Puts the two files together. `bytes` are little-endian float32, as is every platform that runs this. */
export function parseReference(indexJson: string, bytes: ArrayBuffer): Reference {
  const index = JSON.parse(indexJson) as Index;
  const all = new Float32Array(bytes);
  const take = (offset: number, count: number): Float32Array => {
    if (offset + count > all.length)
      throw new Error('tensors.bin is shorter than index.json says; make both again.');
    return all.subarray(offset, offset + count);
  };
  const toTensor = ({ shape, norm, offset, scale }: IndexedTensor): ReferenceTensor => {
    if (offset === undefined) {
      return { shape, norm, values: new Float32Array(0), signedSums: null, zeroScale: scale ?? 0 };
    }
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const isWhole = size <= index.wholeLimit;
    return {
      shape,
      norm,
      values: take(offset, isWhole ? size : index.positions),
      signedSums: isWhole ? null : take(offset + index.positions, index.projections),
      zeroScale: null,
    };
  };
  const withTensors = <T extends AdamCase>(cases: Record<string, Indexed<T>>): ReadonlyMap<string, T> =>
    new Map(
      Object.entries(cases).map(([name, { tensors, ...fields }]) => {
        const read = new Map(Object.entries(tensors).map(([key, tensor]) => [key, toTensor(tensor)]));
        return [name, { ...fields, tensors: read } as unknown as T];
      }),
    );
  const { seed, labels, samples } = index;
  const digests = new Map(Object.entries(index.digests));
  return { seed, labels, samples, digests, cases: withTensors(index.cases), adam: withTensors(index.adam) };
}

/** Fetches the data from beside this module: for tests in the browser. */
export async function fetchReference(): Promise<Reference> {
  const get = async (name: string): Promise<Response> => {
    const response = await fetch(new URL(`./data/${name}`, import.meta.url));
    if (!response.ok) throw new Error(`${response.url} answered ${response.status}.`);
    return response;
  };
  const [index, bytes] = await Promise.all([get('index.json'), get('tensors.bin')]);
  return parseReference(await index.text(), await bytes.arrayBuffer());
}

/**
 * Lowers products that take fewer multiply-adds by `toom-axis.ts`: the kernel is transformed and packed, then the input is
 * transformed, multiplied by it, and the results are transformed to outputs, chunk by chunk of the images.
 */

import { sideSize, type Side } from '../../../plan/geometry.js';
import type { OpSegment, ProductOp } from '../../../plan/operations.js';
import { countRows, inOrder, storeImageTable } from '../../images.js';
import { DEPTH_CHUNK, OPERATION_WORDS } from '../../layout/operations.js';
import type { Bindings } from '../../memory/bindings.js';
import { storeSnippets } from '../../snippets.js';
import { StageRecords, storeRecord, storeRecords } from '../../stage-records.js';
import {
  addPack,
  addProduct,
  packedBytes,
  panelBytes,
  storeSubProducts,
  type Kernel,
  type SubProduct,
  type Taps,
  type Whole,
} from '../product-records.js';
import { NO_BORDER } from '../kept-images.js';
import { dense, windowsOf, type Stager } from '../windows.js';
import type { KeptTransforms } from './kept-transforms.js';
import type { Group, ToomForm } from './toom-form.js';
import { plainImages, sharedFields } from './transforms.js';

/** Adds a kernel's transform and its packing, before everything. Returns what gives the sub-products of two groups. */
function prepareKernel(
  kernel: Kernel,
  { y, x }: ToomForm,
  { arena, forParameters }: Bindings,
  name: string,
  records: StageRecords,
): (groupY: Group, groupX: Group) => readonly SubProduct[] {
  const { geometry, depthChannels } = kernel;
  const [kernelHeight, kernelWidth] = [y.kernel.length, x.kernel.length];
  const channels = geometry.large.channels * geometry.small.channels;
  const taps = dense({ height: geometry.kernelHeight, width: geometry.kernelWidth, channels }, kernel.source);
  const source = forParameters.allocate(kernelHeight * kernelWidth * channels * 4);
  records.prepare(0, 'transform', name, {
    ...sharedFields(taps, geometry.kernelWidth, y.kernel, x.kernel, arena),
    ...plainImages(kernel.source, 1, source),
  });
  const transformed: Kernel = { ...kernel, source, geometry: { ...geometry, kernelHeight, kernelWidth } };
  const tap = (firstTap: number): Taps => ({ firstTap, taps: 1, tapStep: 0 });
  /** Packs pairs of kernels one below the other. */
  const pack = (pairs: readonly (readonly [number, number])[]): number => {
    const panelStep = panelBytes(pairs.length * depthChannels);
    const target = forParameters.allocate(packedBytes(kernel, pairs.length * depthChannels));
    pairs.forEach(([kernelY, kernelX], index) => {
      const own = target + panelBytes(index * depthChannels);
      addPack(transformed, tap(kernelY), tap(kernelX), own, panelStep, name, records, 1);
    });
    return target;
  };
  const packed = new Map<string, number>();
  return (groupY, groupX) =>
    groupY.subProducts.flatMap((ofY) =>
      groupX.subProducts.map((ofX): SubProduct => {
        const pairs = ofY.kernels.flatMap((kernelY) =>
          ofX.kernels.map((kernelX) => [kernelY, kernelX] as const),
        );
        const key = pairs.join(' ');
        const right = packed.get(key) ?? pack(pairs);
        packed.set(key, right);
        const pieceLength = pairs.length * depthChannels;
        return {
          y: { rows: groupY.rows, scale: groupY.scale, offset: ofY.offset },
          x: { rows: groupX.rows, scale: groupX.scale, offset: ofX.offset },
          right,
          panelStep: panelBytes(pieceLength),
          first: 0,
          pieces: 1,
          pieceLength,
          pieceStep: 0,
        };
      }),
    );
}

/** Bytes of what is multiplied and of the results of one chunk: they stay in the L2 cache, unless one image takes more. */
const CHUNK_BYTES = 458_752;
/** Rows of the micro-kernel's tile: a chunk of so many images, or twice that, leaves none of them unused. */
const TILE_ROWS = 6;

/** Images of a chunk: whole tiles of them where those fit. */
function chunkOf(imageBytes: number): number {
  const fitting = Math.max(1, Math.floor(CHUNK_BYTES / imageBytes));
  return fitting < TILE_ROWS ? fitting : fitting - (fitting % TILE_ROWS);
}

/** Adds the preparation of a product's kernel (groups 0 and 1), its staging (group 0), and what goes through all steps (group 2). */
export function lowerToom(
  { geometry, direction, source, epilogue, target, name }: ProductOp,
  segments: readonly OpSegment[],
  form: ToomForm,
  kernel: Kernel,
  bindings: Bindings,
  stager: Stager,
  transforms: KeptTransforms,
  records: StageRecords,
): void {
  const { arena, scratch } = bindings;
  const { y, x } = form;
  const [from, to] =
    direction === 'toSmall' ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const images = countRows(segments);
  const subProductsOf = prepareKernel(kernel, form, bindings, name, records);
  const staged = stager.stage(source, from, segments, NO_BORDER, records, name);

  const ofInput: Side = { height: y.input.length, width: x.input.length, channels: from.channels };
  const ofResults: Side = { height: y.results, width: x.results, channels: to.channels };
  const imageBytes = (sideSize(ofInput) + sideSize(ofResults)) * 4;
  const chunk = Math.min(images, chunkOf(imageBytes));
  const side = direction === 'toSmall' ? 'large' : 'small';
  const kept = transforms.keep(source, geometry, side, segments, ofInput);
  const stepBytes = OPERATION_WORDS * 4;
  const stepOffset = scratch.reserve(stepBytes + chunk * imageBytes);
  const inputOffset = stepOffset + stepBytes;
  const input = dense(ofInput, 0);
  const results = dense(ofResults, 0);
  /** What only a chunk tells. */
  const ofChunk = { images: 0, source: 0, target: 0 };
  const whole: Whole = {
    target: ofResults,
    images: ofChunk.images,
    outputs: {
      out: ofChunk.target,
      imageTable: storeImageTable(arena, inOrder(segments), source.rows),
      isDirect: true,
      bias: 0,
      epilogue: 0,
    },
    name,
    group: 0,
  };
  const products = new StageRecords();
  for (const groupY of y.groups) {
    for (const groupX of x.groups) {
      const windows = windowsOf(input, groupY, groupX, from.channels);
      const subProducts = subProductsOf(groupY, groupX);
      // Longer windows are packed chunk by chunk, for one sub-product only.
      const isShared = windows.runs * windows.runLength <= DEPTH_CHUNK;
      for (const shared of isShared ? [subProducts] : subProducts.map((one) => [one])) {
        addProduct(whole, windows, storeSubProducts(shared, arena), products);
      }
    }
  }
  const stored = storeRecords(arena, products.filled);
  const toInput = storeRecord(arena, 'transform', name, {
    ...sharedFields(staged, from.width, y.input, x.input, arena),
    ...ofChunk,
    epilogue: 0,
    imageTable: 0,
  });
  const toOutput = storeRecord(arena, 'transform', name, {
    ...sharedFields(results, ofResults.width, y.output, x.output, arena),
    ...ofChunk,
    target: bindings.tensor(target),
    epilogue: storeSnippets(epilogue, segments[0]!.instance, to.channels, bindings),
    imageTable: storeImageTable(arena, segments, source.rows),
  });
  records.add(2, 'toomProduct', name, {
    images,
    chunk,
    toInput: toInput.address,
    source: staged.address,
    kept: kept ?? 0,
    products: stored.address,
    productCount: stored.count,
    toOutput: toOutput.address,
    stepOffset,
    inputOffset,
    resultsOffset: inputOffset + chunk * sideSize(ofInput) * 4,
  });
}

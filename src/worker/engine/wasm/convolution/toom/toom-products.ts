/**
 * Lowers products that take fewer multiply-adds by `toom-axis.ts`: the input is transformed (group 1), multiplied by the
 * transformed kernel (group 2), and the results are transformed to outputs (group 3). Images go through in chunks, each
 * two groups after the one before.
 */

import { sideSize, type Side } from '../../../plan/geometry.js';
import type { OpSegment, ProductOp } from '../../../plan/operations.js';
import { countRows, inOrder, storeImageTable } from '../../images.js';
import { wordsOf } from '../../layout/fields.js';
import { DEPTH_CHUNK } from '../../layout/operations.js';
import { IMAGE } from '../../layout/tables.js';
import type { Bindings } from '../../memory/bindings.js';
import { storeSnippets } from '../../snippets.js';
import type { StageRecords } from '../../stage-records.js';
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
import { dense, NO_BORDER, windowsOf, type Stager } from '../windows.js';
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

/** Bytes of what is multiplied and of the results of one chunk: they stay in the L2 cache. */
const CHUNK_BYTES = 393_216;
/** Rows of the micro-kernel's tile: a chunk of so many images, or twice that, leaves none of them unused. */
const TILE_ROWS = 6;

/** Adds the preparation of a product's kernel, its staging (group 0), and its chunks. */
export function lowerToom(
  { geometry, direction, source, epilogue, target, name }: ProductOp,
  segments: readonly OpSegment[],
  form: ToomForm,
  kernel: Kernel,
  bindings: Bindings,
  stager: Stager,
  records: StageRecords,
): void {
  const { arena, workspace } = bindings;
  const { y, x } = form;
  const [from, to] =
    direction === 'toSmall' ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const count = countRows(segments);
  const subProductsOf = prepareKernel(kernel, form, bindings, name, records);
  const staged = stager.stage(source, from, segments, NO_BORDER, records, name);

  const ofInput: Side = { height: y.input.length, width: x.input.length, channels: from.channels };
  const ofResults: Side = { height: y.results, width: x.results, channels: to.channels };
  const imageBytes = (sideSize(ofInput) + sideSize(ofResults)) * 4;
  const most = Math.min(count, Math.max(1, Math.floor(CHUNK_BYTES / imageBytes / TILE_ROWS)) * TILE_ROWS);
  const input = dense(ofInput, workspace.allocate(most * sideSize(ofInput) * 4));
  const results = dense(ofResults, workspace.allocate(most * sideSize(ofResults) * 4));
  const products = y.groups.flatMap((groupY) =>
    x.groups.flatMap((groupX) => {
      const windows = windowsOf(input, groupY, groupX, from.channels);
      const subProducts = subProductsOf(groupY, groupX);
      // Longer windows are packed chunk by chunk, for one sub-product only.
      const isShared = windows.runs * windows.runLength <= DEPTH_CHUNK;
      const own = isShared ? [subProducts] : subProducts.map((one) => [one]);
      return own.map((shared) => ({ windows, stored: storeSubProducts(shared, arena) }));
    }),
  );
  const resultTable = storeImageTable(arena, inOrder(segments), source.rows);
  const targetTable = storeImageTable(arena, segments, source.rows);
  const toInput = sharedFields(staged, from.width, y.input, x.input, arena);
  const toOutput = sharedFields(results, ofResults.width, y.output, x.output, arena);
  const ofEpilogue = storeSnippets(epilogue, segments[0]!.instance, to.channels, bindings);
  // The next chunk's input is transformed along with this one's results.
  for (let first = 0, group = 1; first < count; first += most, group += 2) {
    const images = Math.min(most, count - first);
    records.add(group, 'transform', name, {
      ...toInput,
      ...plainImages(staged.address + first * staged.imageStep, images, input.address),
    });
    const whole: Whole = {
      target: ofResults,
      images,
      outputs: { out: results.address, imageTable: resultTable, isDirect: true, bias: 0, epilogue: 0 },
      name,
      group: group + 1,
    };
    for (const { windows, stored } of products) addProduct(whole, windows, stored, records);
    records.add(group + 2, 'transform', name, {
      ...toOutput,
      source: results.address,
      images,
      target: bindings.tensor(target),
      epilogue: ofEpilogue,
      imageTable: targetTable + first * wordsOf(IMAGE) * 4,
    });
  }
}

/**
 * Lowers products that take fewer multiply-adds by `toom-axis.ts`: the source's positions become sums (wave 1), groups of
 * these are multiplied by sums of taps (wave 2), and sums of the results are the outputs (wave 3). Images go through
 * in chunks, each two waves after the one before.
 */

import { sideSize, type Side } from '../../../plan/geometry.js';
import type { OpSegment, ProductOp } from '../../../plan/operations.js';
import type { Bindings } from '../../memory/bindings.js';
import { combinedImages, combineFields } from '../combine.js';
import { countRows, inOrder, storeImageTable } from '../../images.js';
import {
  COMBINE,
  COMBINE_SNIPPETS,
  COMBINE_TABLE,
  IMAGE_WORDS,
  ROWS_CHUNK,
  ROWS_IS_DIRECT,
  ROWS_OUT,
  ROWS_TABLE,
} from '../../kernels/words.js';
import type { Field, Waves } from '../../records.js';
import {
  addPack,
  addRows,
  packedBytes,
  panelBytes,
  storeParts,
  type Kernel,
  type RowsPart,
  type Taps,
  type Whole,
} from '../rows.js';
import { storeSnippets } from '../../snippets.js';
import type { Group, ToomForm } from './toom-form.js';
import { dense, NO_BORDER, windowsOf, type Stager } from '../windows.js';

/** Adds the sums of a kernel's taps and their packing, before everything. Returns what gives the parts of two groups. */
function prepareKernel(
  kernel: Kernel,
  { y, x }: ToomForm,
  { arena, forParameters }: Bindings,
  name: string,
  waves: Waves,
): (groupY: Group, groupX: Group) => readonly RowsPart[] {
  const { geometry, depthChannels } = kernel;
  const [kernelHeight, kernelWidth] = [y.kernels.length, x.kernels.length];
  const channels = geometry.large.channels * geometry.small.channels;
  const taps = dense({ height: geometry.kernelHeight, width: geometry.kernelWidth, channels }, kernel.source);
  const source = forParameters.allocate(kernelHeight * kernelWidth * channels * 4);
  const fields = combineFields(taps, geometry.kernelWidth, y.kernels, x.kernels, arena);
  waves.prepare(0, COMBINE, name, ...fields, ...combinedImages(kernel.source, 1, source));
  const summed: Kernel = { ...kernel, source, geometry: { ...geometry, kernelHeight, kernelWidth } };
  const tap = (firstTap: number): Taps => ({ firstTap, taps: 1, tapStep: 0 });
  /** Packs pairs of kernels one below the other. */
  const pack = (pairs: readonly (readonly [number, number])[]): number => {
    const panelStep = panelBytes(pairs.length * depthChannels);
    const target = forParameters.allocate(packedBytes(kernel, pairs.length * depthChannels));
    pairs.forEach(([kernelY, kernelX], index) => {
      const own = target + panelBytes(index * depthChannels);
      addPack(summed, tap(kernelY), tap(kernelX), own, panelStep, name, waves, 1);
    });
    return target;
  };
  const packed = new Map<string, number>();
  return (groupY, groupX) =>
    groupY.parts.flatMap((partY) =>
      groupX.parts.map((partX): RowsPart => {
        const pairs = partY.kernels.flatMap((kernelY) =>
          partX.kernels.map((kernelX) => [kernelY, kernelX] as const),
        );
        const key = pairs.join(' ');
        const right = packed.get(key) ?? pack(pairs);
        packed.set(key, right);
        const piece = pairs.length * depthChannels;
        return {
          y: { rows: groupY.rows, scale: groupY.scale, offset: partY.offset },
          x: { rows: groupX.rows, scale: groupX.scale, offset: partX.offset },
          right,
          panelStep: panelBytes(piece),
          first: 0,
          pieces: 1,
          piece,
          pieceStep: 0,
        };
      }),
    );
}

/** Bytes of what is multiplied and of the results of one chunk: they stay in the second-level cache. */
const CHUNK_BYTES = 393_216;
/** Rows of the micro-kernel: a chunk of so many images, or twice that, leaves none of them unused. */
const SIX = 6;

/** Adds the preparation of a product's kernel, its staging (wave 0), and its chunks. */
export function lowerToom(
  { geometry, direction, source, epilogue, target, name }: ProductOp,
  segments: readonly OpSegment[],
  form: ToomForm,
  kernel: Kernel,
  bindings: Bindings,
  stager: Stager,
  waves: Waves,
): void {
  const { arena, workspace } = bindings;
  const { y, x } = form;
  const [from, to] =
    direction === 'toSmall' ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const count = countRows(segments);
  const partsOf = prepareKernel(kernel, form, bindings, name, waves);
  const staged = stager.stage(source, from, segments, NO_BORDER, waves, name);

  const ofSources: Side = { height: y.sources.length, width: x.sources.length, channels: from.channels };
  const ofResults: Side = { height: y.results, width: x.results, channels: to.channels };
  const imageBytes = (sideSize(ofSources) + sideSize(ofResults)) * 4;
  const most = Math.min(count, Math.max(1, Math.floor(CHUNK_BYTES / imageBytes / SIX)) * SIX);
  const sources = dense(ofSources, workspace.allocate(most * sideSize(ofSources) * 4));
  const results = dense(ofResults, workspace.allocate(most * sideSize(ofResults) * 4));
  const products = y.groups.flatMap((groupY) =>
    x.groups.flatMap((groupX) => {
      const windows = windowsOf(sources, groupY, groupX, from.channels);
      const parts = partsOf(groupY, groupX);
      // Longer windows are packed chunk by chunk, for one part only.
      const isShared = windows.runs * windows.runLength <= ROWS_CHUNK;
      const own = isShared ? [parts] : parts.map((part) => [part]);
      return own.map((shared) => ({ windows, parts: storeParts(shared, arena) }));
    }),
  );
  const resultTable = storeImageTable(arena, inOrder(segments), source.rows);
  const targetTable = storeImageTable(arena, segments, source.rows);
  const toSources = combineFields(staged, from.width, y.sources, x.sources, arena);
  const toTargets: readonly Field[] = [
    ...combineFields(results, ofResults.width, y.targets, x.targets, arena),
    [COMBINE_SNIPPETS, storeSnippets(epilogue, segments[0]!.instance, to.channels, bindings)],
  ];
  // The next chunk's sums are made along with what becomes of this one's results.
  for (let first = 0, wave = 1; first < count; first += most, wave += 2) {
    const images = Math.min(most, count - first);
    const chunk = combinedImages(staged.address + first * staged.imageStep, images, sources.address);
    waves.add(wave, COMBINE, name, ...toSources, ...chunk);
    const whole: Whole = {
      target: ofResults,
      images,
      outputs: [
        [ROWS_OUT, results.address],
        [ROWS_IS_DIRECT, 1],
        [ROWS_TABLE, resultTable],
      ],
      name,
      wave: wave + 1,
    };
    for (const { windows, parts } of products) addRows(whole, windows, parts, waves);
    waves.add(
      wave + 2,
      COMBINE,
      name,
      ...toTargets,
      ...combinedImages(results.address, images, bindings.tensor(target)),
      [COMBINE_TABLE, targetTable + first * IMAGE_WORDS * 4],
    );
  }
}

/** The records of a product: its kernel packed, its windows, and the sub-products that read them. */

import type { Geometry, Side } from '../../plan/geometry.js';
import type { ProductOp } from '../../plan/operations.js';
import type { Arena } from '../memory/arena.js';
import type { OperationValues } from '../layout/operations.js';
import { storeTable } from '../layout/store.js';
import { SUB_PRODUCT } from '../layout/tables.js';
import type { SubKernelAxis } from './sub-kernels.js';
import type { StageRecords } from '../stage-records.js';
import type { Windows } from './windows.js';

/** Depth of a product for each tap, in channels, and the kernel's byte distances. */
export interface Kernel {
  readonly geometry: Geometry;
  readonly source: number;
  readonly depthChannels: number;
  readonly filters: number;
  readonly channelStep: number;
  readonly filterStep: number;
}

export function kernelOf({ geometry, direction }: ProductOp, source: number): Kernel {
  const { large, small } = geometry;
  const rowBytes = small.channels * 4;
  return direction === 'toSmall'
    ? {
        geometry,
        source,
        depthChannels: large.channels,
        filters: small.channels,
        channelStep: rowBytes,
        filterStep: 4,
      }
    : {
        geometry,
        source,
        depthChannels: small.channels,
        filters: large.channels,
        channelStep: 4,
        filterStep: rowBytes,
      };
}

/** Taps along one direction: the first, how many, and from one to the next. */
export type Taps = Pick<SubKernelAxis, 'taps' | 'firstTap' | 'tapStep'>;

/** Bytes of a panel of eight columns, so deep. */
export function panelBytes(depth: number): number {
  return depth * 32;
}

/** Bytes of a packed kernel whose panels are so deep. */
export function packedBytes({ filters }: Kernel, depth: number): number {
  return Math.ceil(filters / 8) * panelBytes(depth);
}

/** Packs taps of a kernel, before everything but what the groups before this one prepare. */
export function addPack(
  { geometry, source, depthChannels, filters, channelStep, filterStep }: Kernel,
  y: Taps,
  x: Taps,
  target: number,
  panelStep: number,
  name: string,
  records: StageRecords,
  group: number,
): void {
  const { kernelWidth, large, small } = geometry;
  const tapBytes = large.channels * small.channels * 4;
  const lineBytes = kernelWidth * tapBytes;
  records.prepare(group, 'pack', name, {
    source: source + y.firstTap * lineBytes + x.firstTap * tapBytes,
    target,
    tapsY: y.taps,
    tapsX: x.taps,
    channels: depthChannels,
    filters,
    tapStepY: y.tapStep * lineBytes,
    tapStepX: x.tapStep * tapBytes,
    channelStep,
    filterStep,
    panelStep,
  });
}

/** Where a product's outputs go, and what becomes of them. */
export type Outputs = Pick<
  OperationValues<'product'>,
  'out' | 'imageTable' | 'isDirect' | 'bias' | 'epilogue'
>;

/** What all records of a product have in common. */
export interface Whole {
  readonly target: Side;
  readonly images: number;
  readonly outputs: Outputs;
  readonly name: string;
  /** When its rows are multiplied. */
  readonly group: number;
}

type RowsAxis = Pick<SubKernelAxis, 'rows' | 'scale' | 'offset'>;

/** What a sub-product takes of its windows' depth, in floats, and what with. */
export interface SubProduct {
  readonly y: RowsAxis;
  readonly x: RowsAxis;
  readonly right: number;
  readonly panelStep: number;
  /** Pieces of the depth: the first one's beginning, how many, how long, and from one to the next. */
  readonly first: number;
  readonly pieces: number;
  readonly pieceLength: number;
  readonly pieceStep: number;
}

/** Sub-products that share rows, as records find them in memory. */
interface StoredSubProducts {
  readonly address: number;
  readonly count: number;
  /** What they share. */
  readonly y: RowsAxis;
  readonly x: RowsAxis;
}

/** Writes sub-products that share rows. */
export function storeSubProducts(subProducts: readonly SubProduct[], arena: Arena): StoredSubProducts {
  const address = storeTable(
    arena,
    SUB_PRODUCT,
    subProducts.map(({ y, x, ...own }) => ({ ...own, offsetY: y.offset, offsetX: x.offset })),
  );
  const { y, x } = subProducts[0]!;
  return { address, count: subProducts.length, y, x };
}

export function addProduct(
  { target, images, outputs, name, group }: Whole,
  windows: Windows,
  { address, count, y, x }: StoredSubProducts,
  records: StageRecords,
): void {
  records.add(group, 'product', name, {
    windows: windows.address,
    windowImageStep: windows.imageStep,
    windowRowStep: windows.rowStep,
    windowColumnStep: windows.columnStep,
    runs: windows.runs,
    runLength: windows.runLength,
    runStep: windows.runStep,
    subProducts: address,
    subProductCount: count,
    images,
    rowsY: y.rows,
    rowsX: x.rows,
    filters: target.channels,
    outHeight: target.height,
    outWidth: target.width,
    scaleY: y.scale,
    scaleX: x.scale,
    ...outputs,
  });
}

/** The records of a product: its kernel packed, its windows, and the parts that read them. */

import type { Geometry, Side } from '../../plan/geometry.js';
import type { ProductOp } from '../../plan/operations.js';
import type { Arena } from '../memory/arena.js';
import {
  PACK,
  PACK_CHANNELS,
  PACK_CHANNEL_STEP,
  PACK_FILTERS,
  PACK_FILTER_STEP,
  PACK_PANEL_STEP,
  PACK_SOURCE,
  PACK_STEP_X,
  PACK_STEP_Y,
  PACK_TAPS_X,
  PACK_TAPS_Y,
  PACK_TARGET,
  PART_FIRST,
  PART_OFFSET_X,
  PART_OFFSET_Y,
  PART_PANEL_STEP,
  PART_PIECE,
  PART_PIECES,
  PART_PIECE_STEP,
  PART_RIGHT,
  PART_WORDS,
  ROWS,
  ROWS_FILTERS,
  ROWS_IMAGES,
  ROWS_LEFT,
  ROWS_LEFT_COLUMN_STEP,
  ROWS_LEFT_IMAGE_STEP,
  ROWS_LEFT_ROW_STEP,
  ROWS_OUT_HEIGHT,
  ROWS_OUT_WIDTH,
  ROWS_PARTS,
  ROWS_PART_COUNT,
  ROWS_RUNS,
  ROWS_RUN_LENGTH,
  ROWS_RUN_STEP,
  ROWS_SCALE_X,
  ROWS_SCALE_Y,
  ROWS_X,
  ROWS_Y,
} from '../kernels/words.js';
import type { PartAxis } from './parts.js';
import type { Field, Waves } from '../records.js';
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
export type Taps = Pick<PartAxis, 'taps' | 'firstTap' | 'tapStep'>;

/** Bytes of a panel of eight columns, so deep. */
export function panelBytes(depth: number): number {
  return depth * 32;
}

/** Bytes of a packed kernel whose panels are so deep. */
export function packedBytes({ filters }: Kernel, depth: number): number {
  return Math.ceil(filters / 8) * panelBytes(depth);
}

/** Packs taps of a kernel, before everything but what the waves before this one prepare. */
export function addPack(
  { geometry, source, depthChannels, filters, channelStep, filterStep }: Kernel,
  y: Taps,
  x: Taps,
  target: number,
  panelStep: number,
  name: string,
  waves: Waves,
  wave: number,
): void {
  const { kernelWidth, large, small } = geometry;
  const tapBytes = large.channels * small.channels * 4;
  const lineBytes = kernelWidth * tapBytes;
  waves.prepare(
    wave,
    PACK,
    name,
    [PACK_SOURCE, source + y.firstTap * lineBytes + x.firstTap * tapBytes],
    [PACK_TARGET, target],
    [PACK_TAPS_Y, y.taps],
    [PACK_TAPS_X, x.taps],
    [PACK_CHANNELS, depthChannels],
    [PACK_FILTERS, filters],
    [PACK_STEP_Y, y.tapStep * lineBytes],
    [PACK_STEP_X, x.tapStep * tapBytes],
    [PACK_CHANNEL_STEP, channelStep],
    [PACK_FILTER_STEP, filterStep],
    [PACK_PANEL_STEP, panelStep],
  );
}

/** What all records of a product have in common. */
export interface Whole {
  readonly target: Side;
  readonly images: number;
  readonly outputs: readonly Field[];
  readonly name: string;
  /** When its rows are multiplied. */
  readonly wave: number;
}

type RowsAxis = Pick<PartAxis, 'rows' | 'scale' | 'offset'>;

/** What a part of a record takes of its windows' depth, in floats, and what with. */
export interface RowsPart {
  readonly y: RowsAxis;
  readonly x: RowsAxis;
  readonly right: number;
  readonly panelStep: number;
  /** Pieces of the depth: the first one's beginning, how many, how long, and from one to the next. */
  readonly first: number;
  readonly pieces: number;
  readonly piece: number;
  readonly pieceStep: number;
}

/** Parts that share rows, as records find them in memory. */
export interface StoredParts {
  readonly address: number;
  readonly count: number;
  /** What they share. */
  readonly y: RowsAxis;
  readonly x: RowsAxis;
}

/** Writes parts that share rows. */
export function storeParts(parts: readonly RowsPart[], arena: Arena): StoredParts {
  const address = arena.storeWords(
    parts.flatMap(({ y, x, right, panelStep, first, pieces, piece, pieceStep }) => {
      const words = new Array<number>(PART_WORDS).fill(0);
      words[PART_RIGHT] = right;
      words[PART_PANEL_STEP] = panelStep;
      words[PART_FIRST] = first;
      words[PART_PIECES] = pieces;
      words[PART_PIECE] = piece;
      words[PART_PIECE_STEP] = pieceStep;
      words[PART_OFFSET_Y] = y.offset;
      words[PART_OFFSET_X] = x.offset;
      return words;
    }),
  );
  const { y, x } = parts[0]!;
  return { address, count: parts.length, y, x };
}

export function addRows(
  { target, images, outputs, name, wave }: Whole,
  windows: Windows,
  { address, count, y, x }: StoredParts,
  waves: Waves,
): void {
  waves.add(
    wave,
    ROWS,
    name,
    [ROWS_LEFT, windows.address],
    [ROWS_LEFT_IMAGE_STEP, windows.imageStep],
    [ROWS_LEFT_ROW_STEP, windows.rowStep],
    [ROWS_LEFT_COLUMN_STEP, windows.columnStep],
    [ROWS_RUNS, windows.runs],
    [ROWS_RUN_LENGTH, windows.runLength],
    [ROWS_RUN_STEP, windows.runStep],
    [ROWS_PARTS, address],
    [ROWS_PART_COUNT, count],
    [ROWS_IMAGES, images],
    [ROWS_Y, y.rows],
    [ROWS_X, x.rows],
    [ROWS_FILTERS, target.channels],
    [ROWS_OUT_HEIGHT, target.height],
    [ROWS_OUT_WIDTH, target.width],
    [ROWS_SCALE_Y, y.scale],
    [ROWS_SCALE_X, x.scale],
    ...outputs,
  );
}

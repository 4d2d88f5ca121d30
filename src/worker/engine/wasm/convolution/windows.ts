/**
 * Left operands: a view of the plan made readable in place, with its prologue applied and its border zero.
 * What an earlier operation of the program has staged is used again, so a network's activations are
 * staged once for the forward pass and for those kernel gradients that do not find them transformed (`toom/kept-transforms.ts`).
 */

import { sideSize, type Side } from '../../plan/geometry.js';
import type { Operation, OpSegment, View } from '../../plan/operations.js';
import type { Bindings } from '../memory/bindings.js';
import { areConsecutive, countRows, sourceRow, storeImageTable } from '../images.js';
import type { StageRecords } from '../stage-records.js';
import { storeSnippets } from '../snippets.js';
import { isInside, KeptImages, NO_BORDER, type Border, type Staged } from './kept-images.js';

/** Windows (image, y, x) of images: `runs` runs of `runLength` floats each. Steps in bytes. */
export interface Windows extends Staged {
  readonly runs: number;
  readonly runLength: number;
  readonly runStep: number;
}

/** Windows along one direction: how many, where the first begins, from one to the next, and how long; in positions. */
export interface Span {
  readonly rows: number;
  readonly start: number;
  readonly step: number;
  readonly taps: number;
}

/** Images one after the other, without a border. */
export function dense({ height, width, channels }: Side, address: number): Staged {
  const columnStep = channels * 4;
  const rowStep = width * columnStep;
  return { address, imageStep: height * rowStep, rowStep, columnStep };
}

/** The same images from a position on. */
export function startingAt(staged: Staged, y: number, x: number): Staged {
  return { ...staged, address: staged.address + y * staged.rowStep + x * staged.columnStep };
}

/** The windows of a span each way in an image that is staged. */
export function windowsOf(staged: Staged, y: Span, x: Span, channels: number): Windows {
  return {
    ...startingAt(staged, y.start, x.start),
    rowStep: staged.rowStep * y.step,
    columnStep: staged.columnStep * x.step,
    runs: y.taps,
    runLength: x.taps * channels,
    runStep: staged.rowStep,
  };
}

/** What the windows of every span of `ys` with every one of `xs` read around an image. */
export function borderOf(ys: readonly Span[], xs: readonly Span[], { height, width }: Side): Border {
  const before = (spans: readonly Span[]): number => Math.max(0, ...spans.map(({ start }) => -start));
  const after = (spans: readonly Span[], size: number): number =>
    Math.max(0, ...spans.map(({ rows, start, step, taps }) => start + (rows - 1) * step + taps - size));
  return { top: before(ys), left: before(xs), bottom: after(ys, height), right: after(xs, width) };
}

function keyOf(view: View): string {
  return JSON.stringify(view);
}

/** What one program has staged. */
export class Stager {
  readonly #bindings: Bindings;
  readonly #kept: KeptImages;

  /** @param viewsOf Views that an operation has staged. */
  constructor(bindings: Bindings, viewsOf: (operation: Operation) => readonly View[]) {
    this.#bindings = bindings;
    this.#kept = new KeptImages(bindings, (operation) => viewsOf(operation).map(keyOf));
  }

  beginStage(stage: number): void {
    this.#kept.beginStage(stage);
  }

  /**
   * The view's rows of these segments, in order. Stages them in group 0 where they cannot be
   * read in place. What a row's prologue makes of it depends on the row alone, so one staging serves all.
   */
  stage(
    view: View,
    side: Side,
    segments: readonly OpSegment[],
    border: Border,
    records: StageRecords,
    name: string,
  ): Staged {
    const { height, width, channels } = side;
    const source = this.#bindings.tensor(view.tensor);
    const isInPlace = view.prologue.length === 0 && isInside(border, NO_BORDER);
    if (isInPlace && areConsecutive(segments, view.rows)) {
      return dense(side, source + sourceRow(segments[0]!, view.rows) * sideSize(side) * 4);
    }
    const key = keyOf(view);
    const found = this.#kept.find(key, segments, view.rows, border);
    if (found !== null) return found;
    const paddedWidth = border.left + width + border.right;
    const paddedHeight = border.top + height + border.bottom;
    const padded = { height: paddedHeight, width: paddedWidth, channels };
    const place = (address: number): Staged => startingAt(dense(padded, address), border.top, border.left);
    const imageBytes = sideSize(padded) * 4;
    const { address, images } = this.#kept.keep(key, segments, view.rows, imageBytes, place, border);
    records.add(0, 'stage', name, {
      source,
      target: address,
      images: countRows(segments),
      height,
      width,
      channels,
      top: border.top,
      left: border.left,
      paddedHeight,
      paddedWidth,
      prologue: storeSnippets(view.prologue, 0, channels, this.#bindings),
      imageTable: storeImageTable(this.#bindings.arena, segments, view.rows),
    });
    return images;
  }
}

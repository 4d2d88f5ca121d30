/**
 * Left operands: a view of the plan made readable in place, with its prologue applied and its border zero.
 * What an earlier operation of the program has staged is used again, so a network's activations are
 * staged once for the forward pass and for the kernel gradients.
 */

import { sideSize, type Side } from '../../plan/geometry.js';
import type { Operation, OpSegment, View } from '../../plan/operations.js';
import type { Bindings } from '../memory/bindings.js';
import { areConsecutive, countRows, sourceRow, storeImageTable } from '../images.js';
import type { StageRecords } from '../stage-records.js';
import { storeSnippets } from '../snippets.js';

/** Zeros around an image, in positions. */
export interface Border {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}
export const NO_BORDER: Border = { top: 0, left: 0, bottom: 0, right: 0 };

/** Images in memory: position (image, y, x), border included, at address + its steps. Steps in bytes. */
export interface Staged {
  /** Of position (0, 0) of the first image, the border not counted. */
  readonly address: number;
  readonly imageStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

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

interface Kept {
  readonly key: string;
  /** Whether it is there until the end of its stage only. */
  readonly isTemporary: boolean;
  readonly firstRow: number;
  readonly rows: number;
  readonly border: Border;
  readonly staged: Staged;
}

function isInside(inner: Border, outer: Border): boolean {
  return (
    inner.top <= outer.top &&
    inner.left <= outer.left &&
    inner.bottom <= outer.bottom &&
    inner.right <= outer.right
  );
}

function keyOf(view: View): string {
  return JSON.stringify(view);
}

/** What one program has staged. */
export class Stager {
  readonly #bindings: Bindings;
  /** Stage of the last operation that reads a view. */
  readonly #lastStages = new Map<string, number>();
  #stage = 0;
  #kept: readonly Kept[] = [];

  /** @param viewsOf Views that an operation has staged. */
  constructor(bindings: Bindings, viewsOf: (operation: Operation) => readonly View[]) {
    this.#bindings = bindings;
    for (const operation of bindings.program.operations) {
      for (const key of viewsOf(operation).map(keyOf)) {
        this.#lastStages.set(key, Math.max(operation.stage, this.#lastStages.get(key) ?? 0));
      }
    }
  }

  /** What is staged from now on belongs to this stage, or stays where a later one reads it too. */
  beginStage(stage: number): void {
    this.#stage = stage;
    this.#kept = this.#kept.filter(({ isTemporary }) => !isTemporary);
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
    const isWhole = areConsecutive(segments, view.rows);
    const firstRow = sourceRow(segments[0]!, view.rows);
    const rows = countRows(segments);
    const source = this.#bindings.tensor(view.tensor);
    if (isWhole && view.prologue.length === 0 && isInside(border, NO_BORDER)) {
      return dense(side, source + firstRow * sideSize(side) * 4);
    }
    const key = keyOf(view);
    const found = this.#kept.find(
      (kept) =>
        isWhole &&
        kept.key === key &&
        kept.firstRow <= firstRow &&
        firstRow + rows <= kept.firstRow + kept.rows &&
        isInside(border, kept.border),
    );
    if (found !== undefined) {
      const { staged } = found;
      return { ...staged, address: staged.address + (firstRow - found.firstRow) * staged.imageStep };
    }
    const paddedWidth = border.left + width + border.right;
    const paddedHeight = border.top + height + border.bottom;
    const padded = { height: paddedHeight, width: paddedWidth, channels };
    const isTemporary = !isWhole || (this.#lastStages.get(key) ?? 0) <= this.#stage;
    const { arena, overlay, workspace } = this.#bindings;
    const target = (isTemporary ? workspace : overlay).allocate(rows * sideSize(padded) * 4);
    records.add(0, 'stage', name, {
      source,
      target,
      images: rows,
      height,
      width,
      channels,
      top: border.top,
      left: border.left,
      paddedHeight,
      paddedWidth,
      prologue: storeSnippets(view.prologue, 0, channels, this.#bindings),
      imageTable: storeImageTable(arena, segments, view.rows),
    });
    const staged = startingAt(dense(padded, target), border.top, border.left);
    if (isWhole) this.#kept = [...this.#kept, { key, isTemporary, firstRow, rows, border, staged }];
    return staged;
  }
}

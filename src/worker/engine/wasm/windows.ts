/**
 * Left operands: a view of the plan made readable in place, with its chain applied and its border zero.
 * What an earlier operation of the program has staged is used again, so a network's activations are
 * staged once for the forward pass and for the kernel gradients.
 */

import type { Geometry, Side } from '../plan/geometry.js';
import type { OpSegment, View } from '../plan/operations.js';
import type { Bindings } from './bindings.js';
import { areConsecutive, countRows, sourceRow, storeImageTable } from './images.js';
import {
  STAGE,
  STAGE_CHANNELS,
  STAGE_HEIGHT,
  STAGE_IMAGES,
  STAGE_LEFT,
  STAGE_PADDED_HEIGHT,
  STAGE_PADDED_WIDTH,
  STAGE_ROW,
  STAGE_SNIPPETS,
  STAGE_SOURCE,
  STAGE_STRIDE,
  STAGE_TABLE,
  STAGE_TARGET,
  STAGE_TOP,
  STAGE_WIDTH,
  STAGE_WINDOWS_X,
  STAGE_WINDOWS_Y,
  STAGE_WINDOW_HEIGHT,
  STAGE_WINDOW_WIDTH,
} from './kernels/layout.js';
import type { Waves } from './records.js';
import { storeSnippets } from './snippets.js';

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

interface Kept {
  readonly key: string;
  readonly firstRow: number;
  readonly rows: number;
  readonly border: Border;
  readonly staged: Staged;
}
interface KeptWindows {
  readonly key: string;
  readonly firstRow: number;
  readonly rows: number;
  readonly windows: Windows;
}

/** Runs shorter than this are unfolded: below it a product's loop costs more than the copy. */
const SHORTEST_RUN = 12;

function isInside(inner: Border, outer: Border): boolean {
  return (
    inner.top <= outer.top &&
    inner.left <= outer.left &&
    inner.bottom <= outer.bottom &&
    inner.right <= outer.right
  );
}

/** What one program has staged. */
export class Stager {
  readonly #bindings: Bindings;
  readonly #kept: Kept[] = [];
  readonly #keptWindows: KeptWindows[] = [];

  constructor(bindings: Bindings) {
    this.#bindings = bindings;
  }

  /**
   * The view's rows of these segments, in order. Stages them in wave 0 where they cannot be
   * read in place. What a row's chain makes of it depends on the row alone, so one staging serves all.
   */
  stage(view: View, side: Side, segments: readonly OpSegment[], border: Border, waves: Waves, name: string): Staged {
    const { height, width, channels } = side;
    const columnStep = channels * 4;
    const isWhole = areConsecutive(segments, view.rows);
    const firstRow = sourceRow(segments[0]!, view.rows);
    const rows = countRows(segments);
    const source = this.#bindings.tensor(view.tensor);
    if (isWhole && view.chain.length === 0 && isInside(border, NO_BORDER)) {
      const rowStep = width * columnStep;
      const imageStep = height * rowStep;
      return { address: source + firstRow * imageStep, imageStep, rowStep, columnStep };
    }
    const key = JSON.stringify(view);
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
    const rowStep = paddedWidth * columnStep;
    const imageStep = paddedHeight * rowStep;
    const target = this.#bindings.arena.allocate(rows * imageStep);
    waves.add(
      0,
      STAGE,
      name,
      [STAGE_SOURCE, source],
      [STAGE_TARGET, target],
      [STAGE_IMAGES, rows],
      [STAGE_HEIGHT, height],
      [STAGE_WIDTH, width],
      [STAGE_CHANNELS, channels],
      [STAGE_TOP, border.top],
      [STAGE_LEFT, border.left],
      [STAGE_PADDED_HEIGHT, paddedHeight],
      [STAGE_PADDED_WIDTH, paddedWidth],
      [STAGE_SNIPPETS, storeSnippets(view.chain, 0, channels, this.#bindings)],
      [STAGE_TABLE, storeImageTable(this.#bindings.arena, segments, view.rows)],
    );
    const address = target + border.top * rowStep + border.left * columnStep;
    const staged = { address, imageStep, rowStep, columnStep };
    if (isWhole) this.#kept.push({ key, firstRow, rows, border, staged });
    return staged;
  }

  /**
   * The windows that a layer's `small` positions see of its `large` side. Those that reach into the image's
   * border find zeros there as far as `border` goes.
   */
  windows(
    view: View,
    geometry: Geometry,
    border: Border,
    segments: readonly OpSegment[],
    waves: Waves,
    name: string,
  ): Windows {
    const { large, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
    const unfolded = this.unfolded(view, geometry, segments, waves, name);
    if (unfolded !== null) return unfolded;
    const { address, imageStep, rowStep, columnStep } = this.stage(view, large, segments, border, waves, name);
    return {
      address: address - padTop * rowStep - padLeft * columnStep,
      imageStep,
      rowStep: rowStep * stride,
      columnStep: columnStep * stride,
      runs: kernelHeight,
      runLength: kernelWidth * large.channels,
      runStep: rowStep,
    };
  }

  /** The same, each window in one piece, where that is worth its copy; else null. */
  unfolded(
    view: View,
    geometry: Geometry,
    segments: readonly OpSegment[],
    waves: Waves,
    name: string,
  ): Windows | null {
    const { large, kernelHeight, kernelWidth } = geometry;
    const isWorthIt = kernelWidth * large.channels < SHORTEST_RUN && kernelHeight > 1 && view.chain.length === 0;
    return isWorthIt ? this.#unfold(view, geometry, segments, waves, name) : null;
  }

  #unfold(view: View, geometry: Geometry, segments: readonly OpSegment[], waves: Waves, name: string): Windows {
    const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
    const isWhole = areConsecutive(segments, view.rows);
    const firstRow = sourceRow(segments[0]!, view.rows);
    const rows = countRows(segments);
    const key = JSON.stringify([view, geometry]);
    const found = this.#keptWindows.find(
      (kept) =>
        isWhole && kept.key === key && kept.firstRow <= firstRow && firstRow + rows <= kept.firstRow + kept.rows,
    );
    if (found !== undefined) {
      const { windows } = found;
      return { ...windows, address: windows.address + (firstRow - found.firstRow) * windows.imageStep };
    }
    const runLength = kernelHeight * kernelWidth * large.channels;
    const columnStep = runLength * 4;
    const rowStep = small.width * columnStep;
    const imageStep = small.height * rowStep;
    const target = this.#bindings.arena.allocate(rows * imageStep);
    waves.add(
      0,
      STAGE,
      name,
      [STAGE_SOURCE, this.#bindings.tensor(view.tensor)],
      [STAGE_TARGET, target],
      [STAGE_IMAGES, rows],
      [STAGE_HEIGHT, large.height],
      [STAGE_WIDTH, large.width],
      [STAGE_CHANNELS, large.channels],
      [STAGE_TOP, padTop],
      [STAGE_LEFT, padLeft],
      [STAGE_TABLE, storeImageTable(this.#bindings.arena, segments, view.rows)],
      [STAGE_WINDOW_HEIGHT, kernelHeight],
      [STAGE_WINDOW_WIDTH, kernelWidth],
      [STAGE_STRIDE, stride],
      [STAGE_WINDOWS_Y, small.height],
      [STAGE_WINDOWS_X, small.width],
      [STAGE_ROW, runLength],
    );
    const windows = { address: target, imageStep, rowStep, columnStep, runs: 1, runLength, runStep: 0 };
    if (isWhole) this.#keptWindows.push({ key, firstRow, rows, windows });
    return windows;
  }
}

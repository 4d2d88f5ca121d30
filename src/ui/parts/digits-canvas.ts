/**
 * Paints a grid of images into a canvas at the screen's own resolution, with hairlines between the
 * cells. Owns the size of the canvas; paints only when there is something new.
 */

import type { ImageGrid } from '../../protocol/reports.js';
import { PixelWidth } from './pixel-width.js';

/** A finished picture that is a grid of cells without gaps. */
export interface DigitGrid extends Pick<ImageGrid, 'columns' | 'rows' | 'cellWidth' | 'cellHeight'> {
  readonly source: CanvasImageSource;
}

/** A canvas that is shown nowhere; an element, since not every browser has offscreen ones. */
function makeCanvas(width: number, height: number): HTMLCanvasElement {
  return Object.assign(document.createElement('canvas'), { width, height });
}

/** The pixels of a grid as something that can be drawn. */
export function toDigitGrid(grid: ImageGrid): DigitGrid {
  const { width, height, rgba, columns, rows, cellWidth, cellHeight } = grid;
  const source = makeCanvas(width, height);
  source.getContext('2d')?.putImageData(new ImageData(rgba, width, height), 0, 0);
  return { source, columns, rows, cellWidth, cellHeight };
}

/** Loads a picture of `columns` square cells a row. Rejects where it cannot be had, or has not one whole row. */
export async function loadDigitGrid(url: string, columns: number): Promise<DigitGrid> {
  const source = new Image();
  source.src = url;
  await source.decode();
  const cell = Math.floor(source.naturalWidth / columns);
  const rows = cell === 0 ? 0 : Math.floor(source.naturalHeight / cell);
  if (rows === 0) {
    throw new Error(
      `${url} is ${source.naturalWidth} x ${source.naturalHeight} pixels, less than a row of cells.`,
    );
  }
  return { source, columns, rows, cellWidth: cell, cellHeight: cell };
}

export class DigitsCanvas {
  readonly #canvas: HTMLCanvasElement;
  readonly #width: PixelWidth;
  #grid: DigitGrid | null = null;
  #rows = Infinity;

  /** `canvas` fills its parent, which is as wide as its style says and has the proportions of the grid. */
  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#width = new PixelWidth(canvas, () => this.#paint());
  }

  /** Shows the first `rows` rows of a grid; null clears. The same grid again costs nothing. */
  show(grid: DigitGrid | null, rows = Infinity): void {
    if (grid === this.#grid && rows === this.#rows) return;
    this.#grid = grid;
    this.#rows = rows;
    this.#proportion();
    this.#paint();
  }

  /** Gives the parent the grid's proportions, its style's own where there is none. */
  #proportion(): void {
    const { parentElement } = this.#canvas;
    if (this.#grid === null) {
      parentElement?.style.removeProperty('aspect-ratio');
      return;
    }
    const { columns, rows, cellWidth, cellHeight } = this.#grid;
    const [width, height] = [columns * cellWidth, Math.min(rows, this.#rows) * cellHeight];
    parentElement?.style.setProperty('aspect-ratio', `${width} / ${height}`);
  }

  disconnect(): void {
    this.#width.disconnect();
  }

  #paint(): void {
    const canvas = this.#canvas;
    const grid = this.#grid;
    if (this.#width.value === 0 || grid === null) {
      canvas.width = 0;
      canvas.height = 0;
      return;
    }
    const rows = Math.min(grid.rows, this.#rows);
    const gap = Math.max(1, Math.round(devicePixelRatio));
    const cell = (this.#width.value - gap * (grid.columns - 1)) / grid.columns;
    canvas.width = this.#width.value;
    // As high as its parent has room: a pixel of the canvas is one of the screen.
    canvas.height = Math.round(
      (this.#width.value * rows * grid.cellHeight) / (grid.columns * grid.cellWidth),
    );
    const cellHeight = (canvas.height - gap * (rows - 1)) / rows;
    const context = canvas.getContext('2d');
    // None where memory for canvases is short: the cells stay empty, training goes on.
    if (context === null) return;
    const enlarged = this.#enlarge(grid, Math.max(cell, (cellHeight * grid.cellWidth) / grid.cellHeight));
    // Edges of cells on whole pixels, so that hairlines stay sharp; whole multiples of the source are
    // enlarged without smoothing, the rest of the way is a slight reduction: crisp at any width.
    context.imageSmoothingQuality = 'high';
    const edge = (index: number, size: number): number => Math.round(index * (size + gap));
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < grid.columns; column++) {
        const [left, top] = [edge(column, cell), edge(row, cellHeight)];
        const right = edge(column + 1, cell) - gap;
        const bottom = edge(row + 1, cellHeight) - gap;
        context.drawImage(
          enlarged.source,
          column * enlarged.cellWidth,
          row * enlarged.cellHeight,
          enlarged.cellWidth,
          enlarged.cellHeight,
          left,
          top,
          right - left,
          bottom - top,
        );
      }
    }
  }

  /** The grid enlarged to cells at least `cell` pixels wide, by a whole number. */
  #enlarge(grid: DigitGrid, cell: number): DigitGrid {
    const scale = Math.max(1, Math.ceil(cell / grid.cellWidth));
    const [cellWidth, cellHeight] = [scale * grid.cellWidth, scale * grid.cellHeight];
    const source = makeCanvas(grid.columns * cellWidth, grid.rows * cellHeight);
    const context = source.getContext('2d');
    if (context !== null) {
      context.imageSmoothingEnabled = false;
      context.drawImage(grid.source, 0, 0, source.width, source.height);
    }
    return { ...grid, source, cellWidth, cellHeight };
  }
}

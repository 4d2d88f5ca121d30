/**
 * Paints where landmarks lie by their features: a point each, coloured by its class, and the name of each class in the
 * middle of its points. Owns the size of the canvas; paints only when there is something new.
 */

import type { FeatureMapReport, SpreadReport } from '../../protocol/reports.js';
import { shorten } from '../../protocol/wording.js';
import { PixelWidth } from './pixel-width.js';

/** What of a report is painted. */
export type FeatureMap = Pick<FeatureMapReport | SpreadReport, 'step' | 'points' | 'classes'>;

const NO_CLASS_COLOUR = 'rgb(150 158 170 / 55%)';
/** Of the points' square that the canvas is wide and high: names at its edge stay inside. */
const FILLED = 0.92;
/** Sides of points in CSS pixels: of many, of few, and of those among few that came with a label. */
const MANY_PX = 1;
const FEW_PX = 2;
const LABELLED_PX = 4;
/** More than this are many. */
const FEW = 2000;
const NAME_FONT_PX = 12;

/** Apart from its neighbours by hue and by lightness, on black. */
export function classColour(index: number, classes: number): string {
  return `hsl(${Math.round((360 * index) / Math.max(1, classes))} 85% ${index % 2 === 0 ? 70 : 55}%)`;
}

/** How many landmarks have each class, and how many none. */
export function countClasses(
  { classes }: FeatureMap,
  count: number,
): { readonly counts: readonly number[]; readonly without: number } {
  const counts = new Array<number>(count).fill(0);
  let without = 0;
  for (const index of classes) {
    if (index < count) counts[index]!++;
    else without++;
  }
  return { counts, without };
}

export class FeatureMapCanvas {
  readonly #canvas: HTMLCanvasElement;
  readonly #width: PixelWidth;
  #map: FeatureMap | null = null;
  #names: readonly string[] = [];
  #labelled = 0;

  /** `canvas` is as wide and high as its style says. */
  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#width = new PixelWidth(canvas, () => this.#paint());
  }

  /** The same map again costs nothing; null clears. The first `labelled` points came with their labels. */
  show(map: FeatureMap | null, names: readonly string[], labelled: number): void {
    if (map === this.#map) return;
    this.#labelled = labelled;
    this.#map = map;
    this.#names = names;
    this.#paint();
  }

  disconnect(): void {
    this.#width.disconnect();
  }

  #paint(): void {
    const canvas = this.#canvas;
    canvas.width = this.#map === null ? 0 : this.#width.value;
    canvas.height = canvas.width;
    // None where memory for canvases is short: the square stays empty, training goes on.
    const context = canvas.getContext('2d');
    if (this.#map === null || this.#width.value === 0 || context === null) return;
    const { points, classes } = this.#map;
    const isFew = classes.length <= FEW;
    const place = (value: number): number => (this.#width.value / 2) * (1 + FILLED * value);
    const paintPoints = (
      colour: string,
      sidePx: number,
      isOwn: (index: number, row: number) => boolean,
    ): void => {
      const side = Math.max(1, Math.round(sidePx * devicePixelRatio));
      context.fillStyle = colour;
      classes.forEach((index, row) => {
        if (!isOwn(index, row)) return;
        const [x, y] = [place(points[2 * row]!), place(-points[2 * row + 1]!)];
        context.fillRect(x - side / 2, y - side / 2, side, side);
      });
    };
    // Those without a class lie below.
    paintPoints(NO_CLASS_COLOUR, isFew ? FEW_PX : MANY_PX, (index) => index >= this.#names.length);
    const paintClasses = (sidePx: number, isPainted: (row: number) => boolean): void => {
      this.#names.forEach((_, own) => {
        const colour = classColour(own, this.#names.length);
        paintPoints(colour, sidePx, (index, row) => index === own && isPainted(row));
      });
    };
    paintClasses(isFew ? FEW_PX : MANY_PX, (row) => row >= this.#labelled);
    // Above all others.
    paintClasses(isFew ? LABELLED_PX : FEW_PX, (row) => row < this.#labelled);
    this.#paintNames(context, place);
  }

  #paintNames(context: CanvasRenderingContext2D, place: (value: number) => number): void {
    const { points, classes } = this.#map!;
    context.font = `700 ${NAME_FONT_PX * devicePixelRatio}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.lineWidth = 3 * devicePixelRatio;
    context.lineJoin = 'round';
    context.strokeStyle = '#08090b';
    context.fillStyle = '#ffffff';
    this.#names.forEach((name, own) => {
      let [sumX, sumY, count] = [0, 0, 0];
      classes.forEach((index, row) => {
        if (index !== own) return;
        sumX += points[2 * row]!;
        sumY += points[2 * row + 1]!;
        count++;
      });
      if (count === 0) return;
      const [x, y] = [place(sumX / count), place(-sumY / count)];
      context.strokeText(shorten(name), x, y);
      context.fillText(shorten(name), x, y);
    });
  }
}

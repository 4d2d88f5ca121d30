/** The two pictures of a run, generated and real, on their canvases; a poster before there is a run. */

import type { ImagesReport } from '../../protocol/reports.js';
import { DigitsCanvas, loadDigitGrid, toDigitGrid, type DigitGrid } from './digits-canvas.js';
import type { RunModel } from '../element/run-model.js';

/** Images in a row of the poster. */
const POSTER_COLUMNS = 8;

export class DigitsView {
  readonly #generated: DigitsCanvas;
  readonly #real: DigitsCanvas;
  readonly #grids = new WeakMap<ImagesReport, DigitGrid>();

  /** `root` has the canvases `digits` and `real-digits`. */
  constructor(root: ShadowRoot) {
    this.#generated = new DigitsCanvas(root.querySelector<HTMLCanvasElement>('#digits')!);
    this.#real = new DigitsCanvas(root.querySelector<HTMLCanvasElement>('#real-digits')!);
  }

  /** Shows what is new. The poster's first row stands in for real images, the whole for generated ones. */
  update({ generated, real, state }: RunModel, poster: DigitGrid | null): void {
    const idlePoster = state === 'idle' ? poster : null;
    this.#generated.show(generated === null ? idlePoster : this.#gridOf(generated));
    if (real === null) this.#real.show(poster, 1);
    else this.#real.show(this.#gridOf(real));
  }

  destroy(): void {
    this.#generated.disconnect();
    this.#real.disconnect();
  }

  #gridOf(report: ImagesReport): DigitGrid {
    const known = this.#grids.get(report);
    if (known !== undefined) return known;
    const grid = toDigitGrid(report.grid);
    this.#grids.set(report, grid);
    return grid;
  }
}

/** The picture of a poster's URL, relative to `base`; null where there is none to be had. */
export async function loadPoster(url: string, base: string): Promise<DigitGrid | null> {
  try {
    return await loadDigitGrid(new URL(url, base).href, POSTER_COLUMNS);
  } catch {
    // A decoration: without it the cells stay empty.
    return null;
  }
}

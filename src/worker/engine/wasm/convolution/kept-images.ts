/**
 * Images that an operation leaves later ones: to the end of its stage, or, where a later stage reads them, of the program. By
 * what they are (a key), and by the rows of the plan that they are made of.
 */

import type { OpSegment, Operation, View } from '../../plan/operations.js';
import { areConsecutive, countRows, sourceRow } from '../images.js';
import type { Bindings } from '../memory/bindings.js';

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

export function isInside(inner: Border, outer: Border): boolean {
  return (
    inner.top <= outer.top &&
    inner.left <= outer.left &&
    inner.bottom <= outer.bottom &&
    inner.right <= outer.right
  );
}

interface Kept {
  readonly key: string;
  readonly isOfThisStage: boolean;
  readonly firstRow: number;
  readonly rows: number;
  readonly border: Border;
  readonly images: Staged;
}

/** What one program keeps. */
export class KeptImages {
  readonly #bindings: Bindings;
  /** By key, the stage of the last operation that reads what has it. */
  readonly #lastStages = new Map<string, number>();
  #stage = 0;
  #kept: readonly Kept[] = [];

  /** @param keysOf Keys of what an operation reads. */
  constructor(bindings: Bindings, keysOf: (operation: Operation) => readonly string[]) {
    this.#bindings = bindings;
    for (const operation of bindings.program.operations) {
      for (const key of keysOf(operation)) {
        this.#lastStages.set(key, Math.max(operation.stage, this.#lastStages.get(key) ?? 0));
      }
    }
  }

  /** What is kept from now on belongs to this stage, or stays where a later one reads it too. */
  beginStage(stage: number): void {
    this.#stage = stage;
    this.#kept = this.#kept.filter(({ isOfThisStage }) => !isOfThisStage);
  }

  /** Whether an operation from this stage on reads what has the key. */
  isRead(key: string): boolean {
    return (this.#lastStages.get(key) ?? -1) >= this.#stage;
  }

  /** Images of these rows, in order, with at least this border; null where none are kept. */
  find(key: string, segments: readonly OpSegment[], rowsOf: View['rows'], border = NO_BORDER): Staged | null {
    if (!areConsecutive(segments, rowsOf)) return null;
    const firstRow = sourceRow(segments[0]!, rowsOf);
    const end = firstRow + countRows(segments);
    const found = this.#kept.find(
      (kept) =>
        kept.key === key &&
        kept.firstRow <= firstRow &&
        end <= kept.firstRow + kept.rows &&
        isInside(border, kept.border),
    );
    if (found === undefined) return null;
    const { images } = found;
    return { ...images, address: images.address + (firstRow - found.firstRow) * images.imageStep };
  }

  /**
   * Memory for images of these rows, of so many bytes each, which are kept if the rows follow each other. `place` tells
   * where they lie in it.
   */
  keep(
    key: string,
    segments: readonly OpSegment[],
    rowsOf: View['rows'],
    imageBytes: number,
    place: (address: number) => Staged,
    border = NO_BORDER,
  ): { readonly address: number; readonly images: Staged } {
    const isWhole = areConsecutive(segments, rowsOf);
    const isOfThisStage = !isWhole || (this.#lastStages.get(key) ?? 0) <= this.#stage;
    const { overlay, workspace } = this.#bindings;
    const rows = countRows(segments);
    const address = (isOfThisStage ? workspace : overlay).allocate(rows * imageBytes);
    const images = place(address);
    const firstRow = sourceRow(segments[0]!, rowsOf);
    if (isWhole) this.#kept = [...this.#kept, { key, isOfThisStage, firstRow, rows, border, images }];
    return { address, images };
  }
}

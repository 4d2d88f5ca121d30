/**
 * What each compute thread has to itself. Its size is fixed once the programs of an engine are compiled; one that tests compile
 * later has the train step's operations, and so its sizes.
 */

export class Scratch {
  readonly #kernelBytes: number;
  #extraBytes = 0;
  #isFixed = false;

  /** @param kernelBytes What any kernel keeps for a moment. */
  constructor(kernelBytes: number) {
    this.#kernelBytes = Math.ceil(kernelBytes / 64) * 64;
  }

  /**
   * Makes it large enough for `bytes` behind what kernels keep, where an operation leaves its steps what they
   * share; all operations have the same bytes there.
   *
   * @returns where they begin.
   */
  reserve(bytes: number): number {
    if (this.#isFixed && bytes > this.#extraBytes) throw new Error('Threads have their scratch already.');
    this.#extraBytes = Math.max(this.#extraBytes, bytes);
    return this.#kernelBytes;
  }

  /** Its size, from now on fixed. */
  fix(): number {
    this.#isFixed = true;
    return this.#kernelBytes + this.#extraBytes;
  }
}

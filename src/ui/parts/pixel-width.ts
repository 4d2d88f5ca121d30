/** How many device pixels an element is wide. */

export class PixelWidth {
  readonly #observer: ResizeObserver;
  #value = 0;

  /** Tells `onChange` whenever it has changed; 0 before it is known. */
  constructor(element: Element, onChange: () => void) {
    this.#observer = new ResizeObserver(([entry]) => {
      const width = Math.round((entry?.contentRect.width ?? 0) * devicePixelRatio);
      if (width === this.#value) return;
      this.#value = width;
      onChange();
    });
    this.#observer.observe(element);
  }

  get value(): number {
    return this.#value;
  }

  disconnect(): void {
    this.#observer.disconnect();
  }
}

/** A file dropped on the element. Owns the drag's events; what is done with the file is the host's. */

import type { LitElement, ReactiveController } from 'lit';

export class FileDrop implements ReactiveController {
  readonly #host: LitElement;
  readonly #onFile: (file: File) => void;
  /**
   * What it is held over: a drag over a child enters that before it leaves its parent, and what is taken away meanwhile it
   * never leaves.
   */
  readonly #over = new Set<Node>();

  constructor(host: LitElement, onFile: (file: File) => void) {
    this.#host = host;
    this.#onFile = onFile;
    host.addController(this);
    host.addEventListener('dragenter', (event) => this.#moved(event, true));
    host.addEventListener('dragleave', (event) => this.#moved(event, false));
    host.addEventListener('dragover', (event) => {
      if (hasFiles(event)) event.preventDefault();
    });
    host.addEventListener('drop', (event) => this.#dropped(event));
  }

  /** Whether a file is being held over the element. */
  get isOver(): boolean {
    return [...this.#over].some(({ isConnected }) => isConnected);
  }

  hostDisconnected(): void {
    this.#over.clear();
  }

  #moved(event: DragEvent, isEntered: boolean): void {
    const target = event.composedPath()[0] as Node | undefined;
    if (!hasFiles(event) || target === undefined) return;
    if (isEntered) this.#over.add(target);
    else this.#over.delete(target);
    this.#host.requestUpdate();
  }

  #dropped(event: DragEvent): void {
    this.#over.clear();
    this.#host.requestUpdate();
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    event.preventDefault();
    this.#onFile(file);
  }
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false;
}

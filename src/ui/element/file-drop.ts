/** A file dropped on the element. Owns the drag's events; what is done with the file is the host's. */

import type { LitElement, ReactiveController } from 'lit';

export class FileDrop implements ReactiveController {
  readonly #host: LitElement;
  readonly #onFile: (file: File) => void;
  /** Enters minus leaves: a drag over a child leaves its parent first. */
  #depth = 0;

  constructor(host: LitElement, onFile: (file: File) => void) {
    this.#host = host;
    this.#onFile = onFile;
    host.addController(this);
    host.addEventListener('dragenter', (event) => this.#moved(event, 1));
    host.addEventListener('dragleave', (event) => this.#moved(event, -1));
    host.addEventListener('dragover', (event) => {
      if (hasFiles(event)) event.preventDefault();
    });
    host.addEventListener('drop', (event) => this.#dropped(event));
  }

  /** Whether a file is being held over the element. */
  get isOver(): boolean {
    return this.#depth > 0;
  }

  hostDisconnected(): void {
    this.#depth = 0;
  }

  #moved(event: DragEvent, change: 1 | -1): void {
    if (!hasFiles(event)) return;
    this.#depth = Math.max(0, this.#depth + change);
    this.#host.requestUpdate();
  }

  #dropped(event: DragEvent): void {
    this.#depth = 0;
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

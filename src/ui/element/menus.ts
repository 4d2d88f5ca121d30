/**
 * The element's small panels that a button opens: at most one at a time, closed by Escape (focus goes
 * back to the button), by a press outside, or when the focus leaves.
 */

import type { LitElement, ReactiveController } from 'lit';

export type MenuName = 'engine' | 'save' | 'discard';

export class Menus implements ReactiveController {
  readonly #host: LitElement;
  #open: MenuName | null = null;
  /** The document that is listened to for presses; the element may have been taken to another since. */
  #document: Document | null = null;

  constructor(host: LitElement) {
    this.#host = host;
    host.addController(this);
  }

  isOpen(name: MenuName): boolean {
    return this.#open === name;
  }

  toggle(name: MenuName): void {
    this.#set(this.#open === name ? null : name);
  }

  /** Closes, and gives the focus back to the button where it was inside. */
  close(): void {
    const name = this.#open;
    if (name === null) return;
    const hadFocus = this.#contains(this.#host.shadowRoot?.activeElement ?? null);
    this.#set(null);
    if (hadFocus) this.#host.renderRoot.querySelector<HTMLElement>(`[data-menu="${name}"] > button`)?.focus();
  }

  hostDisconnected(): void {
    this.#set(null);
  }

  readonly onKeydown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || this.#open === null) return;
    event.stopPropagation();
    this.close();
  };

  readonly onFocusout = (event: FocusEvent): void => {
    const target = event.relatedTarget;
    // Without a target the focus went to nothing at all: a press, which `#onPress` judges.
    // Not by its constructor: it may be of another document's.
    if (target !== null && !this.#contains(target as Node)) this.#set(null);
  };

  readonly #onPress = (event: Event): void => {
    const inside = event.composedPath().some((target) => target instanceof Element && this.#contains(target));
    if (!inside) this.#set(null);
  };

  #contains(node: Node | null): boolean {
    const menu = this.#host.renderRoot.querySelector(`[data-menu="${this.#open}"]`);
    return node !== null && menu !== null && menu.contains(node);
  }

  #set(name: MenuName | null): void {
    if (name === this.#open) return;
    this.#open = name;
    this.#document?.removeEventListener('pointerdown', this.#onPress);
    this.#document = name === null ? null : this.#host.ownerDocument;
    this.#document?.addEventListener('pointerdown', this.#onPress);
    this.#host.requestUpdate();
  }
}

/**
 * Style sheets of a shadow root in whatever document it is: a constructed sheet may be used in the document
 * alone that it was made for, and Lit makes its own for the document of the script.
 */

import type { CSSResultOrNative, LitElement } from 'lit';

/** Sheets by the document that they were made for, all roots in it sharing them. */
const sheets = new WeakMap<Document, WeakMap<CSSResultOrNative, CSSStyleSheet>>();
/** `<style>` elements that stand in a root where there can be no constructed sheet. */
const elements = new WeakMap<ShadowRoot, readonly HTMLStyleElement[]>();

function textOf(style: CSSResultOrNative): string {
  if (!(style instanceof CSSStyleSheet)) return style.cssText;
  return [...style.cssRules].map(({ cssText }) => cssText).join('\n');
}

function sheetFor(style: CSSResultOrNative, owner: Document, Sheet: typeof CSSStyleSheet): CSSStyleSheet {
  let made = sheets.get(owner);
  if (made === undefined) sheets.set(owner, (made = new WeakMap()));
  let sheet = made.get(style);
  if (sheet === undefined) {
    sheet = new Sheet();
    sheet.replaceSync(textOf(style));
    made.set(style, sheet);
  }
  return sheet;
}

function styleElement(style: CSSResultOrNative, owner: Document): HTMLStyleElement {
  const element = owner.createElement('style');
  const { litNonce } = globalThis as { readonly litNonce?: string };
  if (litNonce !== undefined) element.nonce = litNonce;
  element.textContent = textOf(style);
  return element;
}

/** Gives `root` these styles, and takes away those it was given in another document. */
function adoptDocumentStyles(root: ShadowRoot, styles: readonly CSSResultOrNative[]): void {
  const owner = root.ownerDocument;
  for (const element of elements.get(root) ?? []) element.remove();
  elements.delete(root);
  // A document without a window (made by a parser, of a template) can have no constructed sheets.
  const Sheet = owner.defaultView?.CSSStyleSheet;
  if (Sheet !== undefined && 'replaceSync' in Sheet.prototype && 'adoptedStyleSheets' in root) {
    root.adoptedStyleSheets = styles.map((style) => sheetFor(style, owner, Sheet));
    return;
  }
  const made = styles.map((style) => styleElement(style, owner));
  root.append(...made);
  elements.set(root, made);
}

/** Gives an element's root the styles of its class, made for the document that it is in by now; nothing before it has one. */
export function adoptStylesOf(host: LitElement): void {
  const { elementStyles } = host.constructor as typeof LitElement;
  if (host.shadowRoot !== null) adoptDocumentStyles(host.shadowRoot, elementStyles);
}

/** As Lit's own `createRenderRoot`, but for the styles, which that could give only to elements in the script's document. */
export function makeRenderRoot(host: LitElement): ShadowRoot {
  const { shadowRootOptions } = host.constructor as typeof LitElement;
  const root = host.shadowRoot ?? host.attachShadow(shadowRootOptions);
  host.renderOptions.renderBefore ??= root.firstChild;
  adoptStylesOf(host);
  return root;
}

/** Defines an element, unless the page has it from an earlier copy of this package. */

/** The class of an element, of any version of the package. */
export type VersionedElement = CustomElementConstructor & { readonly version?: string };

/** Where a page keeps that it was told of a second version. */
const TOLD = Symbol.for('sgan-trainer: a second version was told of');

/** The first of several versions on a page wins, which is said once; nothing happens where there are no elements. */
export function defineElement(name: string, element: VersionedElement): void {
  if (typeof customElements === 'undefined') return;
  const defined = customElements.get(name) as VersionedElement | undefined;
  if (defined === undefined) {
    customElements.define(name, element);
    return;
  }
  const page = globalThis as { [TOLD]?: boolean };
  if (defined.version === element.version || page[TOLD] === true) return;
  page[TOLD] = true;
  const first = defined.version ?? 'of unknown version';
  console.warn(
    `<${name}> is defined already, by sgan-trainer ${first}; sgan-trainer ${element.version} on this page is not used. ` +
      'Load one version only.',
  );
}

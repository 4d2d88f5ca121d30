/**
 * Stand-ins for what Lit takes from the global scope while it is loaded, so that importing the element on a
 * server has no effect and no error. The bundler puts them in the place of the globals' names.
 */

const page = globalThis as { readonly HTMLElement?: typeof HTMLElement; readonly document?: Document };

const HTMLElementHere = page.HTMLElement ?? (class {} as typeof HTMLElement);
const documentHere = page.document ?? ({ createTreeWalker: () => ({}) } as unknown as Document);
/** Lit notes its versions on it; a server's own is left as it is. */
const globalThisHere = page.document === undefined ? ({} as typeof globalThis) : globalThis;

export { HTMLElementHere as HTMLElement, documentHere as document, globalThisHere as globalThis };

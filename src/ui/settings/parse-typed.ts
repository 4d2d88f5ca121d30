/** Numbers as a person types them into a form. */

/** A number as people type it: `20000`, `20,000`, `1e-3`; anything else comes back as it is. */
export function parseTyped(text: string): number | string {
  const plain = text.trim().replaceAll(/[\s_,’']/g, '');
  const value = plain === '' ? NaN : Number(plain);
  return Number.isNaN(value) ? text.trim() : value;
}

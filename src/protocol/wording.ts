/** How numbers, values and bytes stand in error messages. */

/** A number as a person writes it, with thousands separated. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 20 });
}

/** A text of any origin, cut to a readable length. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A value of any type, cut to a readable length. */
export function describeValue(value: unknown): string {
  let text: string;
  if (typeof value === 'string') text = JSON.stringify(value);
  else if (typeof value === 'number') text = formatNumber(value);
  else if (typeof value === 'object' && value !== null) text = Array.isArray(value) ? 'a list' : 'an object';
  else text = String(value);
  return shorten(text);
}

/** The first bytes of a file: as text where they are text, else in hexadecimal. */
export function describeStart(bytes: Uint8Array): string {
  const start = bytes.subarray(0, 16);
  const isText = start.every(
    (byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127),
  );
  if (isText) return JSON.stringify(String.fromCharCode(...start));
  return [...start].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** What an unknown thrown thing says. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

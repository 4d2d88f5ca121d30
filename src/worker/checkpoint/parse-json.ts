/** JSON of a file that is not trusted: what `JSON.parse` takes, without names that come twice. */

import { describeValue } from '../../protocol/wording.js';

/** Strings (with their colon, where they are names) and brackets; everything between says nothing here. */
const TOKENS = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}[\]]/gs;

/** The first name that an object of this JSON has twice, of which `JSON.parse` keeps the last; null: none. */
function doubledName(json: string): string | null {
  const open: Set<string>[] = [];
  for (const [token, text, colon] of json.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    if (text === undefined || colon === undefined) continue;
    // Parsed, since one name can be escaped in several ways.
    const name = JSON.parse(text) as string;
    const names = open.at(-1)!;
    if (names.has(name)) return name;
    names.add(name);
  }
  return null;
}

/** The value of a JSON text. Throws an `Error` that says what is wrong with `its ${part}`. */
export function parseJson(json: string, part: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Error(`its ${part} is not JSON`);
  }
  const name = doubledName(json);
  if (name !== null) throw new Error(`its ${part} names ${describeValue(name)} twice`);
  return value;
}

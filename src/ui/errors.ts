/** Errors on the page's side of the wire: their `name` is an `ErrorKind`, as on the worker's side. */

import { ERROR_KINDS, type ErrorInfo, type ErrorKind } from '../protocol.js';

/** An error whose `name` is its kind. */
export function errorOfKind(kind: ErrorKind, message: string, options?: ErrorOptions): Error {
  const error = new Error(message, options);
  error.name = kind;
  return error;
}

/** Kind and message of anything thrown; what has no kind of ours is `Internal`. */
export function toErrorInfo(error: unknown): ErrorInfo {
  if (!(error instanceof Error)) return { kind: 'Internal', message: String(error) };
  const kind = ERROR_KINDS.find((known) => known === error.name);
  if (kind !== undefined) return { kind, message: error.message };
  return { kind: 'Internal', message: `${error.name}: ${error.message}` };
}

/** The error of what `toErrorInfo` gave. */
export function fromErrorInfo({ kind, message }: ErrorInfo): Error {
  return errorOfKind(kind, message);
}

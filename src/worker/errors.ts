/** Errors that the worker raises on purpose: their `name` is the kind that crosses the wire. */

import { ERROR_KINDS, type ErrorInfo, type ErrorKind } from '../protocol.js';

export class TrainerError extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = kind;
    this.kind = kind;
  }
}

/** Kind and message of anything thrown; what was not raised on purpose is `Internal`. */
export function toErrorInfo(error: unknown): ErrorInfo {
  if (!(error instanceof Error)) return { kind: 'Internal', message: String(error) };
  const kind = ERROR_KINDS.find((known) => known === error.name);
  if (kind !== undefined) return { kind, message: error.message };
  return { kind: 'Internal', message: `${error.name}: ${error.message}` };
}

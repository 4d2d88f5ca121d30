/** Errors by kind: on both sides of the wire the `name` of an error is its kind. */

/** Closed union; the kind of an error is its `name` on both sides of the wire. */
export const ERROR_KINDS = [
  'InvalidSettings',
  'InvalidCheckpoint',
  'DataUnavailable',
  'DataInvalid',
  'EngineUnavailable',
  'DeviceLost',
  'OutOfMemory',
  'NonFiniteLoss',
  'Busy',
  'NothingToSave',
  'RunFinished',
  'RunFailed',
  'WorkerUnavailable',
  'WorkerDied',
  'Aborted',
  'Internal',
] as const;

export type ErrorKind = (typeof ERROR_KINDS)[number];

export interface ErrorInfo {
  readonly kind: ErrorKind;
  /** One English sentence or two: what happened, the value met, what to do. */
  readonly message: string;
}

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

/** The error of what `toErrorInfo` gave. */
export function fromErrorInfo({ kind, message }: ErrorInfo): TrainerError {
  return new TrainerError(kind, message);
}

/** The element's events: all bubble and cross shadow roots, none can be cancelled. */

import type { ErrorInfo } from '../../protocol/errors.js';
import type { EvaluationReport, Report, TrainerState } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';

export interface StateChange {
  readonly state: TrainerState;
  readonly previous: TrainerState;
  /** Updates done. */
  readonly step: number;
  /** Why the state is `failed`, else null. */
  readonly error: ErrorInfo | null;
}

export interface SganTrainerEventMap {
  /** The state is another one. */
  'sgan-state': CustomEvent<StateChange>;
  /** A report of the worker; its buffers are the page's. Some twenty times a second at most. */
  'sgan-report': CustomEvent<Report>;
  /** The test images were evaluated. */
  'sgan-evaluation': CustomEvent<EvaluationReport>;
  /** An attribute or setting is not allowed, a command was refused, or the run has failed. */
  'sgan-error': CustomEvent<ErrorInfo>;
  /** The settings of the next run are others, by the form, an attribute or a checkpoint. */
  'sgan-settings': CustomEvent<Settings>;
}

declare global {
  interface GlobalEventHandlersEventMap extends SganTrainerEventMap {}
}

/** Dispatches one of them on `target`. */
export function dispatch<Type extends keyof SganTrainerEventMap>(
  target: EventTarget,
  type: Type,
  detail: SganTrainerEventMap[Type]['detail'],
): void {
  target.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
}

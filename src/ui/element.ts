/** The element's class, undefined as an element: for hosts that give it a name of their own or extend it. */

import { SganTrainer as ImplementedTrainer } from './sgan-trainer.js';
import type { SganTrainerElement } from './trainer-element.js';

export type * from './trainer-element.js';

export type SganTrainer = SganTrainerElement;

export interface SganTrainerClass {
  new (): SganTrainer;
  readonly prototype: SganTrainer;
  /** Version of the package. */
  readonly version: string;
}

export const SganTrainer: SganTrainerClass = ImplementedTrainer;

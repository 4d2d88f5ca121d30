/**
 * Defines `<sgan-trainer>`; that is its only effect, and where there are no custom elements (on a server)
 * it has none.
 */

import { defineElement } from './element/define-element.js';
import { SganTrainer } from './sgan-trainer.js';

defineElement('sgan-trainer', SganTrainer);

export type * from './trainer-element.js';

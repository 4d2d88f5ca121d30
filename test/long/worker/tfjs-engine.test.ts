/** What the engine interface promises of training and evaluation, on the tfjs backend that takes long for it. */

import { forEachBackend } from '../../worker/support/backends.js';
import { defineTraining } from '../../worker/support/engine-training.js';

forEachBackend('an engine', defineTraining, ['webgpu']);

/** Remembers how fast engines were on this machine. Loaded only where some are to be compared. */

import { createStore, indexed, type Store } from './device/lasting-store.js';
import type { Speeds } from './fastest-engine.js';

/** The store of this worker: its runs measure once. */
export const workerSpeeds: Store<Speeds> = createStore(indexed<Speeds>('sgan-trainer-engines', 'speeds'));

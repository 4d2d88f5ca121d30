/** What each of the backend modules beside this file gives. */

import type { KernelBackend } from '@tensorflow/tfjs-core';
import type { FailureWatch } from '../../device/failure-watch.js';

/** A backend that was made but not yet registered with tfjs. */
export interface MadeBackend {
  readonly backend: KernelBackend;
  /** What it runs on, in the platform's words; may be empty. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  readonly watch: FailureWatch;
  /** Frees what the backend itself does not own, after it was disposed. */
  release(): void;
}

/** Registers the kernels that tfjs lacks on this backend and makes it. */
export type MakeBackend = () => Promise<MadeBackend>;

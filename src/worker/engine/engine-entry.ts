/** What the table says of an engine, and what a look at the platform says of it. */

import type { EngineName, EngineReason, EngineReport } from '../../protocol/engines.js';
import type { Engine, EngineInput } from './engine.js';

/** What a look at the platform found, before anything heavy is loaded. */
export type Probe =
  | {
      readonly isUsable: true;
      readonly isSoftware: boolean;
      readonly detail: string;
      /** Tells what was found from what other machines have; left out where the processor is all there is to it. */
      readonly key?: string;
    }
  | { readonly isUsable: false; readonly reason: EngineReason; readonly detail: string };

export interface EngineEntry {
  readonly name: EngineName;
  /** Whether `auto` considers it. */
  readonly isAutomatic: boolean;
  readonly runsOn: 'gpu' | 'cpu';
  readonly probe: () => Promise<Probe>;
  readonly create: (input: EngineInput) => Promise<Engine>;
  /** Whether `auto` compares it, by steps that it makes, with the others of which this is so. */
  readonly isContender?: true;
  /** Whether a run goes on, on a fresh device or the next engine, when its device is lost. */
  readonly recovers?: true;
}

export type PassedOver = EngineReport['passedOver'][number];

/** What was found about one engine, in the table's order: it may be tried, or it is passed over. */
export type Finding =
  | {
      readonly entry: EngineEntry;
      readonly isCandidate: true;
      readonly reason: EngineReason;
      /** As the probe has it. */
      readonly key?: string | undefined;
    }
  | {
      readonly entry: EngineEntry;
      readonly isCandidate: false;
      readonly reason: EngineReason;
      readonly detail: string;
    };

/** One that may be tried. */
export type Candidate = Extract<Finding, { isCandidate: true }>;

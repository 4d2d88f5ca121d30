/** Features that not every adapter has, each asked for by a setting. Owns which, not what is done with them. */

import type { Settings } from '../../../protocol/settings.js';
import type { RequiredFeature } from '../device/open-device.js';

/** WebGPU's name of what a setting needs. */
export const OPTIONAL_FEATURES = { subgroups: 'subgroups', float16: 'shader-f16' } as const;

export type OptionalFeature = keyof typeof OPTIONAL_FEATURES;

/** What some settings need of an adapter. */
export function featuresAskedBy(settings: Pick<Settings, OptionalFeature>): readonly RequiredFeature[] {
  const asked = (Object.keys(OPTIONAL_FEATURES) as OptionalFeature[]).filter((setting) => settings[setting]);
  return asked.map((setting) => ({
    name: OPTIONAL_FEATURES[setting],
    askedBy: `The setting "${setting}"`,
  }));
}

/**
 * Which Node the commands need. Older ones load this file, and whatever imports it at the top, too: only what Node 16 knows
 * may stand there.
 */

/** As `engines` of package.json. */
const MINIMUM = [20, 11];

/** What to say where Node is too old, as one line; null where it is not. `version` as `process.versions.node` has it. */
export function nodeProblem(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const isOld = major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1]);
  if (!isOld) return null;
  const needed = MINIMUM.join('.');
  return `sgan-trainer needs Node ${needed} or newer; this is v${version}. Get one from https://nodejs.org and try again.`;
}

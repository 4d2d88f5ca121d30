/** An earlier protocol, whose draws a new one takes over: read, and held against what the new one is of. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { readWhole } from './run-folder.mjs';
import { parseWritten } from './side-files.mjs';
import { toOptionName } from './train-options.mjs';

/** Beside protocol.json: the earlier one as it was, for a protocol that goes on. */
export const EARLIER = 'earlier-protocol.json';

function isDraw(draw) {
  return (
    Number.isInteger(draw?.draw) &&
    [draw.accuracy, draw.steps, draw.seconds].every(Number.isFinite) &&
    Array.isArray(draw.labelled)
  );
}

/**
 * The protocol in the file `addTo`, or, where none is given, the one that `out` was begun with; null where there is none.
 * `version` is the form that is known. Throws a UsageError.
 */
export async function readEarlier({ addTo, out, version }) {
  const kept = path.join(out, EARLIER);
  if (addTo === undefined && !existsSync(kept)) return null;
  const name = addTo ?? kept;
  const refuse = (words, cause) => {
    throw new UsageError(`--add-to ${name}: ${words}. Name the protocol.json of an earlier protocol.`, {
      cause,
    });
  };
  const text = await readWhole(resolveGiven(name), 'utf8').catch((error) =>
    refuse(`it cannot be read (${error.message})`, error),
  );
  let protocol;
  try {
    protocol = parseWritten(text);
  } catch (error) {
    refuse('it is no JSON', error);
  }
  const { draws, settings } = protocol ?? {};
  if (protocol?.version !== version) refuse(`it is no protocol of version ${version}`);
  if (!Array.isArray(draws) || draws.length === 0 || !draws.every(isDraw) || !(settings instanceof Object)) {
    refuse('it has no draws, or damaged ones');
  }
  return { name, text, protocol };
}

/**
 * Throws a UsageError where the earlier protocol is of something else than the new one; `own` has the `recipe`, `labels`,
 * complete `settings`, `data` and `evaluatedOn` of that, `labelled(seed)` which images a draw labels.
 */
export function checkEarlier({ name, protocol }, { labelled, ...own }) {
  const refuse = (what, theirs, ours) => {
    throw new UsageError(
      `--add-to ${name}: its ${what} is ${theirs}, here it is ${ours}. Draws of one protocol differ in their labels alone.`,
    );
  };
  for (const key of ['recipe', 'labels', 'evaluatedOn', 'data']) {
    if (protocol[key] !== own[key]) refuse(key, protocol[key], own[key]);
  }
  for (const [setting, value] of Object.entries(protocol.settings)) {
    if (value !== own.settings[setting]) refuse(toOptionName(setting), value, own.settings[setting]);
  }
  for (const { draw, labelled: theirs } of protocol.draws) {
    const ours = labelled(draw);
    if (theirs.length === ours.length && theirs.every((image, index) => image === ours[index])) continue;
    throw new UsageError(`--add-to ${name}: its draw ${draw} has other labelled images than here.`);
  }
}

/** The draws of the earlier protocol, each with the machine that it was made on. */
export function takenDraws(earlier) {
  if (earlier === null) return [];
  const { draws, machine } = earlier.protocol;
  return draws.map((draw) => ({ ...draw, machine: draw.machine ?? machine }));
}

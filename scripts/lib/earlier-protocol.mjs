/** Earlier protocols, whose draws a new one takes over: read, held against what the new one is of, and joined. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { problemOfProtocol } from './protocol-form.mjs';
import { protocolText, summarise } from './protocol-results.mjs';
import { readWhole } from './run-folder.mjs';
import { parseWritten } from './side-files.mjs';
import { toOptionName } from './train-options.mjs';

/** Beside protocol.json: what was taken over, for a protocol that goes on. */
export const EARLIER = 'earlier-protocol.json';

const isImage = (image) => Number.isSafeInteger(image) && image >= 0;

/** Why a file's content is no protocol whose draws can be taken over; null where it is one. */
function problemOf(protocol, version) {
  if (protocol?.version !== version) return `it is no protocol of version ${version}`;
  const problem = problemOfProtocol(protocol);
  if (problem !== null) return `it is damaged: ${problem}`;
  const { draws } = protocol;
  if (draws.length === 0) return 'it has no draws';
  const unlabelled = draws.find(({ labelled }) => !Array.isArray(labelled) || !labelled.every(isImage));
  return unlabelled === undefined
    ? null
    : `it is damaged: its draw ${unlabelled.draw} has no list of labelled images`;
}

/** One protocol: `name` is the file as the person has it, `text` its content. `advice` follows a refusal. */
async function readOne(name, file, version, advice) {
  const refuse = (words, cause) => {
    throw new UsageError(`${name}: ${words}. ${advice}`, { cause });
  };
  const text = await readWhole(file, 'utf8').catch((error) =>
    refuse(`it cannot be read (${error.message})`, error),
  );
  let protocol;
  try {
    protocol = parseWritten(text);
  } catch (error) {
    refuse('it is no JSON', error);
  }
  const problem = problemOf(protocol, version);
  if (problem !== null) refuse(problem);
  return { name, text, protocol };
}

/**
 * The earlier protocols: the one that `out` has kept, then the one in the file `addTo`, as far as there are such. `version` is
 * the form that is known. Throws a UsageError.
 */
export async function readEarlier({ addTo, out, version }) {
  const kept = path.join(out, EARLIER);
  const keptAdvice = 'Put back the one that was there, or move it away to go on without its draws.';
  const addAdvice = 'Name the protocol.json of an earlier protocol.';
  return [
    ...(existsSync(kept) ? [await readOne(kept, kept, version, keptAdvice)] : []),
    ...(addTo === undefined
      ? []
      : [await readOne(`--add-to ${addTo}`, resolveGiven(addTo), version, addAdvice)]),
  ];
}

/**
 * Throws a UsageError where the earlier protocol is of something else than the new one; `own` has the `recipe`, `labels`,
 * complete `settings`, `data` and `evaluatedOn` of that, `labelled(seed)` which images a draw labels.
 */
export function checkEarlier({ name, protocol }, { labelled, ...own }) {
  const refuse = (what, theirs, ours) => {
    throw new UsageError(
      `${name}: its ${what} is ${theirs}, here it is ${ours}. Draws of one protocol differ in their labels alone.`,
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
    throw new UsageError(`${name}: its draw ${draw} has other labelled images than here.`);
  }
}

/** The draws of the earlier protocols, each with the machine that it was made on; of a draw that two have, the first's. */
export function takenDraws(earlier) {
  const taken = new Map();
  for (const { protocol } of earlier) {
    for (const draw of protocol.draws) {
      if (!taken.has(draw.draw)) taken.set(draw.draw, { ...draw, machine: draw.machine ?? protocol.machine });
    }
  }
  return [...taken.values()].sort((a, b) => a.draw - b.draw);
}

/**
 * What a protocol that goes on has to keep of the earlier ones, as the text of a file: the first as it was where the others
 * add nothing to it, else all draws as one protocol's. Accuracies are of `images` images each.
 */
export function joinedText(earlier, images) {
  const [first] = earlier;
  const draws = takenDraws(earlier);
  if (draws.length === first.protocol.draws.length) return first.text;
  const accuracies = draws.map(({ accuracy }) => accuracy);
  // Each draw has a machine of its own.
  return protocolText({ ...first.protocol, machine: undefined, draws, ...summarise(accuracies, images) });
}

/** What a file has to hold to be a protocol.json, whoever reads it. */

import { mean } from './sweep-results.mjs';

const isShare = (value) => typeof value === 'number' && value >= 0 && value <= 1;

function drawProblem(found, index) {
  const { draw, accuracy, steps, seconds } = found ?? {};
  if (!Number.isSafeInteger(draw)) return `the draw at place ${index + 1} of its list has no number`;
  const refuse = (key, allowed) =>
    `its draw ${draw} has ${JSON.stringify(found[key])} as "${key}", not ${allowed}`;
  if (!isShare(accuracy)) return refuse('accuracy', 'a share from 0 to 1');
  if (!Number.isSafeInteger(steps) || steps < 0) return refuse('steps', 'a whole number');
  if (!Number.isFinite(seconds) || seconds < 0) return refuse('seconds', 'a time');
  return null;
}

/** Why a file's content is not of the form of protocol.json, its mean that of its draws; null where it is. */
export function problemOfProtocol(found) {
  const { settings, draws, mean: given } = found ?? {};
  if (typeof settings !== 'object' || settings === null) return 'it has no settings';
  if (!Array.isArray(draws)) return 'it has no list of draws';
  const numbers = draws.map((each) => each?.draw);
  const twice = numbers.find((number, index) => numbers.indexOf(number) < index);
  const problem = draws.map(drawProblem).find((words) => words !== null);
  if (problem !== undefined) return problem;
  if (twice !== undefined) return `it has its draw ${twice} twice`;
  const own = mean(draws.map(({ accuracy }) => accuracy));
  if (draws.length === 0 || Math.abs(given - own) < 1e-9) return null;
  return `its mean is ${given}, that of its draws is ${own}`;
}

/**
 * What lies beside a checkpoint, run.json and metrics.jsonl, as a run that goes on takes it. The
 * checkpoint is the truth: what does not fit it is left out, and what is damaged is told, never thrown.
 */

import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { METRICS, RUN, readWhole } from './run-folder.mjs';

const BYTE_ORDER_MARK = '\uFEFF';

/** Text of a file without a byte order mark, and what is wrong with it: a list of words. */
async function readSide(file) {
  let text;
  try {
    text = await readWhole(file, 'utf8');
  } catch (error) {
    return { text: '', problems: [`cannot be read (${error.code})`] };
  }
  if (!text.startsWith(BYTE_ORDER_MARK)) return { text, problems: [] };
  return { text: text.slice(BYTE_ORDER_MARK.length), problems: ['begins with a byte order mark'] };
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(text) {
  try {
    const value = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function parseEvaluation(line) {
  const evaluation = parseObject(line);
  return Number.isSafeInteger(evaluation?.step) && evaluation.step > 0 ? evaluation : null;
}

/** The value of JSON that a command wrote, a byte order mark before it left out. Throws where it is none. */
export function parseWritten(text) {
  return JSON.parse(text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text);
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/**
 * The evaluations beside a checkpoint whose last evaluation was after `evaluatedStep`: each once, in
 * order, none that the checkpoint does not know of (a run killed between two writes has one; going on
 * makes it again). `problems` says in words what else had to be mended, and is empty for a sound file
 * and for none. The folder's evaluations begin after `sinceStep`.
 */
export async function readMetrics(folder, evaluatedStep, sinceStep = 0) {
  if (!existsSync(path.join(folder, METRICS))) return { evaluations: [], problems: [] };
  const { text, problems } = await readSide(path.join(folder, METRICS));
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const parsed = lines.map(parseEvaluation).filter((evaluation) => evaluation !== null);
  const known = parsed.filter(({ step }) => step <= evaluatedStep);
  // Of two lines for one step the later was written by the later process.
  const byStep = new Map(known.map((evaluation) => [evaluation.step, evaluation]));
  const evaluations = [...byStep.values()].sort((a, b) => a.step - b.step);

  const strangers = lines.length - parsed.length;
  if (strangers > 0) problems.push(`has ${count(strangers, 'line')} that no run wrote or that were cut off`);
  const twice = known.length - evaluations.length;
  if (twice > 0) problems.push(`has ${count(twice, 'line')} for a step that has one already`);
  const isOrdered = known.every(({ step }, index) => index === 0 || known[index - 1].step <= step);
  if (!isOrdered) problems.push('has its lines out of order');
  if (evaluatedStep > sinceStep && !byStep.has(evaluatedStep)) {
    problems.push(`has no line for step ${evaluatedStep}, the last that the checkpoint has evaluated`);
  }
  return { evaluations, problems };
}

/** What a file says of the data: the folder and the number of images for validation, where it names them. */
export function readData({ data, validation }) {
  return {
    ...(typeof data === 'string' && data !== '' && { data }),
    ...(Number.isSafeInteger(validation) && validation > 0 && { validation }),
  };
}

/**
 * The sessions that run.json tells of, the `data` options that it names, all that it `describes`, and `problems` as above.
 */
export async function readRun(folder) {
  if (!existsSync(path.join(folder, RUN))) return { sessions: [], data: {}, describes: {}, problems: [] };
  const { text, problems } = await readSide(path.join(folder, RUN));
  const run = parseObject(text);
  const found = Array.isArray(run?.sessions) ? run.sessions : [];
  const sessions = found.filter(isObject);
  if (problems.length === 0 && (run === null || sessions.length !== found.length || found.length === 0)) {
    problems.push('is cut off, or no run wrote it');
  }
  return { sessions, data: readData(run ?? {}), describes: run ?? {}, problems };
}

/** Renames a damaged file to a free name beside it, which it returns. */
export async function setAside(file) {
  const { dir, name, ext } = path.parse(file);
  for (let number = 1; ; number++) {
    const aside = path.join(dir, `${name}.damaged${number === 1 ? '' : `-${number}`}${ext}`);
    if (existsSync(aside)) continue;
    await rename(file, aside);
    return aside;
  }
}

/** The figures that the page shows where it trains no comparison: from docs/protocol/ to a module of the page. */

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import prettier from 'prettier';
import { UsageError } from './main.mjs';
import { inRoot } from './paths.mjs';
import { parseWritten } from './side-files.mjs';
import { importSource } from './source-modules.mjs';
import { problemOfProtocol } from './protocol-form.mjs';
import { VERSION } from './protocol-results.mjs';

const { RECIPES } = await importSource('src/recipe/recipes.ts');
const { FREE_SETTINGS } = await importSource('src/protocol/settings.ts');
const { completeSettings } = await importSource('src/protocol/check-settings.ts');

export const PROTOCOLS = inRoot('docs', 'protocol');
export const REFERENCES = inRoot('src', 'ui', 'comparison', 'measured-references.ts');

/** Protocols of a folder by the names of their files; none where there is no such folder. */
export async function readProtocols(folder) {
  const names = await readdir(folder).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const jsons = names.filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    jsons.map(async (name) => {
      const file = path.join(folder, name);
      const text = await readFile(file, 'utf8');
      let protocol;
      try {
        protocol = parseWritten(text);
      } catch (error) {
        throw new UsageError(`${file} is not JSON; measure it again with npm run protocol.`, {
          cause: error,
        });
      }
      // One of another version is told of where references are made.
      const isOther = Number.isSafeInteger(protocol?.version) && protocol.version !== VERSION;
      const problem = isOther ? null : problemOfProtocol(protocol);
      if (problem === null) return { name, protocol };
      throw new UsageError(`${file} is no protocol: ${problem}. Measure it again with npm run protocol.`);
    }),
  );
}

/** Why a protocol says nothing of its recipe as the page has it; null where it does. */
function problemOf({ version, recipe, labels, settings, data, evaluatedOn, draws, mean }) {
  if (version !== VERSION) return `its version is ${version}, not ${VERSION}`;
  if (!Object.hasOwn(RECIPES, recipe)) return `there is no recipe "${recipe}"`;
  if (data !== undefined) return `it was measured on the images in ${data}, not on MNIST`;
  if (evaluatedOn !== 'test') return `it was evaluated on ${evaluatedOn}, not on the test images`;
  if (!Array.isArray(draws) || draws.length === 0 || !(mean >= 0 && mean <= 1)) return 'no draw is finished';
  const usual = { ...completeSettings({ recipe, labels }), balanced: true };
  const other = Object.keys(settings).find(
    (name) => !FREE_SETTINGS.includes(name) && settings[name] !== usual[name],
  );
  if (other !== undefined) return `its "${other}" is ${settings[other]}, the recipe's own is ${usual[other]}`;
  const { steps } = usual;
  return draws.some((draw) => draw.steps !== steps) ? `a draw has not made its ${steps} steps` : null;
}

/**
 * References from protocols; `onLeftOut(name, why)` hears of each that is none. Throws where two measure the same.
 */
export function referencesOf(protocols, dataFingerprint, onLeftOut = () => {}) {
  const found = new Map();
  for (const { name, protocol } of protocols) {
    const problem = problemOf(protocol);
    if (problem !== null) {
      onLeftOut(name, problem);
      continue;
    }
    const { recipe, labels, draws, mean } = protocol;
    const key = `${recipe} with ${labels} labels`;
    if (found.has(key)) throw new Error(`${found.get(key).name} and ${name} both measure ${key}; keep one.`);
    const reference = { recipe, labels, draws: draws.length, mean, steps: draws[0].steps, dataFingerprint };
    found.set(key, { name, reference });
  }
  return [...found.values()]
    .map(({ reference }) => reference)
    .sort((a, b) => (a.recipe === b.recipe ? a.labels - b.labels : a.recipe < b.recipe ? -1 : 1));
}

/** The module's text. */
export async function referencesModule(references) {
  const text = `/** What \`npm run protocol\` has measured of recipes that others are held against. Written by \`npm run docs\` from docs/protocol/. */

import type { MeasuredReference } from './measured-reference.js';

export const MEASURED_REFERENCES: readonly MeasuredReference[] = ${JSON.stringify(references)};
`;
  const options = await prettier.resolveConfig(REFERENCES);
  return prettier.format(text, { ...options, filepath: REFERENCES });
}

/** Accuracy traces of whole runs: reading, summing up, drawing. */

import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { importSource } from './source-modules.mjs';

const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');

const TRACE_NAME = /^(?<recipe>.+)-wasm-seed(?<seed>\d+)\.jsonl$/;

const PANEL = { width: 420, height: 240, left: 44, top: 30, right: 26, bottom: 34 };
const ACCURACIES = { least: 0.6, most: 1, step: 0.1 };
const STEPS = { most: 20_000, step: 5_000 };

/** Every trace of a folder: recipe, seed, and its evaluations in order. */
export async function readTraces(folder) {
  const names = (await readdir(folder)).sort();
  const traces = names.flatMap((name) => {
    const found = TRACE_NAME.exec(name);
    return found === null || !RECIPE_NAMES.includes(found.groups.recipe)
      ? []
      : [{ name, recipe: found.groups.recipe, seed: Number(found.groups.seed) }];
  });
  if (traces.length === 0) throw new Error(`${folder} has no trace named <recipe>-wasm-seed<N>.jsonl.`);
  return Promise.all(
    traces.map(async ({ name, ...trace }) => {
      const lines = (await readFile(path.join(folder, name), 'utf8')).trim().split('\n');
      return { ...trace, evaluations: lines.map((line) => JSON.parse(line)) };
    }),
  );
}

function mean(evaluations) {
  return evaluations.reduce((sum, { testAccuracy }) => sum + testAccuracy, 0) / evaluations.length;
}

/** The figures of a run, with three decimals. */
export function summarise({ evaluations }) {
  const early = evaluations.filter(({ step }) => step >= 1000 && step <= 3000);
  return {
    early: mean(early).toFixed(3),
    late: mean(evaluations.slice(-25)).toFixed(3),
    last: evaluations.at(-1).testAccuracy.toFixed(3),
  };
}

function panel(recipe, traces, column, row) {
  const inner = {
    width: PANEL.width - PANEL.left - PANEL.right,
    height: PANEL.height - PANEL.top - PANEL.bottom,
  };
  const x = (step) => PANEL.left + (inner.width * step) / STEPS.most;
  const y = (accuracy) => {
    const { least, most } = ACCURACIES;
    return PANEL.top + inner.height * (1 - (Math.max(least, accuracy) - least) / (most - least));
  };
  const parts = [`<text class="title" x="${PANEL.left}" y="18">${recipe}</text>`];
  for (let accuracy = ACCURACIES.least; accuracy < ACCURACIES.most + 0.01; accuracy += ACCURACIES.step) {
    const at = y(accuracy).toFixed(1);
    parts.push(`<path class="grid" d="M${PANEL.left} ${at}h${inner.width}"/>`);
    parts.push(
      `<text x="${PANEL.left - 6}" y="${Number(at) + 4}" text-anchor="end">${accuracy.toFixed(1)}</text>`,
    );
  }
  for (let step = 0; step <= STEPS.most; step += STEPS.step) {
    parts.push(
      `<text x="${x(step).toFixed(1)}" y="${PANEL.height - 14}" text-anchor="middle">${step.toLocaleString('en')}</text>`,
    );
  }
  for (const { seed, evaluations } of traces) {
    const points = evaluations.map(
      ({ step, testAccuracy }) => `${x(step).toFixed(1)},${y(testAccuracy).toFixed(1)}`,
    );
    parts.push(
      `<polyline class="seed${seed}" points="${points.join(' ')}"><title>seed ${seed}</title></polyline>`,
    );
  }
  return `<g transform="translate(${column * PANEL.width} ${row * PANEL.height})">\n${parts.join('\n')}\n</g>`;
}

/** An SVG with a panel a recipe and a line a seed. Accuracies below 0.6 are drawn at the foot. */
export function drawTraces(traces) {
  const recipes = RECIPE_NAMES.filter((recipe) => traces.some((trace) => trace.recipe === recipe));
  const rows = Math.ceil(recipes.length / 2);
  const panels = recipes.map((recipe, index) =>
    panel(
      recipe,
      traces.filter((trace) => trace.recipe === recipe),
      index % 2,
      Math.floor(index / 2),
    ),
  );
  const [width, height] = [2 * PANEL.width, rows * PANEL.height];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Test accuracy over 20,000 steps, by recipe and seed">
<style>
  text { font: 11px system-ui, sans-serif; fill: #444 }
  .title { font-weight: 600; font-size: 13px }
  .grid { stroke: #ddd; fill: none }
  polyline { fill: none; stroke-width: 1.3 }
  .seed1 { stroke: #0072b2 } .seed2 { stroke: #d55e00; stroke-dasharray: 5 2 } .seed3 { stroke: #009e73; stroke-dasharray: 2 2 }
  .seed4 { stroke: #cc79a7 } .seed5 { stroke: #e69f00; stroke-dasharray: 5 2 } .seed6 { stroke: #56b4e9; stroke-dasharray: 2 2 }
</style>
<rect width="${width}" height="${height}" fill="#fff"/>
${panels.join('\n')}
</svg>
`;
}

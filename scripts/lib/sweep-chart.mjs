/** The chart of a sweep: mean and spread over seeds by number of labels, a line a recipe. Owns no figures. */

import { finishedRows } from './finished-rows.mjs';

const WIDTH = 720;
const HEIGHT = 420;
const MARGIN = { left: 56, right: 20, top: 44, bottom: 52 };
const INNER = {
  width: WIDTH - MARGIN.left - MARGIN.right,
  height: HEIGHT - MARGIN.top - MARGIN.bottom,
};

/** Distances of grid lines, in accuracy; the first that makes few enough lines is taken. */
const GRID_STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
const MOST_LINES = 8;

/** Points of recipes at one number of labels stand so far apart, in pixels. */
const DODGE = 16;
/** Single seeds stand so far to the left of their mean. */
const ASIDE = 6;

/** Told apart without colour, too: by dashes. (Okabe and Ito's colours.) */
const STYLES = [
  { colour: '#0072b2', dash: '' },
  { colour: '#d55e00', dash: '7 3' },
  { colour: '#009e73', dash: '2 3' },
  { colour: '#a3568a', dash: '9 3 2 3' },
  { colour: '#8a6100', dash: '4 4' },
  { colour: '#1f6f9e', dash: '1 4' },
];

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

const at = (value) => value.toFixed(1);

const percent = (accuracy, digits = 2) => `${(100 * accuracy).toFixed(digits)} %`;

/** Distance, least and greatest of the grid lines around these accuracies. */
function accuracyAxis(accuracies) {
  const least = Math.min(...accuracies);
  const greatest = Math.max(...accuracies);
  const ends = (step) => [
    Math.floor(least / step),
    Math.max(Math.ceil(greatest / step), Math.floor(least / step) + 1),
  ];
  const step =
    GRID_STEPS.find((distance) => {
      const [first, last] = ends(distance);
      return last - first <= MOST_LINES;
    }) ?? GRID_STEPS.at(-1);
  const [first, last] = ends(step);
  const lines = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  return { lines, least: first * step, greatest: last * step, digits: step < 0.01 ? 1 : 0 };
}

/** Pixels across for a number of labels: logarithmic, a single one in the middle. */
function labelsScale(labels) {
  const [least, greatest] = [Math.min(...labels), Math.max(...labels)].map(Math.log);
  const inset = 40;
  return (count) =>
    MARGIN.left +
    (least === greatest
      ? INNER.width / 2
      : inset + ((INNER.width - 2 * inset) * (Math.log(count) - least)) / (greatest - least));
}

function seriesOf(recipe, index, count, summary, rows, x, y) {
  const { colour, dash } = STYLES[index % STYLES.length];
  const shift = (index - (count - 1) / 2) * DODGE;
  const across = (labels) => x(labels) + shift;
  const groups = summary.filter((group) => group.recipe === recipe).sort((a, b) => a.labels - b.labels);
  const points = groups.map(({ labels, mean }) => `${at(across(labels))},${at(y(mean))}`);
  const dots = rows
    .filter((row) => row.recipe === recipe)
    .map(
      ({ labels, seed, testAccuracy }) =>
        `<circle class="seed" cx="${at(across(labels) - ASIDE)}" cy="${at(y(testAccuracy))}" r="2.5"><title>seed ${seed}: ${percent(testAccuracy)}</title></circle>`,
    );
  const means = groups.map(({ labels, mean, standardDeviation, measured }) => {
    const spread = standardDeviation ?? 0;
    const [top, bottom] = [y(mean + spread), y(mean - spread)];
    const words = `${recipe}, ${labels} labels: ${percent(mean)} ± ${percent(spread)} over ${measured} seeds`;
    const left = across(labels);
    return (
      `<g><title>${escape(words)}</title>` +
      `<path d="M${at(left)} ${at(top)}V${at(bottom)}M${at(left - 4)} ${at(top)}h8M${at(left - 4)} ${at(bottom)}h8"/>` +
      `<circle class="mean" cx="${at(left)}" cy="${at(y(mean))}" r="4"/></g>`
    );
  });
  const legend = MARGIN.left + (index * INNER.width) / count;
  return `<g style="--colour: ${colour}" stroke="${colour}" fill="${colour}">
<polyline points="${points.join(' ')}" stroke-dasharray="${dash}"/>
${[...dots, ...means].join('\n')}
<path d="M${at(legend)} 22h26" stroke-dasharray="${dash}"/>
<text x="${at(legend + 32)}" y="26">${escape(recipe)}</text>
</g>`;
}

function frame(parts, words) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(words)}">
<style>
  text { font: 12px system-ui, sans-serif; fill: #444; stroke: none }
  .grid { stroke: #ddd; fill: none }
  polyline { fill: none; stroke-width: 1.5 }
  path { stroke-width: 1.5; fill: none }
  .seed { stroke: none; opacity: 0.45 }
  .mean { stroke: #fff; stroke-width: 1 }
</style>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}

/** An SVG of what `summarise` gives and the rows: where no run has come to an accuracy it says so. */
export function drawSweep(summary, rows) {
  const groups = summary.filter(({ measured }) => measured > 0);
  if (groups.length === 0) {
    const hasFinished = summary.some(({ finished }) => finished > 0);
    const words = hasFinished ? 'No run has come to an accuracy' : 'No run has finished yet';
    return frame([`<text x="${WIDTH / 2}" y="${HEIGHT / 2}" text-anchor="middle">${words}</text>`], words);
  }
  const finished = finishedRows(rows);
  const spreads = groups.flatMap(({ mean, standardDeviation }) => [
    mean - (standardDeviation ?? 0),
    Math.min(1, mean + (standardDeviation ?? 0)),
  ]);
  const { lines, least, greatest, digits } = accuracyAxis([
    ...finished.map(({ testAccuracy }) => testAccuracy),
    ...spreads,
  ]);
  const y = (accuracy) =>
    MARGIN.top + INNER.height * (1 - (Math.min(accuracy, greatest) - least) / (greatest - least));
  const labels = [...new Set(groups.map((group) => group.labels))];
  const x = labelsScale(labels);
  const recipes = [...new Set(groups.map(({ recipe }) => recipe))];
  const foot = HEIGHT - MARGIN.bottom;
  return frame(
    [
      ...lines.flatMap((accuracy) => [
        `<path class="grid" d="M${MARGIN.left} ${at(y(accuracy))}h${INNER.width}"/>`,
        `<text x="${MARGIN.left - 8}" y="${at(y(accuracy) + 4)}" text-anchor="end">${percent(accuracy, digits)}</text>`,
      ]),
      ...labels.map(
        (count) =>
          `<text x="${at(x(count))}" y="${foot + 20}" text-anchor="middle">${count.toLocaleString('en')}</text>`,
      ),
      `<text x="${MARGIN.left + INNER.width / 2}" y="${HEIGHT - 10}" text-anchor="middle">labelled images (bars: standard deviation over seeds of the last test accuracy)</text>`,
      ...recipes.map((recipe, index) => seriesOf(recipe, index, recipes.length, groups, finished, x, y)),
    ],
    'Test accuracy at the end of the run by number of labelled images: mean and standard deviation over seeds',
  );
}

/**
 * The table of results as text: what `npm run bench` prints, what is copied as Markdown, and the cells of
 * the page's own. In English, with points in numbers, so that it can be pasted anywhere.
 */

import { figuresOf, excessesOf, type Figures } from './figures.js';
import type { BenchmarkReport } from './report.js';

/** What stands where there is no figure. */
export const NOTHING = '–';

export interface Column {
  readonly key: string;
  readonly title: string;
  /** What it means, for the page. */
  readonly hint: string;
  /** null where there is no figure. */
  readonly cell: (figures: Figures, report: BenchmarkReport) => string | null;
}

/** Three digits where they mean something. */
export function formatFigure(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return Math.round(value).toLocaleString('en-US');
  return magnitude < 0.001 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
}

/** A length of time in the unit that suits it. */
export function formatTime(ms: number): string {
  if (ms < 1000) return `${formatFigure(ms)} ms`;
  if (ms < 120_000) return `${formatFigure(ms / 1000)} s`;
  if (ms < 7_200_000) return `${formatFigure(ms / 60_000)} min`;
  return `${formatFigure(ms / 3_600_000)} h`;
}

const figure = (value: number | null): string | null => (value === null ? null : formatFigure(value));
const time = (value: number | null): string | null => (value === null ? null : formatTime(value));
const times = (value: number | null): string | null => (value === null ? null : `${formatFigure(value)} x`);

/** The largest difference of all that was compared, or what is wrong with it. */
function checkCell(figures: Figures): string | null {
  const { result, verdict } = figures;
  if (verdict === 'unchecked') return null;
  if (verdict === 'reference') return 'reference';
  if (verdict === 'wrong') {
    const excesses = excessesOf(result).map(
      ([kind, value]) => `${kind} by ${value >= 1e9 ? 'all' : formatFigure(value)}`,
    );
    return `wrong: ${excesses.join(', ')}`;
  }
  const values = Object.values(result.difference!).filter((value): value is number => value !== null);
  return formatFigure(Math.max(...values));
}

export const COLUMNS: readonly Column[] = [
  { key: 'label', title: 'engine', hint: 'What trains, on how many threads', cell: ({ label }) => label },
  {
    key: 'median',
    title: 'ms a step',
    hint: 'Median over the steps that were timed',
    cell: ({ medianMs }) => figure(medianMs),
  },
  {
    key: 'best',
    title: 'best',
    hint: 'The fastest of them',
    cell: ({ medianMs, result }) => (medianMs === null ? null : figure(result.msPerStep!.min)),
  },
  {
    key: 'range',
    title: '10-90 %',
    hint: 'A tenth was faster, a tenth slower',
    cell: ({ medianMs, result: { msPerStep } }) =>
      medianMs === null || msPerStep!.p10 === null || msPerStep!.p90 === null
        ? null
        : `${formatFigure(msPerStep!.p10)}-${formatFigure(msPerStep!.p90)}`,
  },
  {
    key: 'steps',
    title: 'steps',
    hint: 'Steps that were timed',
    cell: ({ result }) => figure(result.steps || null),
  },
  {
    key: 'timesSlowest',
    title: 'than slowest',
    hint: 'Times faster than the slowest here',
    cell: ({ timesSlowest }) => times(timesSlowest),
  },
  {
    key: 'timesTfjs',
    title: 'than tfjs-webgpu',
    hint: 'Times faster than plain TensorFlow.js on WebGPU',
    cell: ({ timesTfjsWebgpu }) => times(timesTfjsWebgpu),
  },
  {
    key: 'pace',
    title: 'steps/s',
    hint: 'Steps a second',
    cell: ({ stepsPerSecond }) => figure(stepsPerSecond),
  },
  {
    key: 'run',
    title: 'whole run',
    hint: 'A run of the recipe, or of its stage, with its evaluations',
    cell: ({ runMs }) => time(runMs),
  },
  {
    key: 'firstStep',
    title: 'first step',
    hint: 'From nothing to the end of the first step, compiling included',
    cell: ({ result }) => time(result.firstStepMs),
  },
  {
    key: 'js',
    title: 'JavaScript ms',
    hint: 'JavaScript of a step until its work is handed to the GPU',
    cell: ({ result }) => figure(result.jsMsPerStep),
  },
  {
    key: 'dispatches',
    title: 'dispatches',
    hint: 'Dispatches of a step',
    cell: ({ result }) => figure(result.dispatchesPerStep),
  },
  {
    key: 'submits',
    title: 'submits',
    hint: 'Submits of a step',
    cell: ({ result }) => figure(result.submitsPerStep),
  },
  {
    key: 'uploaded',
    title: 'uploaded B',
    hint: 'Bytes uploaded by a step',
    cell: ({ result }) => figure(result.uploadedBytesPerStep),
  },
  {
    key: 'memory',
    title: 'memory MB',
    hint: 'GPU buffers, WebAssembly memory or tensors',
    cell: ({ result }) => (result.memoryBytes === null ? null : formatFigure(result.memoryBytes / 1e6)),
  },
  {
    key: 'evaluation',
    title: 'evaluation',
    hint: 'All test images; “about” where fewer were classified',
    cell: ({ evaluationMs, isEvaluationScaled }) =>
      evaluationMs === null ? null : `${isEvaluationScaled ? 'about ' : ''}${formatTime(evaluationMs)}`,
  },
  {
    key: 'gflops',
    title: 'GFLOP/s',
    hint: 'Multiply-adds of the plan, two operations each, by the median',
    cell: ({ gflops }) => figure(gflops),
  },
  {
    key: 'share',
    title: 'of peak',
    hint: 'Share of the best rate that was measured here',
    cell: ({ shareOfPeak }) => (shareOfPeak === null ? null : `${formatFigure(100 * shareOfPeak)} %`),
  },
  {
    key: 'check',
    title: 'difference',
    hint: 'Largest relative difference of losses, logits and gradients of one step from wasm’s',
    cell: checkCell,
  },
];

/** Titles, then a row for each result; one that did not run says why in its second cell. */
export function tableRows(report: BenchmarkReport): readonly (readonly string[])[] {
  const figures = figuresOf(report).filter(({ result }) => result.failure === null);
  // A column without a single figure says nothing.
  const shown = COLUMNS.filter(
    ({ key, cell }) => key === 'label' || figures.some((one) => cell(one, report) !== null),
  );
  return [
    shown.map(({ title }) => title),
    ...figures.map((one) => shown.map(({ cell }) => cell(one, report) ?? NOTHING)),
  ];
}

/** Those that did not run, with the reason. */
export function absentOf(report: BenchmarkReport): readonly (readonly [label: string, reason: string])[] {
  return figuresOf(report).flatMap(({ label, result }) =>
    result.failure === null ? [] : [[label, result.failure] as const],
  );
}

const inCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');

/** The table as Markdown, with what it was measured on and who did not run. */
export function toMarkdown(report: BenchmarkReport): string {
  const [titles, ...rows] = tableRows(report) as [readonly string[], ...(readonly string[])[]];
  const line = (cells: readonly string[]): string => `| ${cells.map(inCell).join(' | ')} |`;
  const table = [
    line(titles),
    line(titles.map((_, index) => (index === 0 ? '---' : '--:'))),
    ...rows.map(line),
  ].join('\n');
  const absent = absentOf(report).map(([label, reason]) => `- ${label}: ${inCell(reason)}`);
  return [`${inCell(headline(report))}`, '', table, ...(absent.length === 0 ? [] : ['', ...absent]), ''].join(
    '\n',
  );
}

/** An adapter in a few words; empty where it says nothing. */
export function adapterName(adapter: BenchmarkReport['adapter']): string {
  if (adapter === null) return '';
  const { vendor, architecture, device, description } = adapter;
  return description || [vendor, architecture, device].filter((part) => part !== '').join(' ');
}

/** What was trained: `few-labels, stage learn`. */
export function recipeLabel({ recipe, stage = null }: Pick<BenchmarkReport, 'recipe' | 'stage'>): string {
  return stage === null ? recipe : `${recipe}, stage ${stage}`;
}

/** On what, and what: one line. */
export function headline(report: BenchmarkReport): string {
  const { machine, adapter, batch, date } = report;
  const parts = [
    machine.browser,
    adapterName(adapter),
    machine.cpu ?? '',
    `${machine.cores} cores`,
    `recipe ${recipeLabel(report)}`,
    `batch ${batch}`,
    date === null ? '' : date.slice(0, 10),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

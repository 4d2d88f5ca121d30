/** What was measured on, and what distorts the figures. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { distortionsOf } from '../../protocol/benchmark/figures.js';
import type { BenchmarkReport } from '../../protocol/benchmark/report.js';
import { adapterName, formatFigure } from '../../protocol/benchmark/table.js';
import { icons } from '../parts/icons.js';

/** A limit as a person reads it: bytes in mebibytes. */
function limitText(name: string, value: number): string {
  return /Size$/.test(name) && value >= 2 ** 20
    ? `${formatFigure(value / 2 ** 20)} MiB`
    : value.toLocaleString('en-US');
}

type Fact = readonly [name: string, value: string];

function factsOf({
  machine,
  adapter,
  peaks,
  pacing,
  preset,
  recipe,
  batch,
  date,
}: BenchmarkReport): readonly Fact[] {
  const yesNo = (value: boolean | null): string => (value === null ? 'not told' : value ? 'yes' : 'no');
  const facts: Fact[] = [
    ['Browser', machine.browser],
    ...(machine.cpu === null ? [] : [['Processor', machine.cpu] as const]),
    ['Cores', String(machine.cores)],
    ['Cross-origin isolated', yesNo(machine.isIsolated)],
    ['On battery', yesNo(machine.isOnBattery)],
    ['Recipe, batch', `${recipe}, ${batch}`],
    ['Preset', preset ?? `${pacing?.mostTurns ?? 0} turns each`],
    ...(date === null ? [] : [['Began', new Date(date).toLocaleString('en-GB')] as const]),
  ];
  if (adapter === null) facts.push(['WebGPU adapter', 'none']);
  else {
    facts.push(
      [
        'WebGPU adapter',
        `${adapterName(adapter) || 'says nothing of itself'}${adapter.isSoftware ? ' (software)' : ''}`,
      ],
      ['Vendor', adapter.vendor || 'not told'],
      ['Architecture', adapter.architecture || 'not told'],
      ['Features', adapter.features.join(', ') || 'none that matter'],
      ...Object.entries(adapter.limits).map(([name, value]): Fact => [name, limitText(name, value)]),
    );
  }
  if (peaks.adapter !== null) {
    const { gflops, gigabytesPerSecond } = peaks.adapter;
    facts.push([
      'Adapter at its best',
      `${formatFigure(gflops)} GFLOP/s, ${formatFigure(gigabytesPerSecond)} GB/s`,
    ]);
  }
  const rate = peaks.microKernel?.relaxed ?? peaks.microKernel?.plain;
  if (rate !== undefined)
    facts.push(['WebAssembly at its best, one thread', `${formatFigure(rate.median)} GFLOP/s`]);
  return facts;
}

export function machineView(report: BenchmarkReport): TemplateResult {
  return html`<dl class="facts">
    ${factsOf(report).map(
      ([name, value]) =>
        html`<div>
          <dt class="muted">${name}</dt>
          <dd class="number">${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** What makes the figures others than they could be; `isRunning`: before it has ended nothing is missing. */
export function distortionsView(
  report: BenchmarkReport,
  isRunning: boolean,
): TemplateResult | typeof nothing {
  const found = distortionsOf(isRunning ? { ...report, isComplete: true } : report);
  if (found.length === 0) return nothing;
  return html`<section class="distortions" part="distortions" aria-label="What distorts these figures">
    ${icons.alert}
    <ul>
      ${found.map((text) => html`<li>${text}</li>`)}
    </ul>
  </section>`;
}

export const machineStyles = css`
  .facts {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(240px, 100%), 1fr));
    gap: 12px 24px;
  }

  .facts dd {
    overflow-wrap: anywhere;
  }

  .facts dt {
    font-size: 13px;
    line-height: 18px;
    overflow-wrap: anywhere;
  }

  .distortions {
    display: flex;
    gap: 10px;
    padding: 12px 16px;
    border-radius: var(--_radius);
    background: var(--_sunken);
  }

  .distortions .icon {
    margin-top: 2px;
  }

  .distortions li + li {
    margin-top: 4px;
  }
`;

/** The benchmark's element on a fake harness: what is asked for, what is shown, files, history, axe. */

import { expect } from '@open-wc/testing';
import axe from 'axe-core';
import '../../src/ui/define-benchmark.js';
import type { SganBenchmark } from '../../src/ui/benchmark/sgan-benchmark.js';
import { settingsFromAddress, settingsToAddress } from '../../src/ui/benchmark/address.js';
import { MOST_KEPT, readHistory } from '../../src/ui/benchmark/history.js';
import { reportOf, resultOf } from '../support/benchmark-report.js';
import { FakeBenchmark, NO_WEBGL } from './support/fake-benchmark.js';

const KEY = 'sgan-benchmarks';
const mounted = new Set<SganBenchmark>();

async function mount(
  prepare: (element: SganBenchmark) => void = () => undefined,
): Promise<{ readonly element: SganBenchmark; readonly fake: FakeBenchmark }> {
  const element = document.createElement('sgan-benchmark') as SganBenchmark;
  const fake = new FakeBenchmark();
  element.clientFactory = () => fake;
  prepare(element);
  mounted.add(element);
  document.body.append(element);
  await until(() => element.viewer || rootOf(element).querySelector('.contenders') !== null);
  return { element, fake };
}

const rootOf = (element: SganBenchmark): ShadowRoot => element.shadowRoot!;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => requestAnimationFrame(resolve));
}

function textOf(element: SganBenchmark, selector: string): string {
  const found = rootOf(element).querySelector(selector);
  if (found === null) throw new Error(`There is no ${selector} in the element.`);
  return found.textContent.replaceAll(/\s+/g, ' ').trim();
}

function find<Found extends HTMLElement>(element: SganBenchmark, selector: string): Found {
  const found = rootOf(element).querySelector<Found>(selector);
  if (found === null) throw new Error(`There is no ${selector} in the element.`);
  return found;
}

function button(element: SganBenchmark, text: string): HTMLButtonElement {
  const found = [...rootOf(element).querySelectorAll('button')].find((one) => one.textContent.includes(text));
  if (found === undefined) throw new Error(`There is no button “${text}”.`);
  return found;
}

/** Starts, and waits until the harness has its orders. */
async function start({ element, fake }: { element: SganBenchmark; fake: FakeBenchmark }): Promise<void> {
  find(element, '[part="start"]').click();
  await until(() => fake.orders !== null);
}

async function violationsOf(element: SganBenchmark): Promise<string[]> {
  const { violations } = await axe.run(element, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    // Rules about a whole page, which the test's page is not.
    rules: { region: { enabled: false }, 'page-has-heading-one': { enabled: false } },
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`),
  );
}

beforeEach(() => localStorage.removeItem(KEY));
afterEach(() => {
  for (const element of mounted) element.remove();
  mounted.clear();
  localStorage.removeItem(KEY);
  document.documentElement.removeAttribute('style');
});

describe('what is measured', () => {
  it('is everyone that can run, with the reason of the others', async () => {
    const mountedOne = await mount();
    const { element, fake } = mountedOne;
    expect(textOf(element, '.contenders')).to.contain(NO_WEBGL);
    const boxes = [...rootOf(element).querySelectorAll<HTMLInputElement>('.contenders input')];
    expect(boxes.find(({ value }) => value === 'tfjs-webgl')!.disabled).to.equal(true);
    await start(mountedOne);
    expect(fake.orders!.contenders.map(({ engine }) => engine)).to.deep.equal([
      ...['webgpu', 'wasm', 'wasm', 'tfjs-webgpu', 'tfjs-wasm', 'tfjs-cpu'],
    ]);
    expect(fake.orders!.pacing.budgetMs).to.equal(30_000);
    expect(element.report!.results.at(-1)).to.include({ engine: 'tfjs-webgl', failure: NO_WEBGL });
  });

  it('follows the form, and the yardsticks say which recipes they know', async () => {
    const mountedOne = await mount();
    const { element, fake } = mountedOne;
    const told: unknown[] = [];
    element.addEventListener('sgan-benchmark-settings', ({ detail }) => told.push(detail));
    find<HTMLInputElement>(element, 'input[value="thorough"]').click();
    const recipe = find<HTMLSelectElement>(element, '#recipe');
    recipe.value = 'labels-only';
    recipe.dispatchEvent(new Event('change'));
    const batch = find<HTMLInputElement>(element, '#batch');
    batch.value = '64';
    batch.dispatchEvent(new Event('change'));
    await element.updateComplete;
    expect(textOf(element, '.contenders')).to.contain(
      'a copy of the recipe notebook and the recipes few-labels, ',
    );
    find<HTMLInputElement>(element, 'input[value="webgpu"]').click();
    await element.updateComplete;
    expect(told.at(-1)).to.deep.equal({
      preset: 'thorough',
      recipe: 'labels-only',
      stage: null,
      batch: 64,
      engines: ['wasm x1', 'wasm x2'],
    });
    await start(mountedOne);
    expect(fake.orders).to.deep.include({ recipe: 'labels-only', batch: 64, wantsOperations: true });
    expect(fake.orders!.contenders.map(({ threads }) => threads)).to.deep.equal([1, 2]);
  });

  it('is not changed by a batch that is none', async () => {
    const { element } = await mount();
    const batch = find<HTMLInputElement>(element, '#batch');
    batch.value = 'many';
    batch.dispatchEvent(new Event('change'));
    await element.updateComplete;
    expect(batch.getAttribute('aria-invalid')).to.equal('true');
    expect(textOf(element, '#batch-hint')).to.equal('Takes whole numbers from 10 to 1024');
    expect(element.settings.batch).to.equal(null);
  });

  it('starts nothing beside a batch that is none, says so, and puts the focus there', async () => {
    const { element, fake } = await mount();
    const batch = find<HTMLInputElement>(element, '#batch');
    const type = async (text: string): Promise<void> => {
      batch.value = text;
      batch.dispatchEvent(new Event('change'));
      await element.updateComplete;
    };
    await type('many');
    find(element, '[part="start"]').click();
    await element.updateComplete;
    expect(rootOf(element).activeElement).to.equal(batch);
    expect(textOf(element, '[role="alert"]')).to.contain(
      'Nothing was started: the batch cannot be “many”. Takes whole numbers from 10 to 1024.',
    );
    expect([element.isRunning, fake.orders, batch.value]).to.deep.equal([false, null, 'many']);
    element.settings = { batch: 64 };
    await element.updateComplete;
    expect([batch.value, rootOf(element).querySelector('[role="alert"]')]).to.deep.equal(['64', null]);
  });

  it('reads a batch as the trainer reads its settings, and guesses none', async () => {
    const { element } = await mount();
    const batch = find<HTMLInputElement>(element, '#batch');
    const type = async (text: string): Promise<void> => {
      batch.value = text;
      batch.dispatchEvent(new Event('change'));
      await element.updateComplete;
    };
    for (const [text, value] of [
      ['1,000', 1000],
      ['64,0', 64],
      [' 1 000 ', 1000],
    ] as const) {
      await type(text);
      expect(element.settings.batch, text).to.equal(value);
    }
    for (const [text, hint] of [
      ['1.000', 'Can be read as 1000 or as 1; type one of these'],
      ['0x40', 'Takes whole numbers from 10 to 1024'],
      ['64,5', 'Takes whole numbers from 10 to 1024'],
    ] as const) {
      await type(text);
      expect(textOf(element, '#batch-hint'), text).to.equal(hint);
      expect(element.settings.batch, text).to.equal(1000);
    }
    expect(settingsFromAddress(new URLSearchParams('?batch=1,000')).batch).to.equal(1000);
    expect(settingsFromAddress(new URLSearchParams('?batch=1.000')).batch).to.equal('1.000');
  });

  it('is a stage where the recipe has several, its last unless chosen, and another recipe forgets it', async () => {
    const { element, fake } = await mount();
    expect(rootOf(element).querySelector('#stage')).to.equal(null);
    element.settings = settingsFromAddress(new URLSearchParams('?recipe=few-labels&engines=wasmx1'));
    await element.updateComplete;
    const stage = find<HTMLSelectElement>(element, '#stage');
    expect(stage.value).to.equal('learn');
    stage.value = 'look';
    stage.dispatchEvent(new Event('change'));
    expect(settingsToAddress(element.settings, new URLSearchParams()).get('stage')).to.equal('look');
    const started = element.start();
    await until(() => fake.orders !== null);
    expect(fake.orders).to.deep.include({ recipe: 'few-labels', stage: 'look' });
    expect(element.report).to.deep.include({ recipe: 'few-labels', stage: 'look' });
    element.cancel();
    await started;
    element.settings = { recipe: 'notebook' };
    expect(element.settings.stage).to.equal(null);
  });

  it('stands in the address, and what an address has wrong is told', async () => {
    const query = '?preset=thorough&batch=64&engines=webgpu,wasmx2&other=1';
    const { element } = await mount((made) => {
      made.settings = settingsFromAddress(new URLSearchParams(query));
    });
    expect(element.settings).to.deep.equal({
      preset: 'thorough',
      recipe: 'notebook',
      stage: null,
      batch: 64,
      engines: ['webgpu', 'wasm x2'],
    });
    const back = settingsToAddress(element.settings, new URLSearchParams('?other=1&recipe=labels-only'));
    expect(decodeURIComponent(back.toString())).to.equal(
      'other=1&preset=thorough&batch=64&engines=webgpu,wasmx2',
    );
    for (const [wrong, message] of [
      ['?preset=slow', '"preset" is "slow"; allowed: quick, thorough'],
      ['?batch=5', '"batch" is 5'],
      ['?batch=x', '"batch" is "x"'],
      ['?recipe=cifar', '"recipe" is "cifar"'],
      ['?engines=cuda', '"engines" is "cuda"'],
    ] as const) {
      element.settings = settingsFromAddress(new URLSearchParams(wrong));
      await element.updateComplete;
      expect(textOf(element, '[role="alert"]'), wrong).to.contain(message);
    }
  });
});

describe('results', () => {
  it('grow while it runs, with the time left, and are told of at the end', async () => {
    const one = await mount();
    const { element, fake } = one;
    let ended: unknown = null;
    element.addEventListener('sgan-benchmark-report', ({ detail }) => (ended = detail));
    await start(one);
    const progress = { stage: 'turns', contender: 1, leftMs: 12_000, turns: 3 } as const;
    fake.tell({ type: 'progress', progress });
    await element.updateComplete;
    expect(textOf(element, '.progress')).to.match(/^Taking turns: wasm x1 · about 1[12] s left$/);
    fake.tellResults({ isDone: false });
    await element.updateComplete;
    expect(textOf(element, '.rows li')).to.match(
      /^webgpu .* 2 ms right 100× the slowest’s pace · 100× tfjs-webgpu’s/,
    );
    expect(ended).to.equal(null);
    fake.tell({ type: 'done' });
    await until(() => !element.isRunning);
    expect(ended).to.equal(element.report);
    expect(element.report!.isComplete).to.equal(true);
    expect(readHistory(localStorage)).to.deep.equal([element.report]);
  });

  it('show a wrong answer in red, and no speed of it', async () => {
    const { element } = await mount((made) => (made.report = reportOf()));
    const wrong = [...rootOf(element).querySelectorAll('.rows li')].find((row) =>
      row.textContent.includes('tfjs-cpu'),
    )!;
    const text = wrong.textContent.replaceAll(/\s+/g, ' ');
    expect(text).to.contain('wrong: logits off by 0.25, gradients missing or no numbers');
    expect(text).to.not.contain('4,000');
    expect(wrong.querySelector('.bar')).to.equal(null);
    const plain = getComputedStyle(element).color;
    expect(getComputedStyle(wrong.querySelector('.verdict.wrong')!).color).to.not.equal(plain);
  });

  it('stay where it is cancelled, and say so', async () => {
    const one = await mount();
    const { element, fake } = one;
    await start(one);
    fake.tellResults({ isDone: false });
    await element.updateComplete;
    find(element, '[part="cancel"]').click();
    await until(() => !element.isRunning);
    await element.updateComplete;
    expect(fake.isStopped).to.equal(true);
    expect(element.report!.isComplete).to.equal(false);
    expect(textOf(element, '[part="distortions"]')).to.contain('It was cancelled');
    expect(rootOf(element).querySelector('[role="alert"]')).to.equal(null);
  });

  it('tell why where nothing could be measured, and keep nothing', async () => {
    const one = await mount();
    const { element, fake } = one;
    await start(one);
    fake.fail('The server answered 404.');
    await until(() => !element.isRunning);
    await element.updateComplete;
    expect(textOf(element, '[role="alert"]')).to.contain('The server answered 404.');
    expect(localStorage.getItem(KEY)).to.equal(null);
  });

  it('of before are not told of again where another is cancelled before its first', async () => {
    const getBattery = Object.getOwnPropertyDescriptor(Navigator.prototype, 'getBattery');
    // A browser that never answers, so that nothing begins.
    Object.defineProperty(Navigator.prototype, 'getBattery', {
      value: () => new Promise(() => undefined),
      configurable: true,
    });
    try {
      const { element, fake } = await mount((made) => (made.report = reportOf()));
      const told: unknown[] = [];
      element.addEventListener('sgan-benchmark-report', ({ detail }) => told.push(detail));
      const ending = element.start().then(
        () => 'resolved',
        (error: Error) => error.name,
      );
      await until(() => element.isRunning);
      await element.updateComplete;
      find(element, '[part="cancel"]').click();
      await until(() => !element.isRunning);
      expect(await ending).to.equal('Aborted');
      expect([told, localStorage.getItem(KEY), fake.orders]).to.deep.equal([[], null, null]);
      expect(rootOf(element).querySelector('[role="alert"]')).to.equal(null);
    } finally {
      if (getBattery === undefined) Reflect.deleteProperty(Navigator.prototype, 'getBattery');
      else Object.defineProperty(Navigator.prototype, 'getBattery', getBattery);
    }
  });

  it('go on where the element is moved, and end where it is taken out', async () => {
    const one = await mount();
    const { element, fake } = one;
    await start(one);
    fake.tellResults({ isDone: false });
    document.body.prepend(element);
    await new Promise((resolve) => setTimeout(resolve));
    expect([element.isRunning, fake.isStopped]).to.deep.equal([true, false]);
    element.remove();
    await until(() => !element.isRunning);
    expect(fake.isStopped).to.equal(true);
  });

  it('are marked where the tab was hidden meanwhile', async () => {
    const one = await mount();
    await start(one);
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
    delete (document as { visibilityState?: string }).visibilityState;
    expect(one.element.report!.wasHidden).to.equal(true);
  });
});

describe('files and history', () => {
  it('opens several side by side, refuses another file by name, and takes one away again', async () => {
    const { element } = await mount((made) => (made.viewer = true));
    const other = reportOf({ name: 'Another', results: [resultOf('webgpu', 4), resultOf('wasm x1', 10)] });
    await element.open(JSON.stringify(reportOf()));
    await element.open(new Blob([JSON.stringify(other)]));
    await element.updateComplete;
    const rows = [...rootOf(element).querySelectorAll('[part="compare"] tbody tr')].map((row) =>
      row.textContent.replaceAll(/\s+/g, ' ').trim(),
    );
    expect(rows[0]).to.equal('webgpu 2 4 0.5×');
    expect(rows[1]).to.equal('wasm x1 20 10 2×');
    expect(rows.find((row) => row.startsWith('tfjs-cpu'))).to.equal('tfjs-cpu wrong–');
    const files = new DataTransfer();
    files.items.add(new File(['{"schema":1}'], 'strange.json'));
    const input = find<HTMLInputElement>(element, '#files');
    input.files = files.files;
    input.dispatchEvent(new Event('change'));
    await until(() => rootOf(element).querySelector('[role="alert"]') !== null);
    expect(textOf(element, '[role="alert"]')).to.match(/^strange\.json: The file is no benchmark/);
    button(element, 'Remove').click();
    await element.updateComplete;
    expect(rootOf(element).querySelector('[part="compare"]')).to.equal(null);
  });

  it('keeps the last ten, by the names that they are given, and passes over what is damaged', async () => {
    const reports = Array.from({ length: 12 }, (_, i) =>
      reportOf({ name: `Number ${i}`, date: new Date(Date.UTC(2026, 0, 1 + i)).toISOString() }),
    );
    localStorage.setItem(KEY, JSON.stringify([{ schema: 'x' }, ...reports.slice(0, MOST_KEPT)]));
    const one = await mount();
    const { element, fake } = one;
    expect(readHistory(localStorage).length).to.equal(MOST_KEPT);
    await start(one);
    fake.tellResults({ isDone: true });
    await until(() => !element.isRunning);
    await element.updateComplete;
    expect(readHistory(localStorage).length).to.equal(MOST_KEPT);
    expect(readHistory(localStorage)[0]!.date).to.equal(element.report!.date);
    const name = find<HTMLInputElement>(element, '#name');
    name.value = 'My laptop';
    name.dispatchEvent(new Event('change'));
    await element.updateComplete;
    expect(readHistory(localStorage)[0]!.name).to.equal('My laptop');
    button(element, 'Forget My laptop').click();
    await element.updateComplete;
    expect(readHistory(localStorage).map((kept) => kept.name)).to.not.include('My laptop');
    localStorage.setItem(KEY, '{');
    expect(readHistory(localStorage)).to.deep.equal([]);
    expect(readHistory(undefined)).to.deep.equal([]);
  });

  it('keeps what another tab has kept meanwhile', async () => {
    const one = await mount();
    const { element, fake } = one;
    const others = reportOf({ name: 'Of another tab', date: new Date(0).toISOString() });
    localStorage.setItem(KEY, JSON.stringify([others]));
    await start(one);
    fake.tellResults({ isDone: true });
    await until(() => !element.isRunning);
    expect(readHistory(localStorage).map(({ name }) => name)).to.include('Of another tab');
    expect(readHistory(localStorage)).to.have.length(2);
  });

  it('says that nothing is kept where the browser has no storage', async () => {
    const one = await mount();
    const { element, fake } = one;
    await start(one);
    const setItem = Object.getOwnPropertyDescriptor(Storage.prototype, 'setItem')!;
    Storage.prototype.setItem = () => {
      throw new DOMException('Blocked', 'SecurityError');
    };
    try {
      fake.tellResults({ isDone: true });
      await until(() => !element.isRunning);
    } finally {
      Object.defineProperty(Storage.prototype, 'setItem', setItem);
    }
    await element.updateComplete;
    expect(rootOf(element).textContent).to.contain('This browser keeps nothing here');
  });

  it('shows the Markdown where the browser does not let it be copied', async () => {
    const { element } = await mount((made) => (made.report = reportOf()));
    const writeText = Object.getOwnPropertyDescriptor(Clipboard.prototype, 'writeText')!;
    Clipboard.prototype.writeText = () => Promise.reject(new DOMException('No', 'NotAllowedError'));
    try {
      button(element, 'Copy as Markdown').click();
      await until(() => rootOf(element).querySelector('textarea') !== null);
    } finally {
      Object.defineProperty(Clipboard.prototype, 'writeText', writeText);
    }
    expect(find<HTMLTextAreaElement>(element, 'textarea').value).to.contain('| webgpu | 2 |');
  });
});

describe('for everyone', () => {
  for (const scheme of ['light', 'dark'] as const) {
    it(`axe finds nothing in the ${scheme} scheme, idle, running, and with everything open`, async () => {
      document.documentElement.style.colorScheme = scheme;
      document.documentElement.style.background = 'Canvas';
      const one = await mount();
      const { element, fake } = one;
      expect(await violationsOf(element), 'idle').to.deep.equal([]);
      await start(one);
      fake.tellResults({ isDone: false });
      await element.updateComplete;
      expect(await violationsOf(element), 'running').to.deep.equal([]);
      fake.tell({ type: 'done' });
      await until(() => !element.isRunning);
      const operations = [
        { name: 'conv1', kind: 'product', ms: 1, multiplyAdds: 1e6, gflops: 2, gigabytesPerSecond: 1 },
      ];
      const [first, ...others] = element.report!.results;
      element.report = { ...element.report!, results: [{ ...first!, operations }, ...others] };
      await element.open(JSON.stringify(reportOf({ wasHidden: true })));
      for (const details of rootOf(element).querySelectorAll('details')) details.open = true;
      await element.updateComplete;
      for (const details of rootOf(element).querySelectorAll('details')) details.open = true;
      expect(await violationsOf(element), 'all open').to.deep.equal([]);
      find(element, '.bar').removeAttribute('aria-label');
      expect((await violationsOf(element)).join(), 'a planted defect').to.contain('svg-img-alt');
    });
  }

  it('nothing is wider than a narrow screen', async () => {
    const { element } = await mount((made) => (made.report = reportOf()));
    element.style.width = '358px';
    for (const details of rootOf(element).querySelectorAll('details')) details.open = true;
    await element.updateComplete;
    await element.open(JSON.stringify(reportOf({ name: 'A very long name of a machine '.repeat(5) })));
    await element.updateComplete;
    expect(find(element, '.root').scrollWidth).to.be.at.most(358);
  });
});

describe('the element', () => {
  it('keeps its styles in another document', async () => {
    const { element } = await mount();
    const frame = document.createElement('iframe');
    frame.srcdoc = '<!doctype html><title>Another document</title>';
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve));
    document.body.append(frame);
    try {
      await loaded;
      frame.contentDocument!.body.append(element);
      await element.updateComplete;
      const style = frame.contentWindow!.getComputedStyle(find(element, '.root'));
      expect(style.containerType).to.equal('inline-size');
    } finally {
      frame.remove();
    }
  });

  it('says nothing of a look at the browser that it broke off itself, and looks again', async () => {
    const element = document.createElement('sgan-benchmark') as SganBenchmark;
    const fake = new FakeBenchmark();
    const survey = await fake.survey();
    let looks = 0;
    let breakOff: () => void = () => undefined;
    fake.survey = () =>
      looks++ > 0
        ? Promise.resolve(survey)
        : new Promise((_, reject) => {
            breakOff = () => reject(Object.assign(new Error('Cancelled.'), { name: 'Aborted' }));
          });
    fake.stop = () => breakOff();
    element.clientFactory = () => fake;
    mounted.add(element);
    document.body.append(element);
    await until(() => looks === 1);
    element.remove();
    await new Promise((resolve) => setTimeout(resolve));
    await new Promise((resolve) => setTimeout(resolve));
    document.body.append(element);
    await until(() => rootOf(element).querySelector('.contenders') !== null);
    expect(rootOf(element).querySelector('[role="alert"]')).to.equal(null);
  });
});

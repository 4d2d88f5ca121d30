/** The element as a page's script sees it: attributes, properties, methods, events. */

import { encodePng } from '../../src/ui/element/png.js';
import { loadPoster } from '../../src/ui/parts/digits-view.js';
import { expect } from '@open-wc/testing';
import { DEFAULT_SETTINGS, defaultSettings } from '../../src/protocol/settings.js';
import type { ErrorInfo } from '../../src/protocol/errors.js';
import type { Report } from '../../src/protocol/reports.js';
import type { SettingsInput } from '../../src/protocol/settings.js';
import { WorkerClient } from '../../src/ui/worker-client.js';
import { gridAt, LOADED_SETTINGS } from './support/fake-trainer.js';
import { create, mount, nextEvent, unmountAll, untilState } from './support/mount.js';

/** Collects the errors that bubble to the document while `work` runs and settles. */
async function errorsDuring(work: () => unknown): Promise<ErrorInfo[]> {
  const errors: ErrorInfo[] = [];
  const listen = ({ detail }: CustomEvent<ErrorInfo>): void => void errors.push(detail);
  document.addEventListener('sgan-error', listen);
  await work();
  await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
  document.removeEventListener('sgan-error', listen);
  return errors;
}

describe('attributes and properties', () => {
  afterEach(unmountAll);

  it('begin with the documented defaults', async () => {
    const { element } = await mount({ attributes: { recipe: '' } });
    expect(element.settings).to.deep.equal(DEFAULT_SETTINGS);
    expect(element.recipe).to.equal('few-labels');
    expect(element.engine).to.equal('auto');
    expect(element.labels).to.equal(100);
    expect(element.seed).to.equal(1);
    expect(element.steps).to.equal(5000);
    expect(element.autostart).to.equal(false);
    expect(element.state).to.equal('idle');
    expect(element.error).to.equal(null);
    expect(element.lastReport).to.equal(null);
    expect(element.ready).to.equal(false);
  });

  it('set settings, and a removed attribute takes its setting back', async () => {
    const attributes = { recipe: 'labels-only', engine: 'tfjs-cpu', labels: '100', seed: '0', steps: '50' };
    const { element } = await mount({ attributes });
    const expected = { recipe: 'labels-only', engine: 'tfjs-cpu', labels: 100, seed: 0, steps: 50 } as const;
    expect(element.settings).to.deep.equal({ ...defaultSettings('labels-only'), ...expected });
    element.removeAttribute('labels');
    expect(element.labels).to.equal(900);
  });

  it('keep the value before one that is not allowed, and tell of it by an event', async () => {
    const { element } = await mount({ attributes: { labels: '100' } });
    const errors = await errorsDuring(() => {
      element.setAttribute('labels', '0');
      element.setAttribute('seed', 'one');
      element.recipe = 'mine' as 'notebook';
      element.settings = { batch: 9, dropout: 0.25 };
    });
    expect(errors.map(({ kind }) => kind)).to.deep.equal(new Array(4).fill('InvalidSettings'));
    expect(errors[0]!.message).to.contain('"labels" is 0; allowed: whole numbers from 1 to 1,000,000');
    expect(errors[1]!.message).to.contain('"seed" is "one"');
    expect(element.labels).to.equal(100);
    expect(element.settings.dropout).to.equal(0.25);
    expect(element.error).to.deep.equal(errors.at(-1));
  });

  it('are heard by who listens right after setting them', async () => {
    const { element } = create();
    element.setAttribute('steps', '0');
    const { detail } = await nextEvent(element, 'sgan-error');
    expect(detail.message).to.contain('"steps" is 0');
  });

  it('lay settings over those asked for before', async () => {
    const { element } = await mount({ attributes: { labels: '100' } });
    element.settings = { batch: 10 };
    element.settings = { evalEvery: 5 };
    element.settings = { batch: undefined };
    expect(element.settings).to.deep.equal({ ...defaultSettings('notebook'), labels: 100, evalEvery: 5 });
  });

  it('tell of changed settings once', async () => {
    const { element } = await mount();
    const heard: number[] = [];
    element.addEventListener('sgan-settings', ({ detail }) => heard.push(detail.labels));
    element.labels = 100;
    element.labels = 100;
    expect(heard).to.deep.equal([100]);
  });

  it('give the trainer its addresses', async () => {
    const { element, fake } = await mount({
      attributes: { 'data-url': '/elsewhere/', 'worker-url': '/worker.js' },
    });
    await element.start();
    expect(fake().options.dataUrl).to.equal('/elsewhere/');
    expect(fake().options.workerUrl).to.equal('/worker.js');
  });

  it('removed or empty again, are the defaults', async () => {
    const addresses = { 'data-url': '/elsewhere/', 'worker-url': '/worker.js', poster: '/poster.png' };
    const { element, fake } = await mount({ attributes: addresses });
    for (const name of Object.keys(addresses)) element.removeAttribute(name);
    expect([element.dataUrl, element.workerUrl, element.poster]).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
    for (const name of Object.keys(addresses)) element.setAttribute(name, ' ');
    await element.start();
    expect([fake().options.dataUrl, fake().options.workerUrl]).to.deep.equal([undefined, undefined]);
    for (const name of ['recipe', 'engine', 'labels', 'seed', 'steps']) element.setAttribute(name, '');
    expect(element.settings).to.deep.equal(DEFAULT_SETTINGS);
    expect(element.error).to.equal(null);
  });

  it('that are null or undefined are the defaults, and raise nothing', async () => {
    const { element } = await mount({ attributes: { labels: '100', recipe: 'labels-only', seed: '5' } });
    const errors = await errorsDuring(() => {
      const properties = element as unknown as Record<string, unknown>;
      for (const name of ['recipe', 'engine', 'labels', 'seed', 'steps']) properties[name] = null;
      element.settings = { batch: null } as unknown as SettingsInput;
    });
    expect(errors).to.deep.equal([]);
    expect(element.settings).to.deep.equal(DEFAULT_SETTINGS);
  });

  it('ask for no picture where the poster is taken away', async () => {
    const asked: string[] = [];
    const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'src')!;
    Object.defineProperty(HTMLImageElement.prototype, 'src', {
      ...source,
      set(this: HTMLImageElement, url: string) {
        asked.push(url);
        source.set!.call(this, url);
      },
    });
    try {
      const picture = 'data:image/png;base64,';
      const { element } = await mount({ attributes: { poster: picture } });
      element.removeAttribute('poster');
      await element.updateComplete;
      for (const missing of [null, undefined, '', ' ']) {
        element.poster = missing;
        await element.updateComplete;
      }
      expect(asked).to.deep.equal([picture]);
    } finally {
      Object.defineProperty(HTMLImageElement.prototype, 'src', source);
    }
  });

  it('show no picture that has not one row of cells: it cannot be cut', async () => {
    for (const [width, height] of [
      [4, 4],
      [64, 4],
    ] as const) {
      const bytes = encodePng({ width, height, rgba: new Uint8ClampedArray(4 * width * height).fill(255) });
      const url = URL.createObjectURL(new Blob([bytes], { type: 'image/png' }));
      expect(await loadPoster(url, document.baseURI)).to.equal(null);
      URL.revokeObjectURL(url);
    }
  });

  for (const dataUrl of ['data:text/plain,x', 'blob:x', 'javascript:void 0', 'http://', 'mailto:a@b.c']) {
    it(`give an error that names them where no folder is meant: ${dataUrl}`, async () => {
      const { element } = await mount();
      element.clientFactory = (options) => new WorkerClient(options);
      element.dataUrl = dataUrl;
      const errors = await errorsDuring(() => element.start().catch(() => undefined));
      expect(errors.map(({ kind }) => kind)).to.deep.equal(['InvalidSettings']);
      expect(errors[0]!.message).to.contain(`"data-url" is "${dataUrl}"; allowed: the URL of a folder`);
      expect(element.state).to.equal('idle');
    });
  }
});

describe('commands', () => {
  afterEach(unmountAll);

  it('make the trainer at the first of them, not before', async () => {
    const { element, fakes } = await mount();
    expect(fakes.length).to.equal(0);
    expect(await element.pause()).to.equal('idle');
    expect(await element.reset()).to.equal('idle');
    expect(fakes.length).to.equal(0);
    expect(await element.start()).to.equal('running');
    expect(fakes.length).to.equal(1);
    expect(element.ready).to.equal(true);
  });

  it('give every setting, resolve with the state after them, and leave the element in it', async () => {
    const { element, fake } = await mount({ attributes: { labels: '100' } });
    await element.start();
    expect(fake().calls).to.deep.equal([['start', { ...defaultSettings('notebook'), labels: 100 }]]);
    expect(await element.pause()).to.equal('paused');
    expect(element.state).to.equal('paused');
    expect(await element.step()).to.equal('paused');
    expect(await element.reset()).to.equal('ready');
  });

  it('autostart trains as soon as the element is in the document', async () => {
    const { element, fakes } = await mount({ attributes: { autostart: '' } });
    await untilState(element, 'running');
    expect(fakes.length).to.equal(1);
  });

  it('autostart starts nothing beside a setting that is not allowed', async () => {
    const { element, fakes } = await mount({ attributes: { steps: '-5', autostart: '' } });
    await element.updateComplete;
    expect(element.state).to.equal('idle');
    expect(fakes.length).to.equal(0);
    expect(element.error!.message).to.contain('Setting "steps" is -5');
    expect([...element.refused]).to.deep.equal([['steps', -5]]);
  });

  it('outside of a document are refused and make nothing', async () => {
    const { element, fakes } = create();
    const error = await element.start().catch((reason: Error) => reason);
    expect((error as Error).name).to.equal('Aborted');
    expect(fakes.length).to.equal(0);
  });

  it('that the trainer refuses reject by kind, raise one event, and leave the state alone', async () => {
    const { element, fake } = await mount();
    await element.start();
    fake().nextError = Object.assign(new Error('Pause first.'), { name: 'Busy' });
    let rejected: unknown;
    const errors = await errorsDuring(() => element.step().catch((error: unknown) => (rejected = error)));
    expect((rejected as Error).name).to.equal('Busy');
    expect(errors).to.deep.equal([{ kind: 'Busy', message: 'Pause first.' }]);
    expect(element.state).to.equal('running');
    expect(element.error).to.deep.equal(errors[0]);
    await element.pause();
    expect(element.error).to.equal(null);
  });

  it('that a failure ends raise its error once', async () => {
    const { element, fake } = await mount();
    await element.start();
    await element.pause();
    const failure = { kind: 'NonFiniteLoss', message: 'generatorLoss became NaN.' } as const;
    const errors = await errorsDuring(async () => {
      fake().step = async () => {
        fake().fail(failure);
        throw Object.assign(new Error(failure.message), { name: failure.kind });
      };
      await element.step().catch(() => undefined);
    });
    expect(errors).to.deep.equal([failure]);
    expect(element.state).to.equal('failed');
    expect(element.error).to.deep.equal(failure);
  });

  it('that are given up raise no error', async () => {
    const { element, fake } = await mount();
    await element.start();
    fake().nextError = Object.assign(new Error('Given up.'), { name: 'Aborted' });
    const errors = await errorsDuring(() => element.step().catch(() => undefined));
    expect(errors).to.deep.equal([]);
  });
});

describe('events', () => {
  afterEach(unmountAll);

  it('bubble out of a foreign shadow root', async () => {
    const outer = document.body.appendChild(document.createElement('div'));
    const { element, fake } = await mount({ parent: outer.attachShadow({ mode: 'open' }) });
    const heard: string[] = [];
    for (const type of [
      'sgan-state',
      'sgan-report',
      'sgan-evaluation',
      'sgan-error',
      'sgan-settings',
    ] as const) {
      document.addEventListener(type, ({ type: name }) => heard.push(name), { once: true });
    }
    element.seed = 2;
    await element.start();
    fake().advance(1);
    fake().die({ kind: 'WorkerDied', message: 'gone' });
    outer.remove();
    expect(heard.sort()).to.deep.equal([
      'sgan-error',
      'sgan-evaluation',
      'sgan-report',
      'sgan-settings',
      'sgan-state',
    ]);
  });

  it('tell the way from state to state with its step', async () => {
    const { element, fake } = await mount({ attributes: { steps: '3' } });
    const way: string[] = [];
    element.addEventListener('sgan-state', ({ detail }) =>
      way.push(`${detail.previous} ${detail.state} ${detail.step}`),
    );
    await element.start();
    fake().advance(3);
    expect(way).to.deep.equal(['idle loading 0', 'loading running 0', 'running finished 3']);
  });

  it('hand over every report, the newest of which is kept', async () => {
    const { element, fake } = await mount();
    const reports: Report[] = [];
    element.addEventListener('sgan-report', ({ detail }) => reports.push(detail));
    await element.start();
    fake().advance(1);
    const types = new Set(reports.map(({ type }) => type));
    const expected = ['engine', 'evaluation', 'images', 'loading', 'metrics', 'run', 'settings', 'state'];
    expect([...types].sort()).to.deep.equal(expected);
    expect(element.lastReport).to.equal(reports.at(-1));
  });
});

describe('saving and loading', () => {
  afterEach(unmountAll);

  it('gives files with names that say which run they are of', async () => {
    const { element, fake } = await mount();
    await element.start();
    fake().advance(200);
    const names = [];
    for (const kind of ['checkpoint', 'model', 'samples', 'metrics'] as const) {
      const file = await element.save(kind);
      expect(file.size).to.be.greaterThan(0);
      names.push(file.name);
    }
    const run = 'sgan-notebook-seed1-step200';
    expect(names).to.deep.equal([
      `${run}-checkpoint.safetensors`,
      `${run}-model.zip`,
      `${run}-samples.png`,
      `${run}-metrics.csv`,
    ]);
  });

  it('makes a picture that a browser can show, four times as large', async () => {
    const { element, fake } = await mount();
    await element.start();
    fake().advance(1);
    const bitmap = await createImageBitmap(await element.save('samples'));
    expect([bitmap.width, bitmap.height]).to.deep.equal([896, 896]);
  });

  it('makes pictures of the very bytes, also where canvases give back noise', async () => {
    const { element, fake } = await mount();
    await element.start();
    fake().advance(1);
    const patched = OffscreenCanvas.prototype as unknown as Record<'convertToBlob', () => Promise<Blob>>;
    const honest = patched.convertToBlob;
    patched.convertToBlob = function (this: OffscreenCanvas): Promise<Blob> {
      Object.assign(this.getContext('2d')!, { fillStyle: '#123456' }).fillRect(100, 100, 9, 9);
      return honest.call(this);
    };
    let file: File;
    try {
      file = await element.save('samples');
    } finally {
      patched.convertToBlob = honest;
    }
    const bitmap = await createImageBitmap(file);
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    const { rgba, width, height } = gridAt(1, 8, 8);
    const { data } = context.getImageData(0, 0, 4 * width, 4 * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        expect(data[4 * (4 * y * 4 * width + 4 * x)]).to.equal(rgba[4 * (y * width + x)]);
      }
    }
  });

  it('takes bytes that were made in another window', async () => {
    const frame = document.createElement('iframe');
    document.body.append(frame);
    const other = frame.contentWindow as unknown as typeof globalThis;
    const { element } = await mount();
    for (const bytes of [new other.Uint8Array([1, 2]), new other.Uint8Array([1, 2]).buffer]) {
      expect(await element.load(bytes)).to.equal('paused');
    }
    frame.remove();
  });

  it('refuses where there is nothing yet', async () => {
    const { element } = await mount();
    for (const kind of ['checkpoint', 'model', 'samples', 'metrics'] as const) {
      const error = await element.save(kind).catch((reason: Error) => reason);
      expect((error as Error).name).to.equal('NothingToSave');
    }
  });

  it('goes on from a checkpoint, whose settings become the element’s', async () => {
    const { element, fake } = await mount({ attributes: { labels: '500' } });
    expect(await element.load(new Blob([new Uint8Array([1, 2, 3])]))).to.equal('paused');
    expect(element.settings).to.deep.equal(LOADED_SETTINGS);
    expect(fake().calls[0]!.slice(2)).to.deep.equal([{ engine: undefined }]);
  });

  it('keeps an engine that was asked for by name', async () => {
    const { element } = await mount({ attributes: { engine: 'tfjs-cpu' } });
    await element.load(new Uint8Array([1]));
    expect(element.engine).to.equal('tfjs-cpu');
  });

  it('refuses a file that is no checkpoint by its kind', async () => {
    const { element } = await mount();
    const error = await element.load(new Uint8Array([9])).catch((reason: Error) => reason);
    expect((error as Error).name).to.equal('InvalidCheckpoint');
  });
});

describe('a life in the document', () => {
  afterEach(unmountAll);

  /** Resolves after tasks that were set before it. */
  const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

  it('ends the trainer one task after the element is taken out', async () => {
    const { element, fake } = await mount();
    await element.start();
    element.remove();
    expect(fake().isTerminated).to.equal(false);
    await nextTask();
    expect(fake().isTerminated).to.equal(true);
    expect(element.state).to.equal('idle');
  });

  it('goes on where it is moved within a task', async () => {
    const { element, fake } = await mount();
    await element.start();
    const target = document.body.appendChild(document.createElement('div'));
    target.append(element);
    await nextTask();
    expect(fake().isTerminated).to.equal(false);
    fake().advance(1);
    expect(element.lastReport!.type).to.equal('images');
    target.remove();
  });

  it('begins anew where it comes back later', async () => {
    const { element, fakes } = await mount({ attributes: { autostart: '' } });
    await untilState(element, 'running');
    element.remove();
    await nextTask();
    document.body.append(element);
    await untilState(element, 'running');
    expect(fakes.length).to.equal(2);
  });

  it('ends every one of fifty trainers', async () => {
    for (let round = 0; round < 50; round++) {
      const { element, fake } = await mount();
      await element.start();
      fake().advance(1);
      element.remove();
      await nextTask();
      expect(fake().isTerminated).to.equal(true);
    }
  });

  it('two on a page train by themselves', async () => {
    const [one, two] = [await mount(), await mount({ attributes: { seed: '2' } })];
    await one.element.start();
    await two.element.start();
    one.fake().advance(1);
    await two.element.pause();
    expect([one.element.state, two.element.state]).to.deep.equal(['running', 'paused']);
    expect([one.fakes.length, two.fakes.length]).to.deep.equal([1, 1]);
    expect(one.fake().settings!.seed).to.equal(1);
    expect(two.fake().settings!.seed).to.equal(2);
  });
});

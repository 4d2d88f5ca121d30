/** What a person sees in each state, and what the controls do. */

import { expect } from '@open-wc/testing';
import { DEFAULT_SETTINGS } from '../../src/protocol/settings.js';
import type { ImageGrid } from '../../src/protocol/reports.js';
import { picturePng } from '../../src/ui/element/saved-files.js';
import { toImageGrid } from '../../src/worker/engine/image-grid.js';
import { evaluationAt, featureMapAt, gridAt, runOf, spreadAt } from './support/fake-trainer.js';
import { find, mount, textOf, unmountAll, until, untilState, type Mounted } from './support/mount.js';
import type { SganTrainerElement as SganTrainer } from '../../src/ui/trainer-element.js';

const PRIMARY = '[part="primary-button"]';
const STEP = '[part="step-button"]';
const RESET = '[part="reset-button"]';
const NOTICE = '.notice';

const isBlocked = (element: SganTrainer, selector: string): boolean =>
  find(element, selector).getAttribute('aria-disabled') === 'true';

async function started(attributes: Record<string, string> = {}): Promise<Mounted> {
  const mounted = await mount({ attributes });
  find(mounted.element, PRIMARY).click();
  await untilState(mounted.element, 'running');
  return mounted;
}

/** How much of a canvas is not one colour. */
function isPainted(canvas: HTMLCanvasElement): boolean {
  if (canvas.width === 0) return false;
  const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, index) => value !== data[index % 4]);
}

describe('the states on the screen', () => {
  afterEach(unmountAll);

  it('idle: Start, and what it will do', async () => {
    const { element } = await mount();
    expect(textOf(element, '[part="state"]')).to.equal('Idle');
    expect(textOf(element, PRIMARY)).to.equal('Start');
    expect(textOf(element, NOTICE)).to.contain('Nothing you see or make leaves this machine');
    expect(textOf(element, '.position')).to.equal('step 0 of 20,000');
    expect(textOf(element, '.figure')).to.equal('–');
  });

  it('loading: named steps, bytes and a bar', async () => {
    const { element, fake } = await mount({ prepare: (made) => (made.isSlow = true) });
    find(element, PRIMARY).click();
    await untilState(element, 'loading');
    await until(() => textOf(element, NOTICE).includes('4.2 of 11.6 MB'));
    expect(textOf(element, 'li[aria-current="step"]')).to.contain('Images');
    const progress = find<HTMLProgressElement>(element, 'progress');
    expect(progress.value / progress.max).to.be.closeTo(4.2 / 11.6, 1e-6);
    expect(textOf(element, PRIMARY)).to.equal('Pause');
    fake().finishLoading();
    await untilState(element, 'running');
  });

  it('a stage without bytes has a bar without a value', async () => {
    const { element, fake } = await mount({ prepare: (made) => (made.isSlow = true) });
    find(element, PRIMARY).click();
    await untilState(element, 'loading');
    fake().report({ type: 'loading', stage: 'engine', loadedBytes: 0, totalBytes: 0 });
    await until(() => find<HTMLProgressElement>(element, 'progress').position === -1);
  });

  it('the first step says that it compiles, until figures come', async () => {
    const { element, fake } = await started();
    fake().report({ type: 'loading', stage: 'firstStep', loadedBytes: 0, totalBytes: 0 });
    await until(() => textOf(element, NOTICE).includes('Compiling the first step'));
    fake().advance(1);
    await until(() => !textOf(element, NOTICE).includes('Compiling'));
  });

  it('steps that are made again after a loss are counted, until they are made', async () => {
    const { element, fake } = await started();
    fake().advance(10);
    fake().report({ type: 'replay', stepsMade: 1200, stepsTotal: 4862, isUnderWay: true });
    await until(() => textOf(element, NOTICE).includes('making 4,862 steps again, 1,200 so far'));
    fake().report({ type: 'replay', stepsMade: 4862, stepsTotal: 4862, isUnderWay: false });
    await until(() => textOf(element, NOTICE).includes('Training.'));
  });

  it('running: step, pace, time left, digits, accuracy, charts', async () => {
    const { element, fake } = await started();
    fake().advance(400);
    await until(() => textOf(element, '.position') === 'step 400 of 20,000');
    expect(textOf(element, '.pace')).to.equal('steps/s 31.3');
    expect(textOf(element, '.left')).to.contain('11 min');
    expect(textOf(element, '[part="digits-caption"]')).to.equal('generated at step 400');
    expect(textOf(element, '.figure')).to.match(/^\d\d\.\d\d%$/);
    expect(textOf(element, '.accuracy')).to.contain('points since step 200');
    expect(textOf(element, PRIMARY)).to.equal('Pause');
    expect(isBlocked(element, STEP)).to.equal(true);
    await until(() => isPainted(find(element, '#digits')) && isPainted(find(element, '#real-digits')));
    await until(
      () => [...element.shadowRoot!.querySelectorAll<HTMLCanvasElement>('.plot canvas')].length === 2,
    );
    await until(() =>
      [...element.shadowRoot!.querySelectorAll<HTMLCanvasElement>('.plot canvas')].every(isPainted),
    );
  });

  it('an evaluation under way is told', async () => {
    const { element, fake } = await started();
    fake().report({
      type: 'metrics',
      firstStep: 1,
      steps: 1,
      values: new Float32Array(8),
      stepsPerSecond: 1,
    });
    await until(() => textOf(element, '.accuracy').includes('evaluating on the test images'));
  });

  it('paused: Step is emphasised and makes one step', async () => {
    const { element, fake } = await started();
    find(element, PRIMARY).click();
    await untilState(element, 'paused');
    expect(textOf(element, PRIMARY)).to.equal('Resume');
    expect(isBlocked(element, STEP)).to.equal(false);
    find(element, STEP).click();
    await until(() => textOf(element, NOTICE).includes('Paused at step 1.'));
    expect(fake().calls.map(([name]) => name)).to.deep.equal(['start', 'pause', 'step']);
  });

  it('finished: accuracy, duration, Save, and a way on', async () => {
    const { element, fake } = await started({ steps: '40' });
    fake().advance(40);
    await untilState(element, 'finished');
    expect(textOf(element, NOTICE)).to.match(/% on the test images after 40 steps in 1 s/);
    expect(isBlocked(element, PRIMARY)).to.equal(true);
    find(element, '[data-action="continue"]').click();
    await untilState(element, 'running');
    expect(element.steps).to.equal(80);
  });

  it('more steps in the form wake a finished run', async () => {
    const { element, fake } = await started({ steps: '2' });
    fake().advance(2);
    await untilState(element, 'finished');
    element.steps = 3;
    await element.updateComplete;
    expect(isBlocked(element, PRIMARY)).to.equal(false);
    expect(textOf(element, '[data-action="continue"]')).to.equal('Continue to 3');
  });

  it('failed: what and why in place, one button, last digits and figures kept', async () => {
    const { element, fake, fakes } = await started();
    fake().advance(200);
    fake().die({ kind: 'WorkerDied', message: 'The worker has ended without a word.' });
    await untilState(element, 'failed');
    expect(textOf(element, '[part~="banner"]')).to.contain(
      'The trainer stopped unexpectedly. The worker has ended',
    );
    expect(element.shadowRoot!.querySelectorAll('[part~="banner"] button').length).to.equal(1);
    expect(textOf(element, '.figure')).to.match(/%$/);
    await until(() => isPainted(find(element, '#digits')));
    find(element, '[part~="banner"] button').click();
    await untilState(element, 'idle');
    find(element, PRIMARY).click();
    await untilState(element, 'running');
    expect(fakes.length).to.equal(2);
  });

  it('data that cannot be had: the same button tries again', async () => {
    const { element, fakes, fake } = await started();
    fake().fail({ kind: 'DataUnavailable', message: 'train-images.gz: 404.' });
    await untilState(element, 'failed');
    expect(textOf(element, '[part~="banner"] button')).to.equal('Try again');
    find(element, '[part~="banner"] button').click();
    await untilState(element, 'running');
    expect(fakes.length).to.equal(2);
  });

  it('an error that ends nothing can be put away', async () => {
    const { element } = await mount();
    element.setAttribute('labels', '0');
    await until(() => element.shadowRoot!.querySelector('[part~="banner"]') !== null);
    find(element, '[part~="banner"] button').click();
    await element.updateComplete;
    expect(element.shadowRoot!.querySelector('[part~="banner"]')).to.equal(null);
    expect(element.error).to.equal(null);
  });

  it('without a GPU: a neutral note with the engine and the measured pace', async () => {
    const { element, fake } = await mount();
    await element.start();
    fake().report({
      type: 'engine',
      engine: 'tfjs-wasm',
      adapter: 'SIMD',
      isSoftware: false,
      reason: 'fallback',
      passedOver: [{ engine: 'tfjs-webgpu', reason: 'softwareAdapter', detail: 'swiftshader' }],
    });
    fake().advance(400);
    await until(() => textOf(element, NOTICE).includes('runs on WebAssembly'));
    expect(textOf(element, NOTICE)).to.contain('At 31.3 steps a second, 20,000 steps take about 12 min.');
    expect(element.shadowRoot!.querySelector('.is-error')).to.equal(null);
    find(element, '[part="engine"]').click();
    await element.updateComplete;
    expect(textOf(element, '[data-menu="engine"] .panel')).to.match(
      /WebGPU .*emulated in software.*swiftshader/,
    );
  });

  it('where engines were compared, the panel behind the chip has the figures of both', async () => {
    const { element, fake } = await mount();
    await element.start();
    fake().report({
      type: 'engine',
      engine: 'wasm',
      adapter: 'SIMD',
      isSoftware: false,
      reason: 'measured',
      passedOver: [],
      measured: [
        { engine: 'webgpu', stepsPerSecond: 8.26 },
        { engine: 'wasm', stepsPerSecond: 131.4 },
      ],
    });
    await until(() => textOf(element, '[part="engine"]').includes('WebAssembly'));
    find(element, '[part="engine"]').click();
    await element.updateComplete;
    const panel = textOf(element, '[data-menu="engine"] .panel');
    expect(panel).to.match(/as measured.*Measured on this machine.*WebGPU 8.26 steps a second/);
    expect(panel).to.match(/WebAssembly.* 131 steps a second/);
  });

  it('before two evaluations the time of a run is a bound, and said as one', async () => {
    const { element, fake } = await mount();
    await element.start();
    fake().report({
      type: 'engine',
      engine: 'wasm',
      adapter: 'SIMD',
      isSoftware: false,
      reason: 'fallback',
      passedOver: [],
    });
    fake().advance(1);
    await until(() => textOf(element, NOTICE).includes('steps a second'));
    expect(textOf(element, NOTICE)).to.contain('20,000 steps take over 11 min.');
  });

  it('a loaded run says when it is evaluated next, not when a run is first', async () => {
    const { element, fake } = await mount();
    await element.load(new Uint8Array([1]));
    fake().report({ type: 'state', state: 'paused', step: 450, error: null });
    await until(() => textOf(element, '.accuracy').includes('next evaluated at step 600'));
    fake().report({ type: 'state', state: 'finished', step: element.steps, error: null });
    await until(() => textOf(element, '.accuracy').includes('not evaluated since it was loaded'));
    await element.reset();
    await until(() => textOf(element, '.accuracy').includes('first evaluated after step 1'));
  });

  it('a run that is too short for an evaluation says so, before and after', async () => {
    const { element, fake } = await mount({ attributes: { recipe: 'few-labels', steps: '1' } });
    expect(textOf(element, '.accuracy .heading')).to.contain('too few steps for an evaluation');
    await element.start();
    fake().report({ type: 'state', state: 'finished', step: 1, error: null });
    await untilState(element, 'finished');
    expect(textOf(element, '.accuracy .heading')).to.contain('too few steps for an evaluation');
  });

  it('a loaded run without a digest says so', async () => {
    const { element, fake } = await mount();
    await element.load(new Uint8Array([1]));
    await until(() => textOf(element, NOTICE).includes('Paused'));
    expect(textOf(element, NOTICE)).not.to.contain('digest');
    fake().report({ type: 'note', note: 'checkpointWithoutDigest' });
    await until(() => textOf(element, NOTICE).includes('of an older build, without a digest'));
  });

  it('labels only: says that nothing is drawn', async () => {
    const { element } = await started({ recipe: 'labels-only' });
    expect(textOf(element, '.no-generator')).to.contain('No generator in this recipe');
    expect(find(element, '#digits').hidden).to.equal(true);
  });

  it('a labels-only run on the same draws stands beside the next run', async () => {
    const first = await started({ recipe: 'labels-only', seed: '4711', steps: '200' });
    first.fake().advance(200);
    first.element.remove();
    const { element, fake } = await started({ seed: '4711' });
    fake().advance(200);
    await until(() => element.shadowRoot!.querySelector('.baseline-figure') !== null);
    expect(textOf(element, '.baseline')).to.match(/Labels only \d\d\.\d\d% at step 200/);
  });

  it('every word comes from the strings', async () => {
    const { element } = await mount();
    element.strings = { words: { start: 'Los' }, states: { idle: 'Bereit' }, locale: 'de' };
    await until(() => textOf(element, PRIMARY) === 'Los');
    expect(textOf(element, '[part="state"]')).to.equal('Bereit');
    expect(textOf(element, '.position')).to.equal('step 0 of 20.000');
  });
});

const FEW = { recipe: 'few-labels', steps: '500' };

describe('a run in stages', () => {
  afterEach(unmountAll);

  const present = (element: SganTrainer): string => textOf(element, '.present-words');
  const stages = (element: SganTrainer): string[] =>
    [...element.shadowRoot!.querySelectorAll('.run-stages li p')].map((each) =>
      each.textContent.replaceAll(/\s+/g, ' ').trim(),
    );

  it('says before it begins which stages there will be', async () => {
    const { element } = await mount({ attributes: FEW });
    expect(stages(element)).to.deep.equal([
      '1. Look 0 of 200',
      '2. Spread 0 of 40',
      '3. Learn 0 of 185',
      '4. Draw 0 of 75',
    ]);
    expect(textOf(element, '.accuracy')).to.contain('first evaluated after step 201');
    expect(element.shadowRoot!.querySelector('[aria-current]')).to.equal(null);
    element.recipe = 'notebook';
    await element.updateComplete;
    expect(element.shadowRoot!.querySelector('.run-stages')).to.equal(null);
  });

  it('looks: how far it is, what it does, and a map where the labelled images lie', async () => {
    const { element, fake } = await started(FEW);
    fake().advance(120);
    fake().report(featureMapAt(120));
    await until(() => stages(element)[0]!.includes('120 of 200'));
    expect(textOf(element, '.run-stages [aria-current]')).to.equal('1. Look 120 of 200 now');
    expect(present(element)).to.contain('No label is used yet');
    expect(textOf(element, '[part="digits-caption"]')).to.equal('not trained yet');
    const canvas = find<HTMLCanvasElement>(element, '#feature-map');
    await until(() => isPainted(canvas));
    expect(canvas.getAttribute('aria-label')).to.match(
      /^Map of 500 images at step 120; .* 0: 10, .* without a label: 400\.$/,
    );
    expect(textOf(element, '.feature-map figcaption')).to.equal('Map at step 120');
  });

  it('spreads: says so while it does, then how far the labels are trusted', async () => {
    const { element, fake } = await started(FEW);
    fake().advance(200);
    await until(() => textOf(element, NOTICE).includes('Spreading the labels.'));
    expect(present(element)).to.contain('no step is made meanwhile');
    expect(stages(element)).to.deep.equal([
      '1. Look 200 of 200 done',
      '2. Spread 0 of 40 now',
      '3. Learn 0 of 185',
      '4. Draw 0 of 75',
    ]);
    fake().report(spreadAt(200));
    await until(() => !textOf(element, NOTICE).includes('Spreading the labels.'));
    expect(present(element)).to.contain(
      'Of 100 labels hidden one at a time, the others gave 96 back: all passed-on labels are used.',
    );
    const before = find<HTMLCanvasElement>(element, '#feature-map').toDataURL();
    fake().advance(20);
    fake().report(spreadAt(220, { trust: 'surest', usedShare: 0.634 }));
    await until(() => present(element).includes('the surest 63% of the passed-on labels are used'));
    fake().report(spreadAt(220, { trust: 'none', leftOut: 0, classes: new Uint8Array(1000).fill(3) }));
    await until(() => present(element).includes('no label to spare for a check: no passed-on label is used'));
    await until(() => find<HTMLCanvasElement>(element, '#feature-map').toDataURL() !== before);
  });

  it('learns: of how many images it is sure, and the map of the labels stays', async () => {
    const { element, fake } = await started(FEW);
    fake().advance(200);
    fake().report(spreadAt(200));
    fake().advance(100);
    await until(() => stages(element)[2]!.includes('60 of 185'));
    expect(present(element)).to.contain('Now it labels images itself');
    expect(present(element)).to.contain(
      'It is sure of 50% of the images that have no label; of those, 97.50% agree with the label passed on.',
    );
    expect(find(element, '#feature-map').getAttribute('aria-label')).to.contain(
      'Map of 1,000 images at step 200',
    );
    expect(textOf(element, '[part="digits-caption"]')).to.equal('generated at step 300');
    expect(textOf(element, '[part="loss-chart"] .legend')).to.match(/look .* discriminator .* generator/);
    find<HTMLDetailsElement>(element, '.evaluations').open = true;
    await until(() => element.shadowRoot!.querySelector('tbody') !== null);
    const columns = [...element.shadowRoot!.querySelectorAll('thead th')].map((each) => each.textContent);
    expect(columns).to.deep.equal([
      'Step',
      'Test',
      'Training',
      'discriminator loss',
      'generator loss',
      'Sure of',
      'Agrees with passed-on labels',
      'Time',
    ]);
    expect(textOf(element, 'tbody tr')).to.contain('80.00% 97.50%');
  });

  it('is held against labels only and against the same without GAN, with the same labels', async () => {
    for (const recipe of ['labels-only-augmented', 'few-labels-no-gan']) {
      const other = await started({ recipe, steps: '500', seed: '4712' });
      other.fake().advance(500);
      other.element.remove();
    }
    const { element, fake } = await started({ ...FEW, seed: '4712' });
    await until(() => element.shadowRoot!.querySelectorAll('.baseline-figure').length === 2);
    fake().advance(500);
    await untilState(element, 'finished');
    expect(textOf(element, '.baselines')).to.match(
      /^Labels only \d\d\.\d\d% at step 500 Without GAN \d\d\.\d\d% at step 500$/,
    );
    element.recipe = 'few-labels';
    const { element: fresh } = await mount({ attributes: { ...FEW, seed: '4713' } });
    expect(textOf(fresh, '.baselines')).to.equal(
      'Labels only Run “Labels only, distorted” to compare Without GAN Run “Few labels, no GAN” to compare',
    );
  });

  it('has both trained beside it where that is wanted, and says what they make of the same labels', async () => {
    let made = 0;
    const { element, fakes } = await mount({
      attributes: { ...FEW, seed: '4720', compare: '' },
      prepare: (fake) => {
        fake.isEager = made++ > 0;
      },
    });
    const box = find<HTMLInputElement>(element, '#compare');
    expect(box.checked).to.equal(true);
    expect(textOf(element, '.baselines')).to.equal(
      'Labels only Takes turns with this run Without GAN Takes turns with this run',
    );
    await element.start();
    fakes[0]!.advance(50);
    await until(() => textOf(element, '.baselines').includes('Without GAN Takes turns with this run'));
    fakes[0]!.advance(450);
    await untilState(element, 'finished');
    await until(() => element.shadowRoot!.querySelectorAll('.baseline-figure').length === 2);
    await until(() => /at step 300 .* at step 500$/.test(textOf(element, '.baselines')));
    expect(textOf(element, '.gain')).to.match(
      /^The images without labels bought [+-]\d+\.\d\d points, the GAN [+-]\d+\.\d\d\.$/,
    );
    box.click();
    await element.updateComplete;
    expect(element.compare).to.equal(false);
    expect(fakes.slice(1).every(({ isTerminated }) => isTerminated)).to.equal(true);
    // What they have found stays.
    expect(element.shadowRoot!.querySelectorAll('.baseline-figure').length).to.equal(2);
  });

  it('has no switch where nothing is to be compared', async () => {
    const { element } = await mount({ attributes: { recipe: 'labels-only-augmented' } });
    expect(element.shadowRoot!.querySelector('#compare')).to.equal(null);
  });

  it('has its evaluations back after a load, in figure, charts and table', async () => {
    const { element, fake } = await mount();
    await element.load(new Uint8Array([1]));
    const settings = fake().settings!;
    const heard: string[] = [];
    element.addEventListener('sgan-evaluation', () => heard.push('evaluation'));
    fake().report({
      type: 'history',
      evaluations: [1, 200, 400].map((step) => evaluationAt(step, settings)),
    });
    await until(() => /\d%/.test(textOf(element, '.figure')));
    expect(textOf(element, '.accuracy')).to.contain('points since step 200');
    expect(find(element, '#accuracy-chart').getAttribute('aria-label')).to.contain('over 3 evaluations');
    find<HTMLDetailsElement>(element, '.evaluations').open = true;
    await until(() => element.shadowRoot!.querySelectorAll('tbody tr').length === 3);
    expect(textOf(element, '.left')).to.contain('–');
    expect(heard).to.deep.equal([]);
  });
});

describe('no layout shift', () => {
  afterEach(unmountAll);

  for (const recipe of ['notebook', 'few-labels'])
    it(`the stage stays where it is from idle to finished: ${recipe}`, async () => {
      const { element, fake } = await mount({ attributes: { recipe, steps: '400' } });
      const place = (): number[] =>
        ['#digits', '#real-digits', '#accuracy-chart', '#loss-chart', 'form'].flatMap((selector) => {
          const { x, y, width, height } = find(element, selector).getBoundingClientRect();
          return [x, y + scrollY, width, height].map(Math.round);
        });
      const idle = place();
      await element.start();
      await element.updateComplete;
      expect(place(), 'started').to.deep.equal(idle);
      fake().advance(200);
      await until(() => textOf(element, '.position').includes('200'));
      expect(place(), 'running').to.deep.equal(idle);
      if (recipe === 'few-labels') {
        fake().report(spreadAt(200));
        await until(() => textOf(element, '.run-stages').includes('hidden one at a time'));
        expect(place(), 'spread').to.deep.equal(idle);
      }
      await element.pause();
      await element.updateComplete;
      expect(place(), 'paused').to.deep.equal(idle);
      await element.start();
      fake().advance(200);
      await untilState(element, 'finished');
      expect(place(), 'finished').to.deep.equal(idle);
    });
});

describe('the settings form', () => {
  afterEach(unmountAll);

  function type(element: SganTrainer, id: string, value: string): void {
    const input = find<HTMLInputElement>(element, `#${id}`);
    input.value = value;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }

  it('changes the settings of the next run', async () => {
    const { element } = await mount();
    type(element, 'labels', '1,000');
    type(element, 'generatorLr', '3e-4');
    find<HTMLInputElement>(element, '#balanced').click();
    const select = find<HTMLSelectElement>(element, '#recipe');
    select.value = 'labels-only';
    select.dispatchEvent(new Event('change'));
    expect(element.settings).to.deep.include({
      labels: 1000,
      generatorLr: 0.0003,
      balanced: true,
      recipe: 'labels-only',
    });
  });

  it('has a box for each repair of the notebook, for the recipe that has them', async () => {
    const { element } = await mount();
    const boxes = (): HTMLInputElement[] => [
      ...element.shadowRoot!.querySelectorAll<HTMLInputElement>('#repairs input'),
    ];
    expect(boxes()).to.deep.equal([]);
    const select = find<HTMLSelectElement>(element, '#recipe');
    select.value = 'notebook-repaired';
    select.dispatchEvent(new Event('change'));
    await element.updateComplete;
    expect(boxes().map(({ checked }) => checked)).to.deep.equal([true, true, true, true, true, true]);
    find<HTMLInputElement>(element, '#repair-beta1').click();
    find<HTMLInputElement>(element, '#repair-kernels').click();
    await element.updateComplete;
    expect(element.settings).to.deep.include({
      repairs: 'statistics,logsumexp,feature-matching,average',
      generatorBeta1: 0.9,
    });
    expect(boxes().map(({ checked }) => checked)).to.deep.equal([true, true, true, false, true, false]);
    find<HTMLInputElement>(element, '#repair-beta1').click();
    await element.updateComplete;
    expect(element.settings).to.deep.include({
      repairs: 'statistics,logsumexp,feature-matching,beta1,average',
      generatorBeta1: 0.5,
    });
  });

  it('says under the field what is not allowed, and changes nothing', async () => {
    const { element } = await mount();
    type(element, 'labels', '0');
    await element.updateComplete;
    const input = find<HTMLInputElement>(element, '#labels');
    expect(input.getAttribute('aria-invalid')).to.equal('true');
    expect(textOf(element, '#labels-hint')).to.equal('Takes whole numbers from 1 to 1,000,000.');
    expect(input.value).to.equal('0');
    expect(element.labels).to.equal(900);
    type(element, 'labels', '50');
    await element.updateComplete;
    expect(input.getAttribute('aria-invalid')).to.equal('false');
  });

  it('puts away what was typed where that setting is given anew, by the host or by a checkpoint', async () => {
    const { element } = await mount();
    const input = find<HTMLInputElement>(element, '#labels');
    const typeNonsense = async (): Promise<void> => {
      type(element, 'labels', 'many');
      await element.updateComplete;
      expect(input.value).to.equal('many');
    };
    await typeNonsense();
    element.labels = 500;
    await element.updateComplete;
    expect([input.value, input.getAttribute('aria-invalid')]).to.deep.equal(['500', 'false']);
    element.labels = 900;
    await element.updateComplete;
    expect(input.value).to.equal('900');
    await typeNonsense();
    await element.load(new Uint8Array([1]));
    await element.updateComplete;
    expect([input.value, input.getAttribute('aria-invalid')]).to.deep.equal(['100', 'false']);
  });

  it('says of how many images labels can be chosen as soon as the data is known, and takes no more', async () => {
    const { element, fake } = await mount({ attributes: { labels: '70000' } });
    expect(textOf(element, '#labels-hint')).to.equal('The rest goes unlabelled');
    type(element, 'labels', '900');
    await element.updateComplete;
    await element.start();
    await until(() => textOf(element, '#labels-hint') === 'Of 60,000; the rest goes unlabelled');
    type(element, 'labels', '60,001');
    await element.updateComplete;
    expect(textOf(element, '#labels-hint')).to.equal('Takes whole numbers from 1 to 60,000.');
    expect(element.labels).to.equal(900);
    element.labels = 61_000;
    type(element, 'labels', '60,000');
    await element.updateComplete;
    expect(element.labels).to.equal(60_000);
    element.labels = 61_000;
    await until(() => textOf(element, '#labels-hint') === 'Takes whole numbers from 1 to 60,000.');
    const run = runOf(fake().settings!);
    fake().report({ ...run, data: { ...run.data, trainCount: 61_000 } });
    await until(() => textOf(element, '#labels-hint') === 'Of 61,000; the rest goes unlabelled');
  });

  it('reads numbers as its language writes them, and guesses none', async () => {
    const { element } = await mount();
    type(element, 'generatorLr', '0,001');
    expect(element.settings.generatorLr).to.equal(0.001);
    type(element, 'generatorLr', '0,0005');
    expect(element.settings.generatorLr).to.equal(0.0005);
    type(element, 'steps', '30.000');
    await element.updateComplete;
    expect(element.steps).to.equal(20_000);
    expect(textOf(element, '#steps-hint')).to.equal('Can be read as 30000 or as 30; type one of these.');
    element.strings = { locale: 'de' };
    await until(() => textOf(element, '.position').includes('20.000'));
    type(element, 'steps', '30.000');
    expect(element.steps).to.equal(30_000);
    type(element, 'labels', '1,000');
    expect(element.labels).to.equal(900);
  });

  it('shows what an attribute asked for and may not have, until it is given anew', async () => {
    const { element } = await mount({ attributes: { steps: '-5', recipe: 'mine' } });
    const steps = find<HTMLInputElement>(element, '#steps');
    expect(steps.value).to.equal('-5');
    expect(steps.getAttribute('aria-invalid')).to.equal('true');
    expect(textOf(element, '#steps-hint')).to.equal('Takes whole numbers from 1 to 10,000,000.');
    expect(textOf(element, '#recipe-hint')).to.equal('There is no “mine” to choose.');
    type(element, 'steps', '20000');
    element.recipe = 'notebook';
    await element.updateComplete;
    expect(steps.value).to.equal('20000');
    expect(steps.getAttribute('aria-invalid')).to.equal('false');
    expect(textOf(element, '#recipe-hint')).to.contain('What the notebook sets out to do');
    expect(element.refused.size).to.equal(0);
  });

  it('starts nothing beside a number that is refused, says which, and puts the focus there', async () => {
    const { element, fakes } = await mount();
    const errors: string[] = [];
    element.addEventListener('sgan-error', ({ detail }) => errors.push(`${detail.kind}: ${detail.message}`));
    type(element, 'steps', 'many');
    for (const button of [PRIMARY, STEP]) {
      (element.shadowRoot!.activeElement as HTMLElement | null)?.blur();
      find(element, button).click();
      expect(element.shadowRoot!.activeElement?.id, button).to.equal('steps');
    }
    await element.updateComplete;
    expect([element.state, fakes.length]).to.deep.equal(['idle', 0]);
    const message = 'Nothing was started: Steps cannot be “many”. Takes whole numbers from 1 to 10,000,000.';
    expect(errors).to.deep.equal([`InvalidSettings: ${message}`, `InvalidSettings: ${message}`]);
    expect(textOf(element, '[part~="banner"]')).to.contain(message);
    expect(textOf(element, '[role="status"]')).to.contain(message);
    expect(find<HTMLInputElement>(element, '#steps').value).to.equal('many');
    type(element, 'steps', '30000');
    find(element, PRIMARY).click();
    await untilState(element, 'running');
    expect(element.steps).to.equal(30_000);
    expect(element.shadowRoot!.querySelector('[part~="banner"]')).to.equal(null);
  });

  it('starts nothing beside what an attribute asked for in vain, and opens what hides its field', async () => {
    const { element, fakes } = await mount({ attributes: { recipe: 'few-labels' } });
    element.settings = { generatorLr: -1, float16: 'x' as unknown as boolean };
    await element.updateComplete;
    find(element, PRIMARY).click();
    const focused = (): string | undefined => element.shadowRoot!.activeElement?.id;
    expect(focused()).to.equal('float16');
    expect(find<HTMLDetailsElement>(element, '.settings .advanced').open).to.equal(true);
    expect(element.error!.message).to.contain('cannot be “x”. There is no “x” to choose.');
    element.settings = { float16: false };
    await element.updateComplete;
    find(element, PRIMARY).click();
    expect(focused()).to.equal('generatorLr');
    expect(element.error!.message).to.contain('Generator, Learning rate cannot be “-1”. Takes numbers from');
    expect(fakes.length).to.equal(0);
  });

  it('goes on with a run beside a number that waits for the reset, but not beside a number of steps', async () => {
    const { element } = await started();
    find(element, PRIMARY).click();
    await untilState(element, 'paused');
    await element.step();
    type(element, 'labels', 'none');
    find(element, PRIMARY).click();
    await untilState(element, 'running');
    find(element, PRIMARY).click();
    await untilState(element, 'paused');
    type(element, 'steps', '20.000');
    find(element, PRIMARY).click();
    expect(element.error!.message).to.contain('Steps cannot be “20.000”. Can be read as 20000 or as 20');
    expect(element.state).to.equal('paused');
  });

  it('starts where its form is not on the page, since nobody could mend a setting there', async () => {
    const { element } = await mount({ attributes: { steps: '-5', hide: 'settings' } });
    find(element, PRIMARY).click();
    await untilState(element, 'running');
  });

  it('does not start itself beside a number that is refused in the form', async () => {
    const { element, fakes } = await mount();
    type(element, 'steps', 'many');
    element.autostart = true;
    await element.updateComplete;
    expect(fakes.length).to.equal(0);
  });

  it('says that changes wait for the reset, which applies them', async () => {
    const { element, fake } = await started();
    type(element, 'seed', '9');
    await until(() => textOf(element, '.pending').includes('apply at the next reset'));
    find(element, '.pending button').click();
    await untilState(element, 'ready');
    await until(() => textOf(element, '.pending') === '');
    expect(fake().settings!.seed).to.equal(9);
  });

  it('draws a new seed, and restores the defaults', async () => {
    const { element } = await mount({ attributes: { labels: '50' } });
    find(element, '.square').click();
    expect(element.seed).to.not.equal(1);
    find(element, '.settings .heading button').click();
    expect(element.settings).to.deep.equal(DEFAULT_SETTINGS);
  });
});

describe('menus', () => {
  afterEach(unmountAll);

  it('close at Escape with the focus on their button, and at a press outside', async () => {
    const { element } = await mount();
    const button = find(element, '[part="save-button"]');
    button.click();
    await element.updateComplete;
    find(element, '[data-kind="load"]').focus();
    find(element, '.root').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    await element.updateComplete;
    expect(element.shadowRoot!.querySelector('.panel')).to.equal(null);
    expect(element.shadowRoot!.activeElement).to.equal(button);
    button.click();
    await element.updateComplete;
    document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
    await element.updateComplete;
    expect(element.shadowRoot!.querySelector('.panel')).to.equal(null);
  });

  it('offer to save only what there is', async () => {
    const { element, fake } = await mount();
    const open = async (): Promise<boolean[]> => {
      find(element, '[part="save-button"]').click();
      await element.updateComplete;
      const kinds = ['checkpoint', 'model', 'samples', 'metrics'];
      const blocked = kinds.map((kind) => isBlocked(element, `[data-kind="${kind}"]`));
      find(element, '[part="save-button"]').click();
      await element.updateComplete;
      return blocked;
    };
    expect(await open()).to.deep.equal([true, true, true, true]);
    await element.start();
    fake().advance(1);
    expect(await open()).to.deep.equal([false, false, false, false]);
  });

  it('ask before a long run is thrown away', async () => {
    const { element, fake } = await started();
    fake().advance(200);
    find(element, RESET).click();
    await untilState(element, 'ready');
    await element.start();
    fake().advance(2000);
    find(element, RESET).click();
    await element.updateComplete;
    expect(element.state).to.equal('running');
    expect(textOf(element, '.discard')).to.contain('Discard 2,000 steps?');
    find(element, '.discard .primary').click();
    await untilState(element, 'ready');
  });
});

describe('dropping a file', () => {
  afterEach(unmountAll);

  it('stops asking for a file where that left what is no longer there', async () => {
    const { element } = await mount();
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['x'], 'run.safetensors'));
    const tell = (target: Element, type: 'dragenter' | 'dragleave'): boolean =>
      target.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, composed: true }));
    const gone = document.createElement('p');
    find(element, '.root').append(gone);
    tell(gone, 'dragenter');
    gone.remove();
    tell(element, 'dragenter');
    await element.updateComplete;
    find(element, '.drop');
    tell(element, 'dragleave');
    await element.updateComplete;
    expect(element.shadowRoot!.querySelector('.drop')).to.equal(null);
  });

  it('goes on from the checkpoint in it', async () => {
    const { element, fake } = await mount();
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array([1])], 'run.safetensors'));
    element.dispatchEvent(new DragEvent('dragenter', { dataTransfer }));
    await element.updateComplete;
    expect(textOf(element, '.drop')).to.equal('Drop a checkpoint to go on from it');
    element.dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
    await untilState(element, 'paused');
    expect(fake().calls[0]![0]).to.equal('load');
    expect(element.shadowRoot!.querySelector('.drop')).to.equal(null);
  });
});

const COLOURS = [
  [200, 30, 60],
  [10, 180, 90],
  [40, 70, 220],
];

/** Images of 12 x 20 in three colours, one after the other, as the worker makes a picture of them. */
function colourGrid(columns: number, rows: number): ImageGrid {
  const images = Array.from({ length: columns * rows }, (_, image) =>
    Array.from({ length: 12 * 20 }, () => COLOURS[image % 3]!.map((byte) => byte / 127.5 - 1)),
  );
  return toImageGrid(Float32Array.from(images.flat(2)), columns * rows, columns, [12, 20, 3]);
}

describe('the canvas of digits', () => {
  afterEach(unmountAll);

  it('shows other pixels when other images come', async () => {
    const { element, fake } = await started();
    const canvas = find<HTMLCanvasElement>(element, '#digits');
    fake().advance(1);
    await until(() => isPainted(canvas));
    const before = canvas.toDataURL();
    fake().report({ type: 'images', source: 'generated', step: 2, grid: gridAt(3, 8, 8) });
    await until(() => canvas.toDataURL() !== before);
  });

  it('shows wide images in colour in their own proportions and colours', async () => {
    const { element, fake } = await started();
    const sheet = find(element, '[part="digits"]');
    const isSquare = (): boolean => Math.abs(sheet.clientWidth - sheet.clientHeight) <= 1;
    await until(isSquare);
    fake().report({ type: 'images', source: 'generated', step: 2, grid: colourGrid(8, 8) });
    fake().report({ type: 'images', source: 'real', step: 0, grid: colourGrid(8, 1) });
    for (const [selector, rows] of [
      ['#digits', 8],
      ['#real-digits', 1],
    ] as const) {
      const canvas = find<HTMLCanvasElement>(element, selector);
      await until(() => canvas.clientHeight > 0 && !isSquare() && canvas.width > canvas.height);
      const { width, height } = canvas;
      const gaps = 8 * Math.ceil(devicePixelRatio);
      expect(height).to.be.closeTo((width * 12 * rows) / (20 * 8), gaps);
      // Shown as it is painted: not stretched to a square.
      expect(canvas.clientHeight).to.be.closeTo((canvas.clientWidth * height) / width, 1.5);
      const pixelOf = (x: number, y: number): number[] => {
        const place = [Math.round(((x + 0.5) * width) / 8), Math.round(((y + 0.5) * height) / rows)] as const;
        return [...canvas.getContext('2d')!.getImageData(...place, 1, 1).data];
      };
      expect(pixelOf(0, 0)).to.deep.equal([...COLOURS[0]!, 255]);
      expect(pixelOf(1, 0)).to.deep.equal([...COLOURS[1]!, 255]);
      expect(pixelOf(7, rows - 1)).to.deep.equal([...COLOURS[(8 * rows - 1) % 3]!, 255]);
    }
  });

  it('saves them as a picture of their own proportions and colours', async () => {
    const grid = colourGrid(8, 8);
    const bitmap = await createImageBitmap(new Blob([picturePng(grid)], { type: 'image/png' }));
    expect([bitmap.width, bitmap.height]).to.deep.equal([8 * 20 * 6, 8 * 12 * 6]);
    const canvas = Object.assign(document.createElement('canvas'), { width: 960, height: 576 });
    const context = canvas.getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    for (const [image, [x, y]] of [
      [0, [0, 0]],
      [1, [120, 0]],
      [8, [0, 72]],
      [63, [959, 575]],
    ] as const) {
      expect([...context.getImageData(x, y, 1, 1).data]).to.deep.equal([...COLOURS[image % 3]!, 255]);
    }
  });
});

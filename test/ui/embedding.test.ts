/** What a host does with the element: sections shown, hidden and replaced, starts and pauses by scrolling. */

import type { ErrorInfo } from '../../src/protocol/errors.js';
import { expect, waitUntil } from '@open-wc/testing';
import { defineElement } from '../../src/ui/element/define-element.js';
import { SECTIONS } from '../../src/ui/element/sections.js';
import { find, mount as mountAny, unmountAll, type Mounted } from './support/mount.js';

/** What of each section can be seen, by the name of its slot. */
const MARKS: Readonly<Record<(typeof SECTIONS)[number], string>> = {
  'status-bar': '[part="status-bar"]',
  notice: '[part~="notice"]',
  stages: '[part="stages"]',
  digits: '[part="digits"]',
  'real-digits': '[part="real-digits"]',
  accuracy: '[part="accuracy"]',
  charts: '[part="accuracy-chart"]',
  evaluations: '[part="evaluations"]',
  settings: '[part="settings"]',
};

/** An element whose recipe has something to show in each section. */
function mount({ attributes, ...options }: Parameters<typeof mountAny>[0] = {}): Promise<Mounted> {
  return mountAny({ ...options, attributes: { recipe: 'few-labels', ...attributes } });
}

function visibleSections({ element }: Mounted): string[] {
  return SECTIONS.filter((name) => {
    const { width, height } = find(element, MARKS[name]).getBoundingClientRect();
    return width > 0 && height > 0;
  });
}

/** A tall place above, so that what is mounted after it is out of view. */
function placeBelow(): HTMLElement {
  const below = document.createElement('div');
  below.style.paddingTop = '5000px';
  document.body.append(below);
  return below;
}

describe('the element in the hands of a host', () => {
  afterEach(() => {
    unmountAll();
    document.body.replaceChildren();
    scrollTo(0, 0);
  });

  it('shows all its sections where nothing else is asked for', async () => {
    expect(visibleSections(await mount())).to.deep.equal([...SECTIONS]);
  });

  for (const name of SECTIONS) {
    it(`shows "${name}" alone`, async () => {
      expect(visibleSections(await mount({ attributes: { show: name } }))).to.deep.equal([name]);
    });

    it(`hides "${name}" alone`, async () => {
      const others = SECTIONS.filter((other) => other !== name);
      expect(visibleSections(await mount({ attributes: { hide: name } }))).to.deep.equal(others);
    });

    it(`takes what a host puts into the slot "${name}" in its place`, async () => {
      const mounted = await mount();
      const own = document.createElement('p');
      own.slot = name;
      own.textContent = 'The host’s own';
      mounted.element.append(own);
      await mounted.element.updateComplete;
      expect(own.getBoundingClientRect().height).to.be.greaterThan(0);
      expect(visibleSections(mounted)).to.deep.equal(SECTIONS.filter((other) => other !== name));
      mounted.element.hide = name;
      await mounted.element.updateComplete;
      expect(own.getBoundingClientRect().height).to.equal(0);
    });
  }

  it('shows what "show" names without what "hide" names', async () => {
    const mounted = await mount({ attributes: { show: 'digits, accuracy charts', hide: 'charts' } });
    expect(visibleSections(mounted)).to.deep.equal(['digits', 'accuracy']);
    mounted.element.show = null;
    mounted.element.removeAttribute('hide');
    await mounted.element.updateComplete;
    expect(visibleSections(mounted)).to.deep.equal([...SECTIONS]);
  });

  it('gives the digits the whole width where they are alone', async () => {
    const mounted = await mount({ attributes: { show: 'digits' } });
    const { width } = find(mounted.element, '[part="digits"]').getBoundingClientRect();
    expect(width).to.be.closeTo(mounted.element.getBoundingClientRect().width, 1);
  });

  it('names a section that there is none of, and starts all the same', async () => {
    const mounted = await mount({ attributes: { show: 'digits chart' } });
    await waitUntil(() => mounted.element.error !== null);
    expect(mounted.element.error?.message).to.match(/^"show" names "chart"; allowed: status-bar, notice/);
    expect(visibleSections(mounted)).to.deep.equal(['digits']);
  });

  it('with autostart="visible" starts when it is scrolled into view, not before', async () => {
    const mounted = await mount({ parent: placeBelow(), attributes: { autostart: 'visible' } });
    // The observer tells of what it watches with the next frame.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    expect(mounted.fakes).to.have.length(0);
    mounted.element.scrollIntoView();
    await waitUntil(() => mounted.fakes.length === 1);
    expect(mounted.fake().calls.map(([command]) => command)).to.deep.equal(['start']);
  });

  it('with autostart="visible" starts at once where it is in view', async () => {
    const mounted = await mount({ attributes: { autostart: 'visible' } });
    await waitUntil(() => mounted.fakes.length === 1);
  });

  it('with pause-offscreen rests while it is out of view, and goes on when it is back', async () => {
    const mounted = await mount({ attributes: { 'pause-offscreen': '' } });
    const commands = (): string[] => mounted.fake().calls.map(([command]) => command);
    await mounted.element.start();
    placeBelow();
    scrollTo(0, document.documentElement.scrollHeight);
    await waitUntil(() => commands().includes('pause'));
    scrollTo(0, 0);
    await waitUntil(() => commands().length === 3);
    expect(commands()).to.deep.equal(['start', 'pause', 'start']);
  });

  it('with pause-offscreen stays paused where a person has paused it', async () => {
    const mounted = await mount({ attributes: { 'pause-offscreen': '' } });
    const commands = (): string[] => mounted.fake().calls.map(([command]) => command);
    await mounted.element.start();
    await mounted.element.pause();
    placeBelow();
    scrollTo(0, document.documentElement.scrollHeight);
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    scrollTo(0, 0);
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    expect(commands()).to.deep.equal(['start', 'pause']);
  });

  it('with pause-offscreen does nothing by itself after a run that ended out of view, or with the element', async () => {
    const frames = (): Promise<unknown> =>
      new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const errors: string[] = [];
    const listen = (event: Event): void => void errors.push((event as CustomEvent<ErrorInfo>).detail.message);
    for (const ends of ['finished', 'removed'] as const) {
      const mounted = await mount({ attributes: { 'pause-offscreen': '' } });
      const { element, fakes } = mounted;
      element.addEventListener('sgan-error', listen);
      await element.start();
      placeBelow();
      scrollTo(0, document.documentElement.scrollHeight);
      await waitUntil(() => fakes[0]!.calls.some(([command]) => command === 'pause'));
      const { settings } = fakes[0]!;
      // The last step was made before the worker heard of the pause.
      if (ends === 'finished') {
        fakes[0]!.report({ type: 'state', state: 'finished', step: settings!.steps, error: null });
      } else {
        element.remove();
        await waitUntil(() => element.state === 'idle');
        document.body.prepend(element);
      }
      scrollTo(0, 0);
      await frames();
      await frames();
      expect(fakes.flatMap(({ calls }) => calls.map(([command]) => command))).to.deep.equal([
        'start',
        'pause',
      ]);
      element.remove();
    }
    expect(errors).to.deep.equal([]);
  });

  it('says once that a second version on the page is not used', () => {
    const { warn } = console;
    const told: string[] = [];
    console.warn = (text: string) => told.push(text);
    try {
      const other = (version: string): CustomElementConstructor & { readonly version: string } =>
        class extends HTMLElement {
          static readonly version = version;
        };
      defineElement('sgan-trainer', other('9.0.0'));
      defineElement('sgan-trainer', other('9.1.0'));
      defineElement('sgan-trainer', customElements.get('sgan-trainer')!);
    } finally {
      console.warn = warn;
    }
    expect(told).to.have.length(1);
    expect(told[0]).to.match(
      /^<sgan-trainer> is defined already, by sgan-trainer \d.*; sgan-trainer 9\.0\.0 on this page is not used/,
    );
  });
});

/** The element in a document that is not the script's: a frame's, one without a window, and back. */

import { expect } from '@open-wc/testing';
import { spreadAt } from './support/fake-trainer.js';
import { create, find, mount, unmountAll } from './support/mount.js';
import type { SganTrainerElement as SganTrainer } from '../../src/ui/trainer-element.js';

const frames: HTMLIFrameElement[] = [];

async function openFrame(): Promise<Document> {
  const frame = document.createElement('iframe');
  frame.srcdoc = '<!doctype html><title>Another document</title>';
  const loaded = new Promise((resolve) => frame.addEventListener('load', resolve));
  document.body.append(frame);
  frames.push(frame);
  await loaded;
  return frame.contentDocument!;
}

/** Whether the element's own rules apply. */
function isStyled(element: SganTrainer): boolean {
  const root = find(element, '.root');
  return root.ownerDocument.defaultView!.getComputedStyle(root).containerType === 'inline-size';
}

describe('in another document', () => {
  afterEach(() => {
    unmountAll();
    for (const frame of frames.splice(0)) frame.remove();
  });

  it('an element keeps its styles, there and back', async () => {
    const { element } = await mount();
    expect(isStyled(element)).to.equal(true);
    const other = await openFrame();
    other.body.append(element);
    await element.updateComplete;
    expect(isStyled(element)).to.equal(true);
    document.body.append(element);
    expect(isStyled(element)).to.equal(true);
  });

  it('one that was never shown before has them, and two share their sheets', async () => {
    const other = await openFrame();
    const [first, second] = [create().element, create().element];
    other.body.append(first, second);
    await Promise.all([first.updateComplete, second.updateComplete]);
    expect([isStyled(first), isStyled(second)]).to.deep.equal([true, true]);
    expect(first.shadowRoot!.adoptedStyleSheets).to.deep.equal(second.shadowRoot!.adoptedStyleSheets);
  });

  it('one that went through a document without a window has them once', async () => {
    const { element } = await mount();
    const parsed = document.implementation.createHTMLDocument();
    parsed.body.append(element);
    expect(element.shadowRoot!.querySelectorAll('style').length).to.be.greaterThan(0);
    const other = await openFrame();
    other.body.append(element);
    await element.updateComplete;
    expect(isStyled(element)).to.equal(true);
    expect(element.shadowRoot!.querySelectorAll('style').length).to.equal(0);
  });

  it('one that is first shown without a window renders once it has one', async () => {
    const { element } = create();
    document.implementation.createHTMLDocument().body.append(element);
    const other = await openFrame();
    other.body.append(element);
    await element.updateComplete;
    expect(isStyled(element)).to.equal(true);
  });

  it('a panel closes at a press outside of the element', async () => {
    const { element } = await mount();
    const other = await openFrame();
    other.body.append(element);
    find(element, '[part="engine"]').click();
    await element.updateComplete;
    find(element, '.panel');
    other.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
    await element.updateComplete;
    expect(element.shadowRoot!.querySelector('.panel')).to.equal(null);
  });

  it('a panel closes where the focus goes to what that document made', async () => {
    const { element } = await mount();
    const other = await openFrame();
    other.body.innerHTML = '<button type="button">Another</button>';
    other.body.append(element);
    find(element, '[part="engine"]').click();
    await element.updateComplete;
    const relatedTarget = other.querySelector('button')!;
    find(element, '[part="engine"]').dispatchEvent(
      new FocusEvent('focusout', { bubbles: true, composed: true, relatedTarget }),
    );
    await element.updateComplete;
    expect(element.shadowRoot!.querySelector('.panel')).to.equal(null);
  });

  it('a map follows its size though nothing is told of the run any more', async () => {
    const { element, fake } = await mount({ attributes: { recipe: 'few-labels', steps: '500' } });
    await element.start();
    fake().advance(50);
    fake().report(spreadAt(50));
    await element.pause();
    await element.updateComplete;
    const canvas = find<HTMLCanvasElement>(element, '#feature-map');
    const untilWide = async (cssPixels: number): Promise<void> => {
      find(element, '.feature-map').style.width = `${cssPixels}px`;
      for (let frame = 0; frame < 100 && canvas.width !== cssPixels * devicePixelRatio; frame++) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      expect(canvas.width).to.equal(cssPixels * devicePixelRatio);
    };
    await untilWide(100);
    document.body.prepend(element);
    await untilWide(60);
  });

  it('trains, with addresses relative to that document', async () => {
    const { element, fake } = await mount();
    const other = await openFrame();
    const base = other.createElement('base');
    base.href = 'https://example.org/course/';
    other.head.append(base);
    other.body.append(element);
    expect(await element.start()).to.equal('running');
    expect(fake().options.baseUrl).to.equal('https://example.org/course/');
  });
});

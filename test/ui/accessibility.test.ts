/** The element without eyes or mouse: axe, names, keyboard, what is spoken, tables for charts. */

import { expect } from '@open-wc/testing';
import axe from 'axe-core';
import type { SganTrainerElement as SganTrainer } from '../../src/ui/trainer-element.js';
import { spreadAt } from './support/fake-trainer.js';
import { find, mount, textOf, unmountAll, until, untilState, type Mounted } from './support/mount.js';

/** What axe finds wrong in an element, as lines that a person can act on. */
async function violationsOf(element: SganTrainer): Promise<string[]> {
  const { violations } = await axe.run(element, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    // Rules about a whole page, which the test's page is not.
    rules: { region: { enabled: false }, 'page-has-heading-one': { enabled: false } },
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`),
  );
}

type Walk = (mounted: Mounted) => Promise<void>;

const STATES: Readonly<Record<string, Walk>> = {
  idle: async () => undefined,
  loading: async ({ element }) => {
    void element.start().catch(() => undefined);
    await untilState(element, 'loading');
  },
  running: async ({ element, fake }) => {
    await element.start();
    fake().advance(400);
    await until(() => textOf(element, '.position').includes('400'));
  },
  'paused, with everything open': async ({ element, fake }) => {
    await element.start();
    fake().advance(400);
    await element.pause();
    for (const details of element.shadowRoot!.querySelectorAll('details')) details.open = true;
    find(element, '[part="save-button"]').click();
    await until(() => element.shadowRoot!.querySelector('tbody') !== null);
  },
  'with the engine explained': async ({ element }) => {
    await element.start();
    find(element, '[part="engine"]').click();
    await element.updateComplete;
  },
  finished: async ({ element, fake }) => {
    element.steps = 40;
    await element.start();
    fake().advance(40);
    await untilState(element, 'finished');
  },
  failed: async ({ element, fake }) => {
    await element.start();
    fake().die({ kind: 'WorkerDied', message: 'The worker has ended without a word.' });
    await untilState(element, 'failed');
  },
  'labels only': async ({ element }) => {
    element.recipe = 'labels-only';
    await element.updateComplete;
  },
  'in stages, while labels are spread': async ({ element, fake }) => {
    element.recipe = 'few-labels';
    element.steps = 500;
    await element.start();
    fake().advance(200);
    await until(() => textOf(element, '.notice').includes('Spreading'));
  },
  'in stages, learning': async ({ element, fake }) => {
    element.recipe = 'few-labels';
    element.steps = 500;
    await element.start();
    fake().advance(200);
    fake().report(spreadAt(200));
    fake().advance(100);
    await until(() => textOf(element, '.run-stages').includes('60 of 185'));
  },
  'a wrong setting': async ({ element }) => {
    const input = find<HTMLInputElement>(element, '#labels');
    input.value = 'many';
    input.dispatchEvent(new Event('change'));
    await element.updateComplete;
  },
};

describe('axe finds nothing', () => {
  for (const scheme of ['light', 'dark'] as const) {
    describe(`in the ${scheme} scheme`, () => {
      beforeEach(() => {
        document.documentElement.style.colorScheme = scheme;
        document.documentElement.style.background = 'Canvas';
      });
      afterEach(() => {
        document.documentElement.removeAttribute('style');
        unmountAll();
      });
      for (const [state, walk] of Object.entries(STATES)) {
        it(state, async () => {
          const mounted = await mount({ prepare: (fake) => (fake.isSlow = state === 'loading') });
          await walk(mounted);
          expect(await violationsOf(mounted.element)).to.deep.equal([]);
        });
      }
    });
  }

  it('and would find a planted defect', async () => {
    const { element } = await mount();
    find(element, '#digits').removeAttribute('aria-label');
    const violations = await violationsOf(element);
    unmountAll();
    expect(violations.join()).to.contain('role-img-alt');
  });
});

describe('the keyboard', () => {
  afterEach(unmountAll);

  it('reaches every control in the order of the screen', async () => {
    const { element } = await mount();
    const reachable = [
      ...element.shadowRoot!.querySelectorAll<HTMLElement>('button, select, input, summary, [tabindex]'),
    ]
      .filter((control) => control.tabIndex >= 0 && control.checkVisibility())
      .map((control) => control.getAttribute('part') ?? control.id ?? control.localName);
    expect(reachable.slice(0, 5)).to.deep.equal([
      'primary-button',
      'step-button',
      'reset-button',
      'engine',
      'save-button',
    ]);
    expect(reachable).to.include.members(['recipe', 'labels', 'seed', 'steps']);
  });

  it('keeps the focus on the primary button while its meaning changes', async () => {
    const { element } = await mount();
    const button = find(element, '[part="primary-button"]');
    button.focus();
    button.click();
    await untilState(element, 'running');
    expect(element.shadowRoot!.activeElement).to.equal(button);
    button.click();
    await untilState(element, 'paused');
    expect(element.shadowRoot!.activeElement).to.equal(button);
    expect(button.textContent).to.contain('Resume');
  });

  it('keeps the focus on Step while a step is made', async () => {
    const { element } = await mount();
    const button = find(element, '[part="step-button"]');
    button.focus();
    button.click();
    await untilState(element, 'paused');
    expect(element.shadowRoot!.activeElement).to.equal(button);
  });
});

describe('what is spoken', () => {
  afterEach(unmountAll);

  const spoken = (element: SganTrainer): string => textOf(element, '[role="status"]');

  it('states, failures with their reason, the end with its figure', async () => {
    const { element, fake } = await mount({ attributes: { steps: '40' } });
    await element.start();
    await element.updateComplete;
    expect(spoken(element)).to.equal('Running.');
    fake().advance(40);
    await untilState(element, 'finished');
    expect(spoken(element)).to.match(/^Finished after 40 steps: test accuracy \d/);
    fake().fail({ kind: 'DeviceLost', message: 'The driver was reset.' });
    await untilState(element, 'failed');
    expect(spoken(element)).to.equal('The GPU was lost. The driver was reset.');
  });

  it('not every evaluation of a fast engine', async () => {
    const { element, fake } = await mount({ attributes: { steps: '2000' } });
    await element.start();
    await element.updateComplete;
    for (let round = 0; round < 5; round++) fake().advance(200);
    await element.updateComplete;
    expect(spoken(element)).to.equal('Running.');
  });
});

describe('the charts in words', () => {
  afterEach(unmountAll);

  it('have a summary each, and the evaluations as a table, newest first', async () => {
    const { element, fake } = await mount({ attributes: { steps: '400' } });
    await element.start();
    fake().advance(400);
    await untilState(element, 'finished');
    expect(find(element, '#accuracy-chart').getAttribute('aria-label')).to.match(
      /^Test accuracy over 3 evaluations: .* at step 1, .* at step 400, best .* at step \d+\.$/,
    );
    expect(find(element, '#loss-chart').getAttribute('aria-label')).to.match(/^Losses at step 400/);
    find<HTMLDetailsElement>(element, '.evaluations').open = true;
    await until(() => element.shadowRoot!.querySelectorAll('tbody tr').length === 3);
    expect(textOf(element, 'tbody tr th')).to.equal('400');
  });

  it('follow the cross-hair in their legends', async () => {
    const { element, fake } = await mount({ attributes: { steps: '400' } });
    await element.start();
    fake().advance(400);
    await until(() => element.shadowRoot!.querySelector('#loss-chart .u-over') !== null);
    await until(() => textOf(element, '.position').includes('400'));
    const over = find(element, '#loss-chart .u-over');
    const { left, top, width } = over.getBoundingClientRect();
    const position = { clientX: left + width / 2, clientY: top + 10, bubbles: true };
    over.dispatchEvent(new MouseEvent('mouseenter', position));
    over.dispatchEvent(new MouseEvent('mousemove', position));
    await until(() => /^step 20\d$|^step 19\d$/.test(textOf(element, '.at')));
    over.dispatchEvent(new MouseEvent('mouseleave', position));
    await until(() => textOf(element, '.at') === '');
  });
});

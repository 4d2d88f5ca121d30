/** Puts `<sgan-trainer>` on fake trainers into the test's page, and finds what is on it. */

import '../../../src/ui/define.js';
import type { SganTrainerElement as SganTrainer } from '../../../src/ui/trainer-element.js';
import type { SganTrainerEventMap } from '../../../src/ui/element/events.js';
import type { TrainerState } from '../../../src/protocol/reports.js';
import { FakeTrainer } from './fake-trainer.js';

export interface Mounted {
  readonly element: SganTrainer;
  /** Every trainer that the element made, in order. */
  readonly fakes: FakeTrainer[];
  /** The newest of them. */
  readonly fake: () => FakeTrainer;
}

interface MountOptions {
  /** The recipe is the notebook's unless one is given; an empty one is the default. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Where the element is put; default: the body. */
  readonly parent?: ParentNode & Node;
  /** Called with each trainer before its first command. */
  readonly prepare?: (fake: FakeTrainer) => void;
}

const mounted = new Set<SganTrainer>();

/** An element on fakes that is nowhere yet. */
export function create({
  attributes = {},
  prepare = () => undefined,
}: Omit<MountOptions, 'parent'> = {}): Mounted {
  const fakes: FakeTrainer[] = [];
  const element = document.createElement('sgan-trainer');
  element.clientFactory = (options) => {
    const fake = new FakeTrainer(options);
    prepare(fake);
    fakes.push(fake);
    return fake;
  };
  const all = { recipe: 'notebook', ...attributes };
  for (const [name, value] of Object.entries(all)) element.setAttribute(name, value);
  mounted.add(element);
  return { element, fakes, fake: () => fakes.at(-1)! };
}

export async function mount({ parent = document.body, ...options }: MountOptions = {}): Promise<Mounted> {
  const result = create(options);
  parent.append(result.element);
  await result.element.updateComplete;
  return result;
}

/** Takes every element away again; for `afterEach`. */
export function unmountAll(): void {
  for (const element of mounted) element.remove();
  mounted.clear();
}

/** What stands under a selector in the element's shadow root. Throws where nothing does. */
export function find<Found extends Element = HTMLElement>(
  { shadowRoot }: SganTrainer,
  selector: string,
): Found {
  const found = shadowRoot!.querySelector<Found>(selector);
  if (found === null) throw new Error(`There is no ${selector} in the element.`);
  return found;
}

/** The visible text under a selector, white space as one reads it. */
export function textOf(element: SganTrainer, selector: string): string {
  return find(element, selector).textContent.replaceAll(/\s+/g, ' ').trim();
}

/** The next event of a type, once it comes. */
export function nextEvent<Type extends keyof SganTrainerEventMap>(
  target: EventTarget,
  type: Type,
): Promise<SganTrainerEventMap[Type]> {
  return new Promise((resolve) => {
    target.addEventListener(type, (event) => resolve(event as SganTrainerEventMap[Type]), { once: true });
  });
}

/** Resolves when the element is in a state. */
export async function untilState(element: SganTrainer, state: TrainerState): Promise<void> {
  while (element.state !== state) await nextEvent(element, 'sgan-state');
  await element.updateComplete;
}

/** Resolves at the first frame in which something holds; figures are rendered a few times a second. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => requestAnimationFrame(resolve));
}

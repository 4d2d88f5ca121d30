/**
 * Checks of a page and the element in it that need no library: names of controls, headings, landmarks, references,
 * focus, and contrast of text. `findFaults` runs in the page and sees nothing but itself.
 */

/**
 * Faults of the page in words, none for a sound one. What is open under `first`, a selector, is given the focus before
 * all else: it may close when the focus leaves it.
 */
export function findFaults(first = null) {
  const LEAST_CONTRAST = 4.5;
  const LEAST_CONTRAST_LARGE = 3;
  const LARGE_PX = 24;
  const LARGE_BOLD_PX = 18.66;
  const CONTROLS =
    'button, input:not([type="hidden"]), select, textarea, summary, a[href], [role="button"], [role="menuitem"], [role="switch"]';
  const faults = [];

  const roots = [document];
  for (let index = 0; index < roots.length; index++) {
    for (const element of roots[index].querySelectorAll('*')) {
      if (element.shadowRoot !== null) roots.push(element.shadowRoot);
    }
  }
  const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);

  /** Not so what lies in closed details. */
  function isVisible(element) {
    return element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  }
  function words(element) {
    const part = element.getAttribute('part');
    return `<${element.localName}${element.id ? ` id="${element.id}"` : ''}${part === null ? '' : ` part="${part}"`}>`;
  }
  const textOf = (element) => (element?.textContent ?? '').trim();

  function nameOf(element) {
    const root = element.getRootNode();
    const labelled = (element.getAttribute('aria-labelledby') ?? '')
      .split(/\s+/)
      .filter((id) => id !== '')
      .map((id) => textOf(root.getElementById(id)));
    const labels = [...(element.labels ?? [])].map(textOf);
    const own =
      ['BUTTON', 'SUMMARY', 'A'].includes(element.tagName) || element.hasAttribute('role')
        ? textOf(element)
        : '';
    const named = [
      ...labelled,
      element.getAttribute('aria-label') ?? '',
      ...labels,
      own,
      element.title ?? '',
    ];
    return named.map((name) => name.trim()).find((name) => name !== '') ?? '';
  }

  if ((document.documentElement.lang ?? '') === '') faults.push('the page has no language');
  if (document.title.trim() === '') faults.push('the page has no title');
  const firstHeadings = all('h1').filter(isVisible);
  if (firstHeadings.length !== 1)
    faults.push(`there are ${firstHeadings.length} headings of the first level`);
  if (all('main, [role="main"]').length !== 1) faults.push('there is not one main landmark');
  let level = 0;
  for (const heading of all('h1, h2, h3, h4, h5, h6').filter(isVisible)) {
    const own = Number(heading.localName[1]);
    if (own > level + 1)
      faults.push(`${words(heading)} "${textOf(heading)}" follows a heading of level ${level}`);
    level = own;
  }
  if (all('[aria-live], [role="status"], [role="alert"]').length === 0)
    faults.push('nothing announces what happens');

  const controls = all(CONTROLS).filter(isVisible);
  for (const control of controls) {
    if (nameOf(control) === '') faults.push(`${words(control)} has no name`);
    if (control.tabIndex > 0) faults.push(`${words(control)} has the tab index ${control.tabIndex}`);
  }
  const isFirst = (control) => first !== null && control.closest(first) !== null;
  for (const control of [...controls].sort((a, b) => isFirst(b) - isFirst(a))) {
    if (control.disabled || control.closest('[inert]') !== null) continue;
    control.focus({ preventScroll: true });
    if (control.getRootNode().activeElement !== control) faults.push(`${words(control)} cannot be focused`);
  }

  for (const image of all('img, canvas, svg').filter(isVisible)) {
    const isHidden = image.closest('[aria-hidden="true"], [role="presentation"]') !== null;
    const hasName = nameOf(image) !== '' || (image.getAttribute('alt') ?? '') !== '';
    const isInside = image.parentElement?.closest('[role="img"], button, label, summary, h1') ?? null;
    if (!isHidden && !hasName && isInside === null)
      faults.push(`${words(image)} has no name and is not hidden`);
  }
  for (const hidden of all('[aria-hidden="true"]')) {
    const inside = [hidden, ...hidden.querySelectorAll(CONTROLS)].filter(
      (element) => element.matches(CONTROLS) && isVisible(element) && element.tabIndex >= 0,
    );
    for (const control of inside) faults.push(`${words(control)} is hidden from readers and can be focused`);
  }
  for (const root of roots) {
    const ids = [...root.querySelectorAll('[id]')].map(({ id }) => id);
    for (const id of new Set(ids.filter((one, index) => ids.indexOf(one) !== index)))
      faults.push(`the id ${id} comes twice`);
    for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for']) {
      for (const element of root.querySelectorAll(`[${attribute}]`)) {
        for (const id of element.getAttribute(attribute).split(/\s+/)) {
          // What is controlled may be there only while it is open.
          if (attribute === 'aria-controls' && element.getAttribute('aria-expanded') === 'false') continue;
          if (id !== '' && root.getElementById(id) === null)
            faults.push(`${words(element)}: ${attribute} leads to no ${id}`);
        }
      }
    }
  }

  const pixel = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const context = pixel.getContext('2d', { willReadFrequently: true });
  /** A colour of any notation as red, green, blue and alpha. */
  function rgba(colour) {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }
  const over = (top, bottom) => [0, 1, 2].map((index) => top[index] * top[3] + bottom[index] * (1 - top[3]));
  function luminance(colour) {
    const [red, green, blue] = colour.map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }
  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }
  const parentOf = (element) =>
    element.assignedSlot ?? element.parentElement ?? element.getRootNode().host ?? null;
  /** Null where a picture lies behind. */
  function backgroundOf(element) {
    const layers = [];
    for (let behind = element; behind !== null; behind = parentOf(behind)) {
      const { backgroundColor, backgroundImage } = getComputedStyle(behind);
      if (backgroundImage !== 'none') return null;
      const layer = rgba(backgroundColor);
      layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255]);
  }
  for (const element of all('*').filter(isVisible)) {
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && /[\p{L}\p{N}]/u.test(node.data),
    );
    // Text of controls that are off need not be read.
    if (!hasText || element.closest('svg, :disabled, [aria-disabled="true"], [hidden]') !== null) continue;
    const { color, fontSize, fontWeight, clipPath, opacity } = getComputedStyle(element);
    const { width, height } = element.getBoundingClientRect();
    if (width <= 1 || height <= 1 || clipPath !== 'none' || opacity !== '1') continue;
    const background = backgroundOf(element);
    if (background === null) continue;
    const size = Number.parseFloat(fontSize);
    const isLarge = size >= LARGE_PX || (size >= LARGE_BOLD_PX && Number(fontWeight) >= 700);
    const ratio = contrast(over(rgba(color), background), background);
    if (ratio < (isLarge ? LEAST_CONTRAST_LARGE : LEAST_CONTRAST)) {
      faults.push(
        `${words(element)} "${textOf(element).slice(0, 40)}" has a contrast of ${ratio.toFixed(2)}`,
      );
    }
  }
  return faults;
}

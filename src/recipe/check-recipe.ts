/**
 * Whether a recipe can be computed, on every engine: asked when it is built, so that nothing is found
 * out in the middle of a run. What is refused is named, with the reason.
 */

import { layerShapes, layersUntil, outputShapeOf, sizeOf, type Network } from './layers.js';
import { metricNames } from './metrics.js';
import {
  entryOf,
  groupOf,
  hasLabels,
  inStage,
  passNamed,
  tappedPasses,
  type DataShape,
  type Pass,
  type Phase,
  type Recipe,
  type RowGroup,
  type StageRecipe,
  type Term,
  type Update,
  type WarpView,
} from './recipe.js';

/** A recipe that no engine can compute; the message names the recipe, the part and the reason. */
export class RecipeError extends Error {
  constructor(recipe: string, what: string, options?: ErrorOptions) {
    super(`The recipe "${recipe}" cannot be computed: ${what}.`, options);
    this.name = 'RecipeError';
  }
}

type Refuse = (what: string) => never;

function shapeText(shape: readonly number[]): string {
  return shape.join(' x ');
}

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, index) => size === b[index]);
}

function checkUnique(names: readonly string[], what: string, refuse: Refuse): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) refuse(`${what} "${twice}" appears twice`);
}

function isLinear(kind: Network['layers'][number]['kind']): boolean {
  return kind === 'conv2d' || kind === 'conv2dTranspose' || kind === 'dense';
}

/** Layers come in an order that fuses: a linear layer, perhaps a norm, then at most one activation. */
function checkLayers(network: Network, refuse: Refuse): void {
  const inNetwork = (layer: string, why: string): never =>
    refuse(`layer "${layer}" of the network "${network.name}" ${why}`);
  checkUnique(
    network.layers.map(({ name }) => name),
    `in the network "${network.name}" the layer`,
    refuse,
  );
  try {
    layerShapes(network);
  } catch (error) {
    refuse(
      `the network "${network.name}" has shapes that do not fit: ${(error as Error).message.replace(/\.$/, '')}`,
    );
  }
  let hasLinear = false;
  let hasNorm = false;
  let followsPointwise = false;
  let activation: string | null = null;
  for (const layer of network.layers) {
    switch (layer.kind) {
      case 'conv2d':
      case 'conv2dTranspose':
      case 'dense':
        hasLinear = true;
        hasNorm = false;
        followsPointwise = false;
        activation = null;
        break;
      case 'gaussianNoise':
        if (hasLinear) inNetwork(layer.name, 'is noise, which is added to the input of a network only');
        if (!(layer.deviation >= 0 && Number.isFinite(layer.deviation))) {
          inNetwork(layer.name, `has a deviation of ${layer.deviation}; allowed is 0 or more`);
        }
        if (layer !== network.layers[0]) inNetwork(layer.name, 'is noise, but not the first layer');
        break;
      case 'batchNorm':
      case 'groupNorm':
        if (!hasLinear) inNetwork(layer.name, 'stands before the first convolution or dense layer');
        if (hasNorm) inNetwork(layer.name, 'is the second norm after one linear layer');
        if (followsPointwise) inNetwork(layer.name, 'does not follow its linear layer at once');
        hasNorm = true;
        break;
      case 'dropout':
      case 'leakyRelu':
      case 'relu':
      case 'tanh': {
        if (!hasLinear) inNetwork(layer.name, 'stands before the first convolution or dense layer');
        // tanh' is taken from tanh's output, which a mask after it would have changed.
        if (activation === 'tanh') inNetwork(layer.name, 'follows a tanh');
        if (layer.kind === 'dropout') {
          const { rate } = layer;
          if (!(rate >= 0 && rate < 1))
            inNetwork(layer.name, `has a rate of ${rate}; allowed are 0 to below 1`);
        } else {
          if (activation !== null) inNetwork(layer.name, 'is the second activation in a row');
          activation = layer.kind;
        }
        followsPointwise = true;
        break;
      }
      case 'flatten':
      case 'reshape':
        break;
      default:
        layer satisfies never;
    }
  }
  if (!hasLinear) refuse(`the network "${network.name}" has no convolution and no dense layer`);
}

/** A network as a pass runs it. */
function cutAt(network: Network, until: string | undefined): Network {
  return { ...network, layers: layersUntil(network, until) };
}

function networkOf(recipe: Pick<Recipe, 'name' | 'networks'>, pass: Pass): Network {
  return cutAt(entryOf(recipe, pass.network).network, pass.until);
}

/** The last layer has to be dense, with nothing after it: its sums are the logits. */
function checkLogits(network: Network, layer: string, what: string, refuse: Refuse): number {
  const last = network.layers.at(-1)!;
  if (last.name !== layer || last.kind !== 'dense') {
    refuse(`${what} takes layer "${layer}" of "${network.name}", which is not a dense layer at its end`);
  }
  return outputShapeOf(network).at(-1)!;
}

/** Layers whose values are in memory as they are: those of a linear layer without a batch norm, its activation's last. */
function storedLayers(network: Network): ReadonlySet<string> {
  const stored = new Set<string>();
  let current: string[] = [];
  let isNormed = true;
  const close = (): void => {
    if (!isNormed) for (const name of current) stored.add(name);
  };
  for (const layer of network.layers) {
    if (layer.kind === 'conv2d' || layer.kind === 'conv2dTranspose' || layer.kind === 'dense') {
      close();
      current = [layer.name];
      isNormed = false;
    } else if (layer.kind === 'batchNorm') isNormed = true;
    else if (layer.kind === 'gaussianNoise') continue;
    else if (layer.kind === 'flatten' || layer.kind === 'reshape') current.push(layer.name);
    else if (layer.kind !== 'dropout' || layer.rate > 0) current = [layer.name];
    else current.push(layer.name);
  }
  close();
  return stored;
}

/** A network whose output another one reads ends in a linear layer or its activation. */
function checkEnd(network: Network, refuse: Refuse): void {
  const end = network.layers.findLast(({ kind }) => kind !== 'flatten' && kind !== 'reshape')!;
  const linear = network.layers.findLastIndex(({ kind }) => isLinear(kind));
  const isBare = network.layers
    .slice(linear)
    .every(
      (layer) =>
        layer.kind !== 'batchNorm' &&
        layer.kind !== 'groupNorm' &&
        (layer.kind !== 'dropout' || layer.rate === 0),
    );
  if (!isBare) {
    refuse(`the network "${network.name}" feeds another one, but ends in a norm or dropout ("${end.name}")`);
  }
}

/** The amounts of a view, with the most that each may be. */
function checkView(group: string, view: WarpView, { imageShape }: DataShape, refuse: Refuse): void {
  const [height, width] = imageShape;
  const side = Math.min(height, width);
  const most = {
    rotation: 1,
    scale: 0.9,
    shift: side,
    shear: 2,
    aspect: 0.9,
    displacement: side,
    brightness: 2,
    contrast: 1,
  };
  for (const [name, limit] of Object.entries(most)) {
    const value = view[name as keyof typeof most];
    if (!(value >= 0 && value <= limit)) {
      refuse(`the view of its group "${group}" has a ${name} of ${value}; allowed are 0 to ${limit}`);
    }
  }
  if (!Number.isInteger(view.cutOut) || view.cutOut < 0 || view.cutOut > side) {
    refuse(
      `the view of its group "${group}" has a cutOut of ${view.cutOut}; allowed are whole numbers from 0 to ${side}`,
    );
  }
  const probability = view.stroke?.probability ?? 0;
  if (!(probability >= 0 && probability <= 1)) {
    refuse(`the view of its group "${group}" has strokes with a probability of ${probability}`);
  }
}

function checkGroups(recipe: Recipe, { groups }: Phase, data: DataShape, refuse: Refuse): void {
  checkUnique(
    groups.map(({ name }) => name),
    'a group of rows called',
    refuse,
  );
  for (const group of groups) {
    const { name, rows, indicesOf, pool } = group;
    if (!Number.isInteger(rows) || rows < 1) {
      refuse(`its group "${name}" has ${rows} rows; a larger "batch" gives it some`);
    }
    if (group.view.kind === 'warp') {
      if (pool === 'latents') refuse(`its group "${name}" of latents has a view of images`);
      checkView(name, group.view, data, refuse);
    }
    if (pool === 'landmarks' && recipe.landmarks === null) {
      refuse(`its group "${name}" draws landmarks, of which the recipe keeps none`);
    }
    if (group.isConditional === true && pool !== 'latents') {
      refuse(`its group "${name}" of ${pool} images is conditional, as only latents can be`);
    }
    if (indicesOf === null) continue;
    const other: RowGroup | undefined = groups.find((candidate) => candidate.name === indicesOf);
    const fits =
      other?.indicesOf === null && other.pool === pool && other.rows === rows && pool !== 'latents';
    if (!fits) {
      refuse(
        `its group "${name}" takes the indices of "${indicesOf}", which is no group of as many ${pool} images with indices of its own`,
      );
    }
  }
}

function checkPass(recipe: StageRecipe, phase: Phase, pass: Pass, data: DataShape, refuse: Refuse): void {
  const what = `its pass "${pass.name}"`;
  const entry = recipe.networks.find(({ network }) => network.name === pass.network);
  if (entry === undefined)
    return refuse(`${what} runs the network "${pass.network}", which it does not have`);
  const { network, instances, average } = entry;
  if (pass.until !== undefined) {
    if (!network.layers.some(({ name }) => name === pass.until)) {
      refuse(`${what} ends at "${pass.until}", which is no layer of "${network.name}"`);
    }
    if (!cutAt(network, pass.until).layers.some(({ kind }) => isLinear(kind))) {
      refuse(`${what} ends at "${pass.until}", before the first convolution or dense layer`);
    }
  }
  if (!Number.isInteger(pass.instance) || pass.instance < 0 || pass.instance >= instances) {
    refuse(`${what} runs instance ${pass.instance} of "${network.name}", which has ${instances}`);
  }
  if (pass.gradient && (pass.mode !== 'training' || pass.parameters !== 'current')) {
    refuse(`${what} has a gradient, which is taken in training mode at current parameters only`);
  }
  if (pass.parameters === 'average' && average === null) {
    refuse(`${what} reads averaged parameters of "${network.name}", which keeps none`);
  }
  const own = phase.passes.indexOf(pass);
  if (pass.input.kind === 'pass') {
    const from = pass.input.pass;
    const maker = phase.passes.slice(0, own).find(({ name }) => name === from);
    if (maker === undefined) return refuse(`${what} reads "${from}", which is no earlier pass of its phase`);
    if (maker.network === pass.network) refuse(`${what} feeds "${network.name}" with its own output`);
    const made = networkOf(recipe, maker);
    checkFit(what, network, outputShapeOf(made), `"${made.name}" makes`, refuse);
    checkEnd(made, refuse);
    return;
  }
  const { group: name } = pass.input;
  const group = phase.groups.find((candidate) => candidate.name === name);
  if (group === undefined) return refuse(`${what} reads the group "${name}", which its phase does not draw`);
  if (group.pool !== 'latents')
    return checkFit(what, network, data.imageShape, 'the data has images of', refuse);
  const first = phase.passes.find(({ input }) => input.kind === 'group' && input.group === name)!;
  const drawn = sizeOf(entryOf(recipe, first.network).network.inputShape);
  const taken = sizeOf(network.inputShape);
  if (taken !== drawn) {
    refuse(
      `${what} takes ${taken} latents of a row of the group "${name}", and its pass "${first.name}" takes ${drawn}`,
    );
  }
  if (group.isConditional === true) checkCodes(taken, data, `its group "${name}"`, refuse);
}

/** There is room for a code of the class and something beside it. */
function checkCodes(latents: number, { classes }: DataShape, what: string, refuse: Refuse): void {
  if (latents <= classes) {
    refuse(
      `${what} is conditional, which ${latents} latents of a row are too few for: the data has ${classes} classes`,
    );
  }
}

function checkFit(
  what: string,
  { name, inputShape }: Network,
  given: readonly number[],
  giver: string,
  refuse: Refuse,
): void {
  if (isSameShape(inputShape, given)) return;
  refuse(
    `${what} gives "${name}", which takes ${shapeText(inputShape)}, something else: ${giver} ${shapeText(given)}`,
  );
}

/** Passes that are made together share memory with their one reader. */
function checkReaders(phase: Phase, refuse: Refuse): void {
  const variantOf = ({ network, mode, parameters, until = '' }: Pass): string =>
    [network, mode, parameters, until].join(' ');
  const readers = (pass: Pass): readonly Pass[] =>
    phase.passes.filter(({ input }) => input.kind === 'pass' && input.pass === pass.name);
  for (const pass of phase.passes) {
    const own = readers(pass);
    if (own.length > 1) {
      refuse(`the output of its pass "${pass.name}" is read twice ("${own[0]!.name}", "${own[1]!.name}")`);
    }
    const together = phase.passes.filter((other) => variantOf(other) === variantOf(pass));
    const read = together.map((other) => readers(other).map(variantOf)[0]);
    const other = read.findIndex((reader) => reader !== read[0]);
    if (other !== -1) {
      refuse(
        `its passes "${together[0]!.name}" and "${together[other]!.name}" of one network are not read by passes of one network`,
      );
    }
  }
}

function checkThresholds(
  threshold: number | readonly number[],
  { classes }: DataShape,
  what: string,
  refuse: Refuse,
): void {
  const all = typeof threshold === 'number' ? [threshold] : threshold;
  if (typeof threshold !== 'number' && all.length !== classes) {
    refuse(`${what} has ${all.length} thresholds for the ${classes} classes of the data`);
  }
  const wrong = all.find((value) => !(value >= 0 && value <= 1));
  if (wrong !== undefined) refuse(`${what} has a threshold of ${wrong}; allowed are 0 to 1`);
}

/** Two passes that are compared have as many rows. */
function checkSameRows(phase: Phase, a: Pass, b: Pass, what: string, refuse: Refuse): void {
  const [own, other] = [groupOf(phase, a).rows, groupOf(phase, b).rows];
  if (own !== other) refuse(`${what} compares ${own} rows of "${a.name}" with ${other} of "${b.name}"`);
}

function checkTerm(recipe: StageRecipe, phase: Phase, term: Term, data: DataShape, refuse: Refuse): void {
  const what = `its term "${term.name}"`;
  const passOf = (name: string): Pass =>
    phase.passes.find((pass) => pass.name === name) ??
    refuse(`${what} taps "${name}", which is no pass of its phase`);
  const passes = tappedPasses(term).map(passOf);
  const pass = passes[0]!;
  const network = networkOf(recipe, pass);
  const { weight } = term;
  const weights = typeof weight === 'number' ? [weight] : Object.values(weight);
  if (!weights.every(Number.isFinite) || (typeof weight !== 'number' && weight.steps < 1)) {
    refuse(`${what} has a weight that is not a number, or a ramp of less than a step`);
  }
  const logits = (of: Network = network): number => checkLogits(of, term.layer, what, refuse);
  switch (term.kind) {
    case 'featureMatching': {
      const sizes = passes.map((each) => {
        const tapped = networkOf(recipe, each);
        if (!storedLayers(tapped).has(term.layer)) {
          refuse(
            `${what} taps layer "${term.layer}" of "${tapped.name}"; it has to be the last of a linear layer without batch norm and its activation`,
          );
        }
        // Its gradient is added to the one that comes from the next linear layer.
        const after = tapped.layers.slice(tapped.layers.findIndex(({ name }) => name === term.layer) + 1);
        if (each.gradient && !after.some(({ kind }) => isLinear(kind))) {
          refuse(
            `${what} taps layer "${term.layer}", after which its pass "${each.name}" has no linear layer; let the pass end later`,
          );
        }
        return sizeOf(layerShapes(tapped).find(({ layer }) => layer.name === term.layer)!.output);
      });
      if (sizes[0] !== sizes[1]) refuse(`${what} compares ${sizes[0]} with ${sizes[1]} features`);
      if (term.pass === term.against) refuse(`${what} compares "${term.pass}" with itself`);
      return;
    }
    case 'contrastive': {
      if (term.pass === term.against) refuse(`${what} compares "${term.pass}" with itself`);
      if (
        new Set(passes.map((each) => [each.network, each.mode, each.parameters, each.until].join())).size > 1
      ) {
        refuse(`${what} compares passes of several networks, modes or parameters`);
      }
      checkSameRows(phase, passes[0]!, passes[1]!, what, refuse);
      if (!(term.temperature > 0 && Number.isFinite(term.temperature))) {
        refuse(`${what} has a temperature of ${term.temperature}; allowed is what lies above 0`);
      }
      logits();
      return;
    }
    case 'sigmoidCrossEntropy': {
      const width = logits();
      if (!Number.isInteger(term.column) || term.column < 0 || term.column >= width) {
        refuse(`${what} takes column ${term.column} of ${width} logits`);
      }
      return;
    }
    case 'logsumexpCrossEntropy':
      logits();
      return;
    case 'confidentShare':
      checkClasses(logits(), data, what, refuse);
      checkThresholds(term.threshold, data, what, refuse);
      return;
    case 'pseudoLabelCrossEntropy':
      checkClasses(logits(), data, what, refuse);
      return checkTargets(recipe, phase, term, data, refuse);
    case 'softmaxCrossEntropy':
      return checkLabels(phase, pass, logits(), data, what, refuse);
    default:
      term satisfies never;
  }
}

/** Where the targets of a pseudo-label term come from. */
function checkTargets(
  recipe: StageRecipe,
  phase: Phase,
  term: Extract<Term, { kind: 'pseudoLabelCrossEntropy' }>,
  data: DataShape,
  refuse: Refuse,
): void {
  const what = `its term "${term.name}"`;
  const { teacher, usesStore } = term;
  const pass = passNamed(phase, term.pass);
  if (usesStore && (pass.input.kind !== 'group' || groupOf(phase, pass).pool !== 'landmarks')) {
    refuse(`${what} uses the target store, but its pass "${pass.name}" reads no landmarks`);
  }
  if (teacher === null) {
    if (!usesStore) refuse(`${what} has neither a teacher nor the target store`);
    return;
  }
  checkThresholds(teacher.threshold, data, what, refuse);
  const taught = phase.passes.find(({ name }) => name === teacher.pass);
  if (taught === undefined)
    return refuse(`${what} has the teacher "${teacher.pass}", which is no pass of its phase`);
  if (taught === pass) {
    if (teacher.isSoft) refuse(`${what} is its own soft teacher, from which nothing can be learned`);
  } else if (taught.gradient) {
    refuse(`${what} has the teacher "${taught.name}", which has a gradient`);
  }
  checkSameRows(phase, pass, taught, what, refuse);
  checkClasses(checkLogits(networkOf(recipe, taught), term.layer, what, refuse), data, what, refuse);
}

/** Every class has a logit. */
function checkClasses(width: number, { classes }: DataShape, what: string, refuse: Refuse): void {
  if (width < classes) refuse(`${what} has ${width} logits for the ${classes} classes of the data`);
}

/** Labels come with a labelled group, and have a logit each. */
function checkLabels(
  phase: Phase,
  pass: Pass,
  width: number,
  data: DataShape,
  what: string,
  refuse: Refuse,
): void {
  if (!hasLabels(groupOf(phase, pass))) {
    refuse(`${what} needs labels, which its pass "${pass.name}" does not have: it reads no labelled group`);
  }
  checkClasses(width, data, what, refuse);
}

/** The instances of a network that the gradient of a loss on `pass` comes to. */
function trainedInstances(phase: Phase, pass: Pass, network: string): readonly number[] {
  if (!pass.gradient) return [];
  if (pass.network === network) return [pass.instance];
  return pass.input.kind === 'pass'
    ? trainedInstances(phase, passNamed(phase, pass.input.pass), network)
    : [];
}

function checkUpdate(recipe: StageRecipe, phase: Phase, update: Update, refuse: Refuse): void {
  const what = `its update "${update.loss}"`;
  if (update.networks.length === 0) refuse(`${what} trains no network`);
  checkUnique(update.terms, `${what} lists the term`, refuse);
  const terms = update.terms.map((name) => {
    const term = phase.terms.find((candidate) => candidate.name === name);
    return term ?? refuse(`${what} lists the term "${name}", which its phase does not have`);
  });
  const metric = terms.find(({ kind }) => kind === 'confidentShare');
  if (metric !== undefined) refuse(`${what} lists the term "${metric.name}", which is a share and no loss`);
  for (const network of update.networks) {
    if (!recipe.networks.some((entry) => entry.network.name === network)) {
      refuse(`${what} trains "${network}", which it does not have`);
    }
    const reached = terms.flatMap((term) =>
      tappedPasses(term).flatMap((name) => trainedInstances(phase, passNamed(phase, name), network)),
    );
    const { instances } = entryOf(recipe, network);
    for (let instance = 0; instance < instances; instance++) {
      if (reached.includes(instance)) continue;
      const which = instances === 1 ? '' : `instance ${instance} of `;
      refuse(`${what} has no term whose gradient comes to ${which}"${network}"`);
    }
  }
}

/** All gradients of a phase begin at one network: at its logits, and at one layer of features. */
function checkHead(phase: Phase, refuse: Refuse): void {
  const used = phase.terms.filter(({ name }) => phase.updates.some(({ terms }) => terms.includes(name)));
  const tapped = new Set(
    used.flatMap((term) =>
      tappedPasses(term)
        .map((name) => passNamed(phase, name))
        .filter(({ gradient }) => gradient)
        .map(({ network }) => network),
    ),
  );
  if (tapped.size > 1) {
    refuse(
      `the losses of one phase tap several networks (${[...tapped].join(', ')}); a phase takes those of one`,
    );
  }
  const matched = new Set(used.flatMap((term) => (term.kind === 'featureMatching' ? [term.layer] : [])));
  if (matched.size > 1) refuse(`one phase matches several layers of features (${[...matched].join(', ')})`);
  const contrastive = used.find(({ kind }) => kind === 'contrastive');
  if (contrastive !== undefined && used.length > 1) {
    refuse(`its term "${contrastive.name}" is contrastive, and other terms are in losses of its phase`);
  }
}

/** Passes of one network with a gradient are computed together, so they end at one layer. */
function checkCuts(phase: Phase, refuse: Refuse): void {
  const first = new Map<string, Pass>();
  for (const pass of phase.passes.filter(({ gradient }) => gradient)) {
    const other = first.get(pass.network) ?? pass;
    first.set(pass.network, other);
    if (other.until !== pass.until) {
      refuse(`its passes "${other.name}" and "${pass.name}" have a gradient and end at different layers`);
    }
  }
}

function checkPhase(recipe: StageRecipe, phase: Phase, data: DataShape, refuse: Refuse): void {
  checkGroups(recipe, phase, data, refuse);
  const streams = phase.passes.map(({ stream }) => String(stream));
  checkUnique(streams, 'the stream of a pass', refuse);
  for (const pass of phase.passes) {
    if (!Number.isInteger(pass.stream) || pass.stream < 0 || pass.stream > 255) {
      refuse(`its pass "${pass.name}" has the stream ${pass.stream}; allowed are 0 to 255`);
    }
    checkPass(recipe, phase, pass, data, refuse);
  }
  checkReaders(phase, refuse);
  checkCuts(phase, refuse);
  for (const term of phase.terms) checkTerm(recipe, phase, term, data, refuse);
  if (phase.updates.length === 0) refuse('one of its phases updates nothing');
  checkUnique(
    phase.updates.flatMap(({ networks }) => networks),
    'in the updates of one phase the network',
    refuse,
  );
  for (const update of phase.updates) checkUpdate(recipe, phase, update, refuse);
  checkHead(phase, refuse);
}

/** The pass whose rows give a stage's training accuracy. */
function checkAccuracy(recipe: StageRecipe, data: DataShape, refuse: Refuse): void {
  const { accuracy, phases } = recipe;
  if (accuracy === null) return;
  const phase = phases.find(({ passes }) => passes.some(({ name }) => name === accuracy.pass));
  if (phase === undefined) return refuse(`its accuracy taps "${accuracy.pass}", which is no pass of it`);
  const pass = passNamed(phase, accuracy.pass);
  const width = checkLogits(networkOf(recipe, pass), accuracy.layer, 'its accuracy', refuse);
  checkLabels(phase, pass, width, data, 'its accuracy', refuse);
  if (pass.input.kind !== 'group' || groupOf(phase, pass).pool !== 'labelled') {
    refuse(`its accuracy is that of its pass "${pass.name}", which reads no labelled images`);
  }
}

function checkEnds(recipe: Recipe, data: DataShape, refuse: Refuse): void {
  const { classifier, generator } = recipe;
  for (const [what, used] of [
    ['classifier', classifier],
    ['generator', generator],
  ] as const) {
    if (used === null) continue;
    const entry = recipe.networks.find(({ network }) => network.name === used.network);
    if (entry === undefined) refuse(`its ${what} is "${used.network}", which it does not have`);
    if (used.parameters === 'average' && entry.average === null) {
      refuse(`its ${what} reads averaged parameters of "${used.network}", which keeps none`);
    }
  }
  const classified = entryOf(recipe, classifier.network).network;
  const logits = checkLogits(classified, classifier.layer, 'its classifier', refuse);
  if (logits < data.classes) {
    refuse(`its classifier has ${logits} logits for the ${data.classes} classes of the data`);
  }
  checkFit('its classifier', classified, data.imageShape, 'the data has images of', refuse);
  if (generator === null) return;
  const { network } = entryOf(recipe, generator.network);
  const made = outputShapeOf(network);
  if (!isSameShape(made, data.imageShape)) {
    refuse(`its generator makes ${shapeText(made)}, the data has images of ${shapeText(data.imageShape)}`);
  }
  if (generator.latentSize !== sizeOf(network.inputShape)) {
    refuse(`its generator takes ${sizeOf(network.inputShape)} latents, not ${generator.latentSize}`);
  }
  if (generator.isConditional === true) checkCodes(generator.latentSize, data, 'its generator', refuse);
}

/** How many updates of a step train each network. */
function updateCounts({ phases }: Pick<StageRecipe, 'phases'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const network of phases.flatMap(({ updates }) => updates.flatMap(({ networks }) => networks))) {
    counts.set(network, (counts.get(network) ?? 0) + 1);
  }
  return counts;
}

/** What a stage takes over from the one before it, and what is done between them. */
function checkStages(recipe: Recipe, refuse: Refuse): void {
  const { stages, landmarks } = recipe;
  for (const [index, { key, steps, optimisers, before, optimiserOf, accuracy }] of stages.entries()) {
    const what = `its stage "${key}"`;
    if (!Number.isInteger(steps) || steps < 1)
      refuse(`${what} has ${steps} steps; more "steps" give it some`);
    if (before !== null && landmarks === null) {
      refuse(`${what} begins with spread labels, but the recipe has no landmarks`);
    }
    for (const network of Object.keys(optimiserOf)) {
      if (!recipe.networks.some((entry) => entry.network.name === network)) {
        refuse(`${what} has an optimiser for "${network}", which it does not have`);
      }
    }
    const isMeasured = stages.slice(0, index).some((former) => former.accuracy !== null);
    if (accuracy === null && isMeasured) refuse(`${what} has no accuracy, but follows one that has`);
    if (index === stages.length - 1 && accuracy === null) refuse('its last stage has no accuracy');
    if (optimisers === 'fresh') continue;
    const former = stages[index - 1];
    if (former === undefined) return refuse(`${what} is the first and continues another`);
    const [own, its] = [updateCounts(inStage(recipe, index)), updateCounts(former)];
    for (const network of new Set([...own.keys(), ...its.keys()])) {
      if (own.get(network) !== its.get(network)) {
        refuse(`${what} continues "${former.key}", but trains "${network}" otherwise`);
      }
    }
  }
}

function checkLandmarks(recipe: Recipe, refuse: Refuse): void {
  const { landmarks, classifier } = recipe;
  if (landmarks === null) return;
  if (!Number.isInteger(landmarks.count) || landmarks.count < 2) {
    refuse(`it has ${landmarks.count} landmarks; allowed are 2 or more`);
  }
  const { network } = entryOf(recipe, classifier.network);
  if (!storedLayers(cutAt(network, landmarks.layer)).has(landmarks.layer)) {
    refuse(
      `its landmarks are compared by layer "${landmarks.layer}" of "${network.name}", which is not the last of a linear layer without batch norm and its activation`,
    );
  }
}

/** Throws `RecipeError` where no engine, or not every engine, could compute the recipe on such data. */
export function checkRecipe(recipe: Recipe, data: DataShape): void {
  const refuse: Refuse = (what) => {
    throw new RecipeError(recipe.name, what);
  };
  const { networks, stages } = recipe;
  checkUnique(
    networks.map(({ network }) => network.name),
    'a network called',
    refuse,
  );
  for (const { network, instances, average } of networks) {
    if (!Number.isInteger(instances) || instances < 1) refuse(`"${network.name}" has ${instances} instances`);
    if (average !== null && !(average.decay > 0 && average.decay < 1)) {
      refuse(
        `the average of "${network.name}" has a decay of ${average.decay}; allowed is what lies between 0 and 1`,
      );
    }
    checkLayers(network, refuse);
  }
  if (stages.length === 0) refuse('it has no stage');
  checkStages(recipe, refuse);
  for (const index of stages.keys()) checkStage(inStage(recipe, index), data, refuse);
  const trained = new Set(stages.flatMap((stage) => [...updateCounts(stage).keys()]));
  for (const { network } of networks) {
    if (!trained.has(network.name)) refuse(`nothing trains its network "${network.name}"`);
  }
  checkEnds(recipe, data, refuse);
  checkLandmarks(recipe, refuse);
}

function checkStage(recipe: StageRecipe, data: DataShape, refuse: Refuse): void {
  const { phases } = recipe;
  if (phases.length === 0) refuse('it has no phase');
  checkUnique(
    phases.flatMap(({ passes }) => passes.map(({ name }) => name)),
    'a pass called',
    refuse,
  );
  for (const phase of phases) checkPhase(recipe, phase, data, refuse);
  checkUnique(metricNames(recipe), 'a metric called', refuse);
  checkAccuracy(recipe, data, refuse);
}

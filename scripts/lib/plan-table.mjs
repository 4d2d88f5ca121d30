/** The tables of `npm run plan`: operations, shapes, multiply-adds, bytes, sums, buffers. */

import { UsageError } from './main.mjs';
import { parseOptions, parseWholeNumber } from './options.mjs';
import { importSource } from './source-modules.mjs';
import { formatTable } from './text-table.mjs';

const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');

const HELP = `Prints the plan that the fused engines run for a recipe.

npm run plan -- [options]
  --recipe NAME   ${RECIPE_NAMES.join(', ')} (default notebook)
  --image SHAPE   height x width x channels of the images, as in 12x20x3 (28x28x1)
  --classes N     classes of the data (10)
  --batch N       images a step (the recipe's)
  --rows N        images of an evaluation or a generation (64)
  --program NAME  trainStep, evaluate, classify, features, generate, initialise; all without it
  --help          this text`;

/** MNIST's, unless told: the plan is made without loading any data. */
const DEFAULT_IMAGE = '28x28x1';
const DEFAULT_CLASSES = 10;

/** [height, width, channels] of a text like 12x20x3, as the loader takes it. */
async function parseImageShape(text) {
  const sizes = /^(\d{1,4})x(\d{1,4})x(\d{1,4})$/.exec(text);
  if (sizes === null) {
    throw new UsageError(`--image is "${text}"; it takes height x width x channels, as in 12x20x3.`);
  }
  const { shapeProblem } = await importSource('src/worker/data/idx.ts');
  const shape = sizes.slice(1).map(Number);
  const problem = shapeProblem(shape);
  if (problem !== null) throw new UsageError(`--image is "${text}": such images ${problem}`);
  return shape;
}

/** What `build` makes; a recipe that does not go with the options is a usage error. */
function buildOrRefuse(build) {
  try {
    return build();
  } catch (error) {
    if (error.name !== 'RecipeError') throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

function formatCount(value) {
  return value === 0 ? '-' : value.toLocaleString('en-US');
}

/** Of the columns below: operation, kind and what it writes. */
const isText = (column) => column >= 1 && column <= 3;

function describeProgram({ program, layout }, costs, title) {
  const header = [
    'stage',
    'operation',
    'kind',
    'writes',
    'multiply-adds',
    'bytes read',
    'bytes written',
    'bindings',
  ];
  const rows = costs.map(({ operation, shape, multiplyAdds, bytesRead, bytesWritten, bindings }) => [
    String(operation.stage),
    operation.name,
    operation.kind,
    shape,
    formatCount(multiplyAdds),
    formatCount(bytesRead),
    formatCount(bytesWritten),
    String(bindings),
  ]);
  const sumOf = (field) => formatCount(costs.reduce((sum, cost) => sum + cost[field], 0));
  const sums = ['', 'sum', '', '', sumOf('multiplyAdds'), sumOf('bytesRead'), sumOf('bytesWritten'), ''];
  const stages = program.operations.at(-1).stage + 1;
  const buffers = layout.buffers.map(({ name, sizeBytes }) => `${name} ${formatCount(sizeBytes)}`);
  return [
    `${program.name}${title}: ${costs.length} operations in ${stages} stages`,
    formatTable([header, ...rows, sums], isText),
    `buffers in bytes: ${buffers.length === 0 ? 'none' : buffers.join(', ')}`,
  ].join('\n');
}

/** The stages that have a program of their own, each with what tells it from the others; ones of the same phases share one. */
function programStages({ stages }) {
  const phasesOf = stages.map(({ phases }) => JSON.stringify(phases));
  return stages.flatMap(({ key }, stage) => {
    if (phasesOf.indexOf(phasesOf[stage]) !== stage) return [];
    return [{ stage, title: stages.length === 1 ? '' : ` of ${key}` }];
  });
}

/** Prints the tables that the arguments ask for. Throws `UsageError` on a bad one. */
export async function printPlan(args) {
  const values = parseOptions('plan', args, {
    recipe: { type: 'string', default: 'notebook' },
    image: { type: 'string', default: DEFAULT_IMAGE },
    classes: { type: 'string' },
    batch: { type: 'string' },
    rows: { type: 'string' },
    program: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const { SETTING_RANGES } = await importSource('src/protocol/settings.ts');
  const { resolveSettings } = await importSource('src/protocol/check-settings.ts');
  const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');
  const { buildRecipe } = await importSource('src/recipe/build-recipe.ts');
  const { costsOf } = await importSource('src/worker/engine/plan/costs.ts');
  const plans = await importSource('src/worker/engine/plan/plan.ts');
  const { inStage } = await importSource('src/recipe/recipe.ts');
  const describe = (planned, own, title = '') =>
    describeProgram(planned, costsOf(planned.program, planned.layout, own), title);
  if (!RECIPE_NAMES.includes(values.recipe)) {
    throw new UsageError(`--recipe is "${values.recipe}"; allowed are ${RECIPE_NAMES.join(', ')}.`);
  }
  const { min, max } = SETTING_RANGES.batch;
  const batch = parseWholeNumber('batch', values.batch, min, max);
  const rows = parseWholeNumber('rows', values.rows, 1, 10_000) ?? 64;
  const settings = resolveSettings({ recipe: values.recipe, ...(batch !== undefined && { batch }) });
  const { classes } = (await importSource('src/worker/data/dataset.ts')).DATA_LIMITS;
  const data = {
    imageShape: await parseImageShape(values.image),
    classes: parseWholeNumber('classes', values.classes, classes.min, classes.max) ?? DEFAULT_CLASSES,
  };
  const recipe = buildOrRefuse(() => buildRecipe(settings, data));
  const parameters = recipe.classifier.parameters;
  const programs = {
    initialise: () => [describe(plans.planInitialise(recipe), recipe)],
    trainStep: () =>
      programStages(recipe).map(({ stage, title }) =>
        describe(plans.planTrainStep(inStage(recipe, stage)), inStage(recipe, stage), title),
      ),
    evaluate: () => [describe(plans.planEvaluate(recipe, rows), recipe)],
    classify: () => [describe(plans.planClassify(recipe, rows), recipe)],
    ...(recipe.landmarks !== null && {
      features: () => [describe(plans.planFeatures(recipe, rows, parameters), recipe)],
    }),
    ...(recipe.generator !== null && {
      generate: () => [describe(plans.planGenerate(recipe, rows), recipe)],
    }),
  };
  if (values.program !== undefined && !Object.hasOwn(programs, values.program)) {
    const allowed = Object.keys(programs).join(', ');
    throw new UsageError(`--program is "${values.program}"; ${values.recipe} has ${allowed}.`);
  }
  const names = values.program === undefined ? Object.keys(programs) : [values.program];
  const tables = names.flatMap((name) => programs[name]());
  console.log(tables.join('\n\n'));
}

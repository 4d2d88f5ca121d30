/**
 * Every word the element shows, as one object that a page can override in part. Holds words only:
 * numbers are formatted in `format.ts`, and `{name}` in a text is where a value goes.
 */

import type { EngineChoice, EngineReason, ThreadLimit } from '../../protocol/engines.js';
import type { ErrorKind } from '../../protocol/errors.js';
import type { LoadingStage, Note, TrainerState } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import { RECIPES, type RecipeName } from '../../recipe/recipes.js';
import type { Repair } from '../../recipe/repairs.js';

interface Field {
  readonly label: string;
  /** One short line under the control; may be empty. */
  readonly hint: string;
}

interface RunStageWords {
  readonly name: string;
  /** What it does, to a person who has not read the papers. */
  readonly description: string;
}

export interface Strings {
  /** BCP 47 tag that numbers are formatted by. */
  readonly locale: string;
  readonly states: Readonly<Record<TrainerState, string>>;
  readonly recipes: Readonly<Record<RecipeName, { readonly name: string; readonly description: string }>>;
  /** Of losses and terms; one that has none is called by the words of its name. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly engines: Readonly<Record<EngineChoice, string>>;
  readonly engineReasons: Readonly<Record<EngineReason, string>>;
  readonly threadLimits: Readonly<Record<ThreadLimit, string>>;
  readonly stages: Readonly<Record<LoadingStage, string>>;
  /** Of training, by the keys that recipes give theirs; one that has none is called by its key. */
  readonly runStages: Readonly<Record<string, RunStageWords>>;
  readonly notes: Readonly<Record<Note, string>>;
  readonly errors: Readonly<Record<ErrorKind, string>>;
  readonly fields: Readonly<Record<keyof Settings, Field>>;
  /** What each repair of the notebook does. */
  readonly repairs: Readonly<Record<Repair, string>>;
  /** Everything else. */
  readonly words: Readonly<Record<Word, string>>;
}

/** What a page may give: any part of the strings. */
export type StringsInput = {
  readonly [Group in keyof Strings]?: Strings[Group] extends string
    ? string
    : { readonly [Key in keyof Strings[Group]]?: Partial<Strings[Group][Key]> };
};

type Word = keyof typeof WORDS;

const WORDS = {
  trainer: 'Semi-supervised GAN trainer',
  controls: 'Training controls',
  start: 'Start',
  pause: 'Pause',
  resume: 'Resume',
  step: 'Step',
  stepHint: 'Make one update',
  reset: 'Reset',
  resetHint: 'Back to step 0 with the settings below',
  discard: 'Discard {steps} steps?',
  discardConfirm: 'Reset',
  discardCancel: 'Keep them',
  progress: 'Progress',
  stepOf: '{step} of {total}',
  stepUnit: 'step',
  paceUnit: 'steps/s',
  timeLeft: '{time}',
  timeLeftAtLeast: 'over {time}',
  timeLeftUnit: 'left',
  unknown: '–',
  milliseconds: '{count} ms',
  seconds: '{count} s',
  minutes: '{count} min',
  hours: '{hours} h {minutes} min',
  days: '{days} d {hours} h',
  megabytesOf: '{loaded} of {total} MB',
  megabytes: '{loaded} MB',

  engineNone: 'Engine',
  engineSoftware: 'software',
  engineTitle: 'Why this engine',
  engineNoneText:
    'The engine is chosen when training starts: the GPU where the browser offers one, else the processor.',
  engineThreads: '{threads} of {wanted} threads: {reason}',
  enginePassedOver: 'Looked at before it',
  engineMeasured: 'Measured on this machine',
  engineSpeed: '{speed} steps a second',

  idleTitle: 'Trains in this browser.',
  idleText: 'Start fetches the images and begins. Nothing you see or make leaves this machine.',
  loadingTitle: 'Getting ready',
  stageDone: 'done',
  stageCurrent: 'now',
  readyTitle: 'Ready at step 0.',
  readyText: 'The networks are freshly made and have learnt nothing yet.',
  compilingTitle: 'Compiling the first step …',
  compilingText: 'The engine prepares its kernels once; after that steps come quickly.',
  runningTitle: 'Training.',
  runningText: 'It goes on in a worker, also while this tab is in the background.',
  fallbackTitle: 'No usable WebGPU here, so training runs on {engine}.',
  fallbackText: 'Slower than on a GPU, with the same results.',
  fallbackPace: 'At {pace} steps a second, {steps} steps take about {time}.',
  fallbackPaceAtLeast: 'At {pace} steps a second, {steps} steps take over {time}.',
  lostTitle: 'The GPU went away, so training goes on with {engine}.',
  lostText: 'From the last good state; nothing before it is lost.',
  scheduleEnded:
    'The learning rates have come to the end of their schedule at step {step}; the last ones hold.',
  replayTitle: 'The GPU went away: making {total} steps again, {made} so far.',
  replayText: 'They come out the same; Pause is heard meanwhile.',
  pausedTitle: 'Paused at step {step}.',
  pausedText: 'Step makes one update at a time; Resume goes on.',
  finishedTitle: '{accuracy} on the test images',
  finishedText: 'after {steps} steps in {time}.',
  finishedTitleUnknown: 'Finished.',
  finishedSave: 'Save checkpoint',
  continueTo: 'Continue to {steps}',
  failedKept: 'The last images and charts stay below.',
  tryAgain: 'Try again',
  startOver: 'Start over',
  dismiss: 'Dismiss',

  images: 'Generated images',
  imagesRealTitle: 'Real images',
  imagesPoster: 'from the data set; none drawn yet',
  imagesNone: 'none drawn yet',
  imagesAt: 'generated at step {step}',
  imagesUntrained: 'not trained yet',
  imagesLabel: '{count} images that the generator drew after {step} steps, always from the same latents',
  realImages: 'Real images, to compare',
  realImagesLabel: '{count} of the test images',
  noGeneratorTitle: 'No generator in this recipe',
  noGeneratorText: 'It learns from the labelled images alone: the baseline that the others have to beat.',
  noGeneratorTaughtText: 'It teaches itself without drawing anything, to show what the GAN is worth.',

  accuracy: 'Test accuracy',
  accuracyNone: 'first evaluated after step {step}',
  accuracyNoneSince: 'next evaluated at step {step}',
  accuracyNever: 'too few steps for an evaluation',
  accuracyNoneLeft: 'not evaluated since it was loaded',
  accuracyEvaluating: 'evaluating on the test images …',
  accuracyAt: 'at step {step}',
  accuracyNext: 'next at {step}',
  accuracyChange: '{change} points since step {step}',
  baseline: 'Labels only',
  baselineNone: 'Run “{recipe}” to compare',
  baselineOwn: 'This run is the baseline',
  baselineAt: 'at step {step}',
  withoutGan: 'Without GAN',
  reference: 'mean of {draws} measured runs',
  referenceTitle:
    'Not trained here: measured before on {draws} other draws of as many labels, after {steps} steps each.',
  compare: 'Train these beside the run',
  compareHint:
    'They learn from the same labelled images and take turns with the run, which takes longer by that.',
  comparisonSoon: 'Takes turns with this run',
  comparisonNow: 'training now, in its turn',
  comparisonTooSlow: 'Too slow here to train beside it',
  comparisonFailed: 'Could not be trained beside it',
  gainOfUnlabelled: 'The images without labels bought {change} points',
  gainOfGan: 'the GAN {change}',

  runStages: 'Stages of the training',
  spreadingTitle: 'Spreading the labels.',
  spreadingNotice: 'Looking for the images that are most alike; training goes on after that.',
  spreadingText:
    'The labels are being passed on now, from each image to those most like it; no step is made meanwhile.',
  trustChecked: 'Of {leftOut} labels hidden one at a time, the others gave {right} back: {outcome}.',
  trustUnchecked: 'There was no label to spare for a check: {outcome}.',
  trustAll: 'all passed-on labels are used',
  trustSurest: 'the surest {share} of the passed-on labels are used',
  trustNone: 'no passed-on label is used',
  confidentShare: 'It is sure of {share} of the images that have no label.',
  confidentAgreeing:
    'It is sure of {share} of the images that have no label; of those, {agreement} agree with the label passed on.',
  mapNone: 'Map of the images',
  mapText:
    'On the map, images that look alike to it lie close together. A colour is a label; large dots are the images that came with one.',
  mapAt: 'Map at step {step}',
  mapLabel:
    'Map of {count} images at step {step}; those that look alike to the network lie close. {classes}.',
  mapWithout: 'without a label: {count}',

  chartAccuracy: 'Accuracy',
  chartLoss: 'Loss',
  chartStep: 'step',
  seriesTest: 'test',
  seriesTrain: 'training',
  seriesBaseline: 'labels only',
  summaryNone: 'No evaluation yet.',
  summaryAccuracy:
    'Test accuracy over {count} evaluations: {first} at step {firstStep}, {last} at step {lastStep}, best {best} at step {bestStep}.',
  summaryLoss: 'Losses at step {step}: {losses}.',
  table: 'Evaluations as a table',
  tableEmpty: 'No evaluation yet.',
  tableMore: 'The last {count} of {total} evaluations; Save has them all.',
  columnStep: 'Step',
  columnTest: 'Test',
  columnTrain: 'Training',
  columnLoss: '{loss} loss',
  columnConfident: 'Sure of',
  columnAgreement: 'Agrees with passed-on labels',
  columnTime: 'Time',

  settings: 'Settings',
  advanced: 'Advanced',
  advancedDiscriminator: 'Discriminator',
  advancedGenerator: 'Generator',
  newSeed: 'New seed',
  range: '{min} to {max}',
  labelsOf: 'Of {max}; the rest goes unlabelled',
  invalidNumber: 'Takes numbers from {min} to {max}.',
  invalidInteger: 'Takes whole numbers from {min} to {max}.',
  ambiguousNumber: 'Can be read as {first} or as {second}; type one of these.',
  invalidChoice: 'There is no “{value}” to choose.',
  startRefused: 'Nothing was started: {field} cannot be “{value}”. {problem}',
  pendingReset: 'Changed settings apply at the next reset.',
  pendingReady: 'Changed settings apply when training starts.',
  pendingSteps: 'The new number of steps applies when training goes on.',
  applyReset: 'Reset now',
  defaults: 'Restore defaults',

  save: 'Save',
  saveTitle: 'Save or load',
  saveCheckpoint: 'Checkpoint',
  saveCheckpointHint: 'Everything needed to go on',
  saveModel: 'Model',
  saveModelHint: 'Both networks for TensorFlow.js, zipped',
  saveSamples: 'Images',
  saveSamplesHint: 'The generated ones as PNG',
  saveMetrics: 'Metrics',
  saveMetricsHint: 'The evaluations as CSV',
  loadCheckpoint: 'Load a checkpoint …',
  loadCheckpointHint: 'Or drop its file anywhere here',
  dropTitle: 'Drop a checkpoint to go on from it',
  saved: 'Saved {file}.',

  announceEvaluation: 'Step {step}: test accuracy {accuracy}.',
  announceState: '{state}.',
  announceFinished: 'Finished after {steps} steps: test accuracy {accuracy}.',
} as const;

/** Of the recipes for few labels, in more words than one line of a command's help has. */
const FEW_LABELS_RECIPES = {
  'few-labels': {
    name: 'Few labels',
    description:
      'First finds out, without labels, which images look alike; passes the few labels on to those that do; then labels the rest itself, while a second network learns to draw.',
  },
  'few-labels-fast': {
    name: 'Few labels, fast',
    description:
      'The same in less than half of the steps, with narrower networks: nearly as good, much sooner.',
  },
  'few-labels-no-gan': {
    name: 'Few labels, no GAN',
    description: 'The same without the network that draws (the generator), to see what that is worth.',
  },
  'few-labels-no-look': {
    name: 'Few labels, no look',
    description:
      'Labels images itself from the start, without finding out first which look alike and passing labels on.',
  },
  'labels-only-augmented': {
    name: 'Labels only, distorted',
    description:
      'The same network learns from the few labelled images and distorted copies of them, and from nothing else: what the others have to beat.',
  },
} as const satisfies Partial<Strings['recipes']>;

export const DEFAULT_STRINGS: Strings = Object.freeze({
  locale: 'en',
  states: {
    idle: 'Idle',
    loading: 'Loading',
    ready: 'Ready',
    running: 'Running',
    paused: 'Paused',
    finished: 'Finished',
    failed: 'Failed',
  },
  recipes: {
    ...(Object.fromEntries(
      Object.entries(RECIPES).map(([name, { title, summary }]) => [
        name,
        { name: title, description: `${summary}.` },
      ]),
    ) as unknown as Strings['recipes']),
    ...FEW_LABELS_RECIPES,
  },
  metrics: { discriminatorLoss: 'discriminator', generatorLoss: 'generator' },
  engines: {
    auto: 'Automatic',
    webgpu: 'WebGPU',
    wasm: 'WebAssembly',
    'tfjs-webgpu': 'WebGPU, TensorFlow.js',
    'tfjs-webgl': 'WebGL, TensorFlow.js',
    'tfjs-wasm': 'WebAssembly, TensorFlow.js',
    'tfjs-cpu': 'JavaScript, TensorFlow.js',
  },
  engineReasons: {
    requested: 'Chosen in the settings.',
    realAdapter: 'The fastest one here: a GPU was found.',
    measured: 'The fastest one here, as measured.',
    noWebGpu: 'This browser has no WebGPU.',
    noAdapter: 'The browser found no GPU that it may use.',
    softwareAdapter: 'The only WebGPU adapter is emulated in software, slower than the processor itself.',
    deviceLost: 'The GPU went away; the run went on from its last good state.',
    noWasmSimd: 'This browser’s WebAssembly has no SIMD.',
    failedToStart: 'It did not start.',
    noAnswer: 'It did not answer.',
    fallback: 'The fastest one that works here.',
  },
  threadLimits: {
    notIsolated:
      'this page is not cross-origin isolated; serve it with the headers Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy.',
    noSharedMemory: 'this browser has no memory that threads can share.',
    sharedMemoryRefused: 'this browser does not give enough memory that threads can share.',
    pageThread: 'it runs on the page’s own thread, which may not wait for others.',
    notStarted: 'the others did not start; the browser refused their script, or it was not found.',
  },
  runStages: {
    look: {
      name: 'Look',
      description:
        'No label is used yet. Of many distorted copies of images it learns which two are of the same image, and so which images look alike.',
    },
    spread: {
      name: 'Spread',
      description:
        'Every label was passed on to the images most like its own, and from those to the next. Now it learns from the labels passed on.',
    },
    learn: {
      name: 'Learn',
      description:
        'Now it labels images itself: where it is sure what an image shows, it has to give the same answer for a distorted copy of it.',
    },
    draw: {
      name: 'Draw',
      description:
        'It goes on learning. Beside it the generator is asked for one class after the other: its images have to pass for real ones and to show what was asked for.',
    },
  },
  stages: { engine: 'Engine', data: 'Images', model: 'Networks', firstStep: 'First step' },
  notes: {
    checkpointWithoutDigest:
      'Its checkpoint is of an older build, without a digest: damage to it may go unseen.',
  },
  errors: {
    InvalidSettings: 'A setting is not allowed',
    InvalidCheckpoint: 'This file cannot be loaded',
    DataUnavailable: 'The images could not be fetched',
    DataInvalid: 'The images are damaged',
    EngineUnavailable: 'The engine cannot start here',
    DeviceLost: 'The GPU was lost',
    OutOfMemory: 'Out of memory',
    NonFiniteLoss: 'Training diverged',
    Busy: 'Not now',
    NothingToSave: 'Nothing to save yet',
    RunFinished: 'The run is finished',
    RunFailed: 'The run has failed',
    WorkerUnavailable: 'The trainer could not be loaded',
    WorkerDied: 'The trainer stopped unexpectedly',
    Aborted: 'Given up',
    Internal: 'Something went wrong',
  },
  fields: {
    recipe: { label: 'Recipe', hint: '' },
    engine: { label: 'Engine', hint: '' },
    seed: { label: 'Seed', hint: 'Same seed, same run' },
    steps: { label: 'Steps', hint: 'Updates in all' },
    labels: { label: 'Labelled images', hint: 'The rest goes unlabelled' },
    balanced: { label: 'Same number of each class', hint: '' },
    batch: { label: 'Batch', hint: '' },
    evalEvery: { label: 'Evaluate every', hint: '' },
    dropout: { label: 'Dropout', hint: '' },
    repairs: { label: 'What is mended', hint: '' },
    threads: { label: 'Threads', hint: 'WebAssembly only; 0 leaves the choice to it' },
    subgroups: { label: 'Sums over subgroups of threads (WebGPU, where the GPU has them)', hint: '' },
    float16: { label: 'Activations in half precision (WebGPU, where the GPU has it)', hint: '' },
    discriminatorLr: { label: 'Learning rate', hint: '' },
    discriminatorBeta1: { label: 'Beta 1', hint: '' },
    discriminatorBeta2: { label: 'Beta 2', hint: '' },
    generatorLr: { label: 'Learning rate', hint: '' },
    generatorBeta1: { label: 'Beta 1', hint: '' },
    generatorBeta2: { label: 'Beta 2', hint: '' },
  },
  repairs: {
    statistics: 'Statistics of a whole batch of labelled images, not of three',
    logsumexp: 'Real or fake told by the classes, not by a score of its own',
    'feature-matching': 'The generator matches features, too',
    beta1: 'Adam’s beta 1 at 0.5',
    average: 'Evaluated by averaged weights',
    kernels: 'Kernels that divide by their stride: no checkerboard',
  },
  words: WORDS,
});

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merge(defaults: unknown, given: unknown): unknown {
  if (typeof defaults === 'string') return typeof given === 'string' ? given : defaults;
  if (!isPlainObject(defaults) || !isPlainObject(given)) return defaults;
  return Object.fromEntries(Object.entries(defaults).map(([key, value]) => [key, merge(value, given[key])]));
}

function isLocale(locale: string): boolean {
  try {
    return Intl.NumberFormat.supportedLocalesOf(locale).length > 0;
  } catch {
    return false;
  }
}

/** The defaults with what is given laid over them; what is unknown or no text is left out. */
export function mergeStrings(given: StringsInput | null | undefined): Strings {
  const known = merge(DEFAULT_STRINGS, given) as Strings;
  // Which metrics there are is the recipe's.
  const named = Object.entries(given?.metrics ?? {}).filter(([, name]) => typeof name === 'string');
  const merged = {
    ...known,
    metrics: { ...known.metrics, ...(Object.fromEntries(named) as Record<string, string>) },
  };
  return isLocale(merged.locale) ? merged : { ...merged, locale: DEFAULT_STRINGS.locale };
}

/** A text with its `{name}`s filled in; names without a value stay as they are. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => values[name] ?? placeholder);
}

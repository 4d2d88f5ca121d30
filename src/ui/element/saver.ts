/** Makes the files that Save offers: those of the worker and those of what the page knows. */

import type { ImagesReport } from '../../protocol/reports.js';
import { TrainerError } from '../../protocol/errors.js';
import type { RunModel } from './run-model.js';
import { fileName, metricsCsv, picturePng, zipFiles } from './saved-files.js';
import type { TrainerSession } from '../trainer-session.js';

export const SAVE_KINDS = ['checkpoint', 'model', 'samples', 'metrics'] as const;
export type SaveKind = (typeof SAVE_KINDS)[number];

/** What there is to save now. */
export function availableKinds({
  canSave,
  model,
}: Pick<TrainerSession, 'canSave' | 'model'>): ReadonlySet<SaveKind> {
  const isBusy = model.state === 'loading';
  const available: Record<SaveKind, boolean> = {
    checkpoint: canSave && !isBusy,
    model: canSave && !isBusy,
    samples: model.generated !== null,
    metrics: model.evaluations.length > 0,
  };
  return new Set(SAVE_KINDS.filter((kind) => available[kind]));
}

function nothingYet(what: string): Error {
  return new TrainerError(
    'NothingToSave',
    `Nothing can be saved: there are no ${what} yet; start the training.`,
  );
}

function generatedOf({ generated }: RunModel): ImagesReport {
  if (generated === null) throw nothingYet('generated images');
  return generated;
}

/** A file with its name. Throws `NothingToSave`, and what the worker throws. */
export async function makeFile(session: TrainerSession, kind: SaveKind): Promise<File> {
  const { model } = session;
  // From before the worker answers: a run that goes on is at a later step by then.
  const { step, settings } = model;
  const file = (content: BlobPart, extension: string, type: string, at = step): File => {
    if (settings === null)
      throw new TrainerError('NothingToSave', 'Nothing can be saved: there is no run yet; start one.');
    return new File([content], fileName(settings, at, kind, extension), { type });
  };
  switch (kind) {
    case 'checkpoint':
      return file(await session.save(), 'safetensors', 'application/octet-stream');
    case 'model':
      return file(zipFiles(await session.exportModel()), 'zip', 'application/zip');
    case 'samples': {
      const images = generatedOf(model);
      return file(picturePng(images.grid), 'png', 'image/png', images.step);
    }
    case 'metrics':
      if (model.evaluations.length === 0) throw nothingYet('evaluations');
      return file(metricsCsv(model.evaluations), 'csv', 'text/csv');
    default:
      return kind satisfies never;
  }
}

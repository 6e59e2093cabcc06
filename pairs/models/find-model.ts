// Finds the model that `--model` names.

import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { jobFile } from '../../models/trainer/read-job.ts';
import { listJobs } from '../../models/trainer/state.ts';
import { isAddress } from '../../run/address.ts';
import { fail, ifThere } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { StartModel } from './options.ts';

/**
 * What a name means: with a slash, a model's folder or a job's; otherwise a model of the settings whose place is a
 * folder, or a training job of the run. Errors: PAIRS_MODEL_UNKNOWN.
 */
export async function findStartModel(
  run: Run,
  got: string,
): Promise<{ model: StartModel; modelName: string }> {
  if (/[\\/]/.test(got)) {
    const folder = resolve(got);
    if ((await ifThere(stat(folder)))?.isDirectory() === true)
      return { model: await modelIn(folder), modelName: basename(folder) };
  }
  const entries = run.settings.models.flatMap(({ name, model }) =>
    typeof model === 'string' && /[\\/]/.test(model) && !isAddress(model) ? [{ name, folder: model }] : [],
  );
  const entry = entries.find(({ name }) => name === got);
  if (entry !== undefined) {
    const folder = resolve(run.settingsFolder, entry.folder);
    return { model: await modelIn(folder), modelName: got };
  }
  const jobs = await listJobs(run.files.training);
  if (jobs.includes(got)) return { model: { checkpoint: join(run.files.training, got) }, modelName: got };
  throw fail('PAIRS_MODEL_UNKNOWN', {
    got: got.slice(0, 200),
    known: [...entries.map(({ name }) => name), ...jobs.filter((job) => !job.startsWith('pairs.'))],
  });
}

async function modelIn(folder: string): Promise<StartModel> {
  return (await ifThere(stat(join(folder, jobFile)))) === undefined ? { folder } : { checkpoint: folder };
}

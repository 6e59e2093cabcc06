// Writes a training job: hashes its inputs, fills in the defaults and checks the whole. A job never changes once
// it is written.

import { isAbsolute, join, relative, resolve } from 'node:path';
import { commitBytes } from '../../data/files/commit.ts';
import { statFile } from '../../data/files/files.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { fail, ifThere } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import { name as nameSchema } from '../../run/model-settings.ts';
import { hashModelFolder } from './folder-hash.ts';
import { type Job, type JobDraft, jobVersion } from './job.ts';
import { checkJob, jobFile } from './read-job.ts';

type Planned<D> = D extends { inputs: readonly (infer I)[] }
  ? Omit<D, 'version' | 'inputs'> & { inputs: readonly Omit<I, 'sha256'>[] }
  : never;

/** A job without its version and the hashes of its inputs. Paths are absolute. */
export type JobPlan = Planned<JobDraft>;

/**
 * Writes `plan` as the job NAME in the folder `training` and returns the job's folder. Paths inside the run become
 * relative, so that the run can move. The hash of a model's or tokenizer's folder is added where the folder is
 * there; one that an earlier job is yet to make has none. A job that was written with the same content stays.
 * Errors: TRAINING_JOB_INVALID, TRAINING_JOB_EXISTS, FILE_NOT_FOUND, FILE_UNREADABLE, WRITE_FAILED, DISK_FULL.
 */
export async function writeJob(training: string, name: string, plan: JobPlan): Promise<string> {
  if (!nameSchema.safeParse(name).success || name === tokensFolder)
    throw fail('TRAINING_JOB_INVALID', {
      job: name,
      problems: [
        `a job's name starts with a letter or digit, has only letters, digits, ".", "_" and "-", and is not ` +
          `"${tokensFolder}"`,
      ],
    });
  const folder = join(training, name);
  const place = (path: string): string => placeOf(path, folder, resolve(training, '..'));
  const inputs: Job['inputs'] = [];
  for (const input of plan.inputs)
    inputs.push({ ...input, path: place(input.path), sha256: await hashOnce(input.path) });
  const job = checkJob(name, {
    version: jobVersion,
    ...plan,
    ...('model' in plan ? { model: await hashed(plan.model, place) } : {}),
    ...('tokenizer' in plan ? { tokenizer: await hashed(plan.tokenizer, place) } : {}),
    inputs,
  });
  const text = `${JSON.stringify(job, null, 1)}\n`;
  const path = join(folder, jobFile);
  const before = await ifThere(readRegular(path, 'utf8'));
  if (before !== undefined && before !== text)
    throw fail('TRAINING_JOB_EXISTS', { job: name, folder: training });
  if (before === undefined) await commitBytes(path, text);
  return folder;
}

/** The folder in training/ that is no job: the token files that jobs share. */
export const tokensFolder = 'tokens';

function placeOf(path: string, folder: string, run: string): string {
  const inside = relative(run, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : relative(folder, path);
}

/** A model or tokenizer of a plan, with the hash of its folder. */
async function hashed(value: unknown, place: (path: string) => string): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value;
  if ('checkpoint' in value && typeof value.checkpoint === 'string')
    return { ...value, checkpoint: place(value.checkpoint) };
  if (!('folder' in value) || typeof value.folder !== 'string') return value;
  const { folder } = value;
  const sha256 = await hashModelFolder(folder);
  return { ...(sha256 === undefined ? {} : { sha256 }), ...value, folder: place(folder) };
}

/** Hashes of files by path, size and time: the jobs of one plan share their inputs. */
const known = new Map<string, string>();

async function hashOnce(path: string): Promise<string> {
  const { bytes, modifiedMs } = await statFile(path);
  const key = `${path} ${bytes} ${modifiedMs}`;
  const hash = known.get(key) ?? (await sha256File(path));
  known.set(key, hash);
  return hash;
}

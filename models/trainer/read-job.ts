// Reads job.json.

import { basename, join } from 'node:path';
import { z } from 'zod';
import { BetrError, fail, reasonOf, systemCode } from '../../run/errors/errors.ts';
import { allowedBy, describeIssues, valueInside } from '../../run/issues.ts';
import { readRegular } from '../../run/regular-file.ts';
import { findProblems } from './job-inputs.ts';
import { type Job, jobSchema, jobVersion } from './job.ts';

/** The file in a job's folder that says what to do. */
export const jobFile = 'job.json';

/** A job and the text that it was read from. */
export interface JobText {
  job: Job;
  text: string;
}

/**
 * Reads the job in a folder; undefined if there is none. Errors: TRAINING_JOB_INVALID, TRAINING_JOB_VERSION,
 * FILE_UNREADABLE.
 */
export async function readJob(folder: string): Promise<JobText | undefined> {
  const path = join(folder, jobFile);
  let text: string;
  try {
    text = await readRegular(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return undefined;
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
  return { job: parseJob(basename(folder), text), text };
}

/** Errors: TRAINING_JOB_INVALID, TRAINING_JOB_VERSION. */
function parseJob(name: string, text: string): Job {
  try {
    return checkJob(name, JSON.parse(text));
  } catch (error) {
    if (error instanceof BetrError) throw error;
    throw fail('TRAINING_JOB_INVALID', { job: name, problems: [`${jobFile}: ${reasonOf(error)}`] }, error);
  }
}

const checkedSchema = jobSchema.check(({ value, issues }) => {
  for (const { path, message } of findProblems(value))
    issues.push({ code: 'custom', input: valueInside(value, path), path, message });
});
const versioned = z.looseObject({ version: z.unknown() });

/**
 * A job with its defaults filled in. Errors: TRAINING_JOB_INVALID, which names every field at fault;
 * TRAINING_JOB_VERSION.
 */
export function checkJob(name: string, value: unknown): Job {
  const version = versioned.safeParse(value).data?.version;
  if (version !== undefined && version !== jobVersion)
    throw fail('TRAINING_JOB_VERSION', { job: name, got: JSON.stringify(version), version: jobVersion });
  const parsed = checkedSchema.safeParse(value, { error: allowedBy });
  if (parsed.success) return parsed.data;
  throw fail('TRAINING_JOB_INVALID', {
    job: name,
    problems: describeIssues(parsed.error.issues, value, 'the job'),
  });
}

// Measures a training job by a few steps of it, without touching its folder.

import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { endError } from './outcome.ts';
import { checkPython, type Python, workerEnvironment } from './python.ts';
import { fail, reasonOf } from '../../run/errors/errors.ts';

const measuredSchema = z.looseObject({
  tokensPerSecond: z.number().positive(),
  peakMemoryMb: z.number(),
  flopsPerToken: z.number(),
});
export type MeasuredJob = z.output<typeof measuredSchema>;

const longestMs = 1_800_000;

/** Runs so many steps of a job. Errors: TRAINER_PYTHON, TRAINER_PACKAGES, and those of a worker. */
export async function measureJob(python: Python, folder: string, steps: number): Promise<MeasuredJob> {
  await checkPython(python);
  const job = basename(folder);
  try {
    const { stdout } = await promisify(execFile)(
      python.program,
      ['-m', 'betr_trainer', '--measure', folder, String(steps)],
      { encoding: 'utf8', env: workerEnvironment(), timeout: longestMs },
    );
    return measuredSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  } catch (error) {
    const ended =
      isNativeError(error) && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
    const log =
      isNativeError(error) && 'stderr' in error && typeof error.stderr === 'string' ? error.stderr : '';
    throw (
      (ended === undefined
        ? undefined
        : endError(job, { code: ended, signal: null, log, last: undefined })) ??
      fail('TRAINING_FAILED', { job, reason: `Its steps could not be measured: ${reasonOf(error)}.` }, error)
    );
  }
}

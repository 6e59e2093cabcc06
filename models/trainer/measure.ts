// Times some steps of a job, to say what it will take before it runs.

import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import { endError } from './outcome.ts';
import { lastLine, type Python, workerEnvironment } from './python.ts';

const measureSchema = z.object({
  secondsPerStep: z.number(),
  tokensPerSecond: z.number(),
  peakMemoryMb: z.number(),
  flopsPerToken: z.number(),
  /** Of jobs on pairs: what the whole job takes, and the weights that it trains. */
  steps: z.number().optional(),
  seconds: z.number().optional(),
  flops: z.number().optional(),
  parameters: z.number().optional(),
  trainable: z.number().optional(),
});
export type JobMeasure = z.output<typeof measureSchema>;

const failedSchema = z.object({ code: z.number(), stderr: z.string() });
const mostMs = 3_600_000;

/**
 * Runs some steps of the job in a folder, without touching the folder. Errors: those of a job that the worker
 * refuses or cannot run (outcome.ts).
 */
export async function measureJob(
  python: Python,
  folder: string,
  { steps, threads }: { steps: number; threads?: number },
): Promise<JobMeasure> {
  const job = basename(folder);
  try {
    const { stdout } = await promisify(execFile)(
      python.program,
      ['-m', 'betr_trainer', '--measure', folder, String(steps)],
      { encoding: 'utf8', env: workerEnvironment(threads), timeout: mostMs },
    );
    return measureSchema.parse(JSON.parse(lastLine(stdout)));
  } catch (error) {
    const failed = failedSchema.safeParse(error).data;
    throw (
      (failed && endError(job, { code: failed.code, signal: null, log: failed.stderr, last: undefined })) ??
      fail('TRAINING_FAILED', { job, reason: `Its steps could not be timed: ${reasonOf(error)}.` }, error)
    );
  }
}

// Submits job scripts to Slurm.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fail, reasonOf, systemCode } from '../run/errors/errors.ts';

/** The value of --sbatch, which every script gets; `array` says what sets the size of the array. */
export function parseSbatch(option: string, array: string): string {
  if (/^(--array\b|-a)/.test(option))
    throw fail('OPTION_INVALID', {
      option: '--sbatch',
      got: option,
      allowed: `an option for every job; ${array}`,
    });
  if (option.includes('\n'))
    throw fail('OPTION_INVALID', { option: '--sbatch', got: option, allowed: 'a single line' });
  return option;
}

/** Submits a script and returns the job id. Errors: SLURM_FAILED. */
export async function submit([program = '', ...args]: readonly string[] = []): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { encoding: 'utf8', env: process.env });
    return stdout.trim().split(';')[0] ?? '';
  } catch (error) {
    const reason =
      systemCode(error) === 'ENOENT' ? 'sbatch is not installed on this machine' : reasonOf(error).trim();
    throw fail('SLURM_FAILED', { reason }, error);
  }
}

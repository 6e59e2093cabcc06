// The process of a job that an earlier server started, and how a job ended.

import { setTimeout } from 'node:timers/promises';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ending } from './process.ts';
import { type JobRecord, readOutcome, readProcess } from './records.ts';

const identifyWithinMs = 3_000;

/**
 * The process of a job whose server was killed before it could record it: a command identifies itself
 * within moments.
 */
export async function findProcess(run: Run, id: string): Promise<JobRecord['process']> {
  for (let waitedMs = 0; waitedMs < identifyWithinMs; waitedMs += 100) {
    const found = await readProcess(run, id);
    if (found !== null) return found;
    await setTimeout(100, undefined, { ref: false });
  }
  return null;
}

export type Outcome = Pick<JobRecord, 'state' | 'problem'>;

/** The outcome of a job, from the output of its command. */
export async function outcomeOf(run: Run, { id, state }: JobRecord, ending: Ending): Promise<Outcome> {
  const outcome = await readOutcome(run, id);
  if (outcome !== undefined && 'result' in outcome) return { state: 'done', problem: null };
  if (state === 'cancelling') return { state: 'cancelled', problem: null };
  if (outcome !== undefined) return { state: 'failed', problem: outcome.problem };
  const { code, message } =
    ending === 'unseen'
      ? fail('JOB_INTERRUPTED', {
          reason: 'its process ended without a result while no server was watching',
        })
      : fail('JOB_KILLED', { how: ending.signal ?? `exit code ${ending.code ?? '?'}` });
  return { state: ending === 'unseen' ? 'interrupted' : 'failed', problem: { code, detail: message } };
}

// How a worker ended, as an error of the catalog: from its exit code, and the code and sentence of its last line.

import { type BetrError, fail } from '../../run/errors/errors.ts';
import type { TrainingEvent } from './events.ts';

export interface WorkerEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The end of standard error. */
  log: string;
  /** The last event that it wrote. */
  last: TrainingEvent | undefined;
}

/** The worker's exit codes. */
const exits = { done: 0, refused: 2, stopped: 3, busy: 4 } as const;

const byCode = {
  INPUT_CHANGED: 'TRAINING_INPUT_CHANGED',
  INPUT_MISSING: 'TRAINING_INPUT_MISSING',
  EMPTY_INPUT: 'TRAINING_INPUT_EMPTY',
  TOKENIZER_MISMATCH: 'TRAINING_TOKENIZER',
  MODEL_UNSAFE: 'TRAINING_MODEL_UNSAFE',
  OUT_OF_MEMORY: 'TRAINING_MEMORY',
  LOSS_NOT_FINITE: 'TRAINING_LOSS',
  DISK_FULL: 'TRAINING_DISK_FULL',
} as const;

/** The error of a worker that did not finish its job; undefined if it did. */
export function endError(job: string, { code, signal, log, last }: WorkerEnd): BetrError | undefined {
  if (code === exits.done) return undefined;
  if (code === exits.stopped) return fail('TRAINING_STOPPED', { job });
  if (code === null) return fail('TRAINING_KILLED', { job, how: signal ?? 'no exit code' });
  const { name, reason } = sentenceOf(log, last, code);
  if (code === exits.busy) return fail('TRAINING_BUSY', { job, reason });
  if (name === 'JOB_INVALID' || name === 'JOB_VERSION')
    return fail('TRAINING_JOB_INVALID', { job, problems: [reason] });
  const known = Object.entries(byCode).find(([workers]) => workers === name)?.[1];
  return fail(known ?? 'TRAINING_FAILED', { job, reason });
}

/** The worker's last line is "CODE: sentence"; without one, its last event says what failed. */
function sentenceOf(
  log: string,
  last: TrainingEvent | undefined,
  code: number,
): { name: string | undefined; reason: string } {
  const line = log.trim().split('\n').at(-1) ?? '';
  const [, name, sentence] = /^([A-Z][A-Z_]+): (.+)$/.exec(line) ?? [];
  if (sentence !== undefined) return { name, reason: ended(sentence) };
  if (last?.event === 'failed' && last.message !== undefined)
    return { name: last.code, reason: ended(last.message) };
  return { name: undefined, reason: ended(line === '' ? `Its worker ended with exit code ${code}` : line) };
}

function ended(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

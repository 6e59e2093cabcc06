// lm-evaluation-harness, run by the worker's Python on the models of finished jobs.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { lastLine, type Python, workerEnvironment } from './python.ts';

export interface HarnessRequest {
  models: readonly { job: string; folder: string }[];
  /** Names of tasks. */
  tasks: readonly string[];
  /** A folder with more tasks; null for none. */
  include: string | null;
  /** Most items of a task; null for all. */
  limit: number | null;
  /** Items at a time. */
  batch: number;
}

const right = z.union([z.literal(0), z.literal(1)]);
const answer = z.strictObject({
  job: z.string(),
  tasks: z.array(
    z.strictObject({
      task: z.string(),
      metrics: z.record(z.string(), z.number()),
      /** Whether the harness found each item right, in total and by character; only tasks with choices have these. */
      items: z.array(z.strictObject({ id: z.string(), acc: right.optional(), acc_norm: right.optional() })),
    }),
  ),
});
export type HarnessAnswer = z.output<typeof answer>;

const logCharacters = 16_384;

/** Yields what the harness found for each model, in order. Errors: LM_EVAL_FAILED. */
export async function* runHarness(python: Python, request: HarnessRequest): AsyncGenerator<HarnessAnswer> {
  const child = spawn(python.program, ['-m', 'betr_trainer.harness'], { env: workerEnvironment() });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  // Reported below; a consumer that stops early must not leave it unhandled.
  ended.catch(() => undefined);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    log = (log + piece).slice(-logCharacters);
  });
  child.stdin.on('error', () => undefined).end(JSON.stringify(request));
  let done = 0;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      yield answer.parse(JSON.parse(line));
      done++;
    }
    if ((await ended) === 0) return;
    const reason = lastLine(log);
    throw fail('LM_EVAL_FAILED', {
      job: request.models[done]?.job ?? '',
      reason: reason === '' ? 'It ended without a word.' : /[.!?]$/.test(reason) ? reason : `${reason}.`,
    });
  } finally {
    child.kill();
  }
}

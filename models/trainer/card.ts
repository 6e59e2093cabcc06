// card.json: the worker's record of a finished job, sealed. A job with a card is done and is never run again.

import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { fail, reasonOf, systemCode } from '../../run/errors/errors.ts';
import { parseOwnFile } from '../../run/issues.ts';
import { readRegular } from '../../run/regular-file.ts';
import { fingerprint } from '../../run/run.ts';
import { sha256 } from './job.ts';
import type { JobText } from './read-job.ts';

export const cardFile = 'card.json';
/** The table of results, by kind of job; the card has its hash. */
export const resultFile = 'result.parquet';

const count = z.number().nonnegative();

/** Kinds add fields of their own. */
export const trainingCardSchema = z.looseObject({
  version: z.literal(1),
  kind: z.string(),
  /** SHA-256 of job.json. */
  job: sha256,
  inputs: z.array(z.object({ name: z.string(), sha256 })),
  /** The hash of the model's folder; null for a new model. */
  model: sha256.nullable(),
  versions: z.record(z.string(), z.string().nullable()),
  device: z.string(),
  threads: z.number(),
  dtype: z.string().nullable(),
  parameters: count.nullable(),
  parametersWithoutEmbeddings: count.nullable(),
  flops: count.nullable(),
  flopsWithoutEmbeddings: count.nullable(),
  tokens: count.nullable(),
  /** How often each token of the data was seen. */
  passes: count.nullable(),
  seconds: z.number(),
  /** How often the job went on after an interruption. */
  resumed: z.number().int().nonnegative(),
  /** With the defaults that the worker filled in. */
  settings: z.record(z.string(), z.unknown()),
  result: z.object({ sha256, rows: z.number().int().nonnegative() }),
});
export type TrainingCard = z.output<typeof trainingCardSchema>;

const sealed = z.looseObject({ seal: z.string() });

/**
 * The card in a job's folder; undefined if there is none. Its seal is checked, and that it is the card of this job.
 * The seal is the SHA-256 of everything else as RFC 8785 writes it: keys sorted, no blanks, numbers as in
 * JavaScript. Errors: TRAINING_CARD.
 */
export async function readCard(
  folder: string,
  { text }: Pick<JobText, 'text'>,
): Promise<TrainingCard | undefined> {
  const path = join(folder, cardFile);
  const refuse = (reason: string, cause?: unknown) =>
    fail('TRAINING_CARD', { job: basename(folder), path, reason }, cause);
  let value: unknown;
  let seal: string;
  try {
    ({ seal, ...value } = sealed.parse(JSON.parse(await readRegular(path, 'utf8'))));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw refuse(error instanceof z.ZodError ? 'it has no seal' : reasonOf(error), error);
  }
  if (seal !== fingerprint(value)) throw refuse('its seal does not match its content');
  const card = parseOwnFile(value, trainingCardSchema);
  if ('problem' in card) throw refuse(card.problem);
  if (card.value.job !== createHash('sha256').update(text).digest('hex'))
    throw refuse('it belongs to another job.json');
  return card.value;
}

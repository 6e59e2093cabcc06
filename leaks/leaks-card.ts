// leaks.json: what was searched for, in which shards, and what was found; leaks.parquet next to it has every
// passage.

import { z } from 'zod';
import { chunkSchema } from '../data/chunks.ts';
import { readJson } from '../data/files/commit.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';

const whole = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const leaksCardSchema = z.strictObject({
  version: z.literal(1),
  inputs: z.strictObject({
    tests: sha256,
    files: z.array(z.string()),
    /**
     * Runs of this many words are searched for; shorter texts as a whole, and those of fewer than
     * `fewestWords` not at all.
     */
    runWords: whole,
    fewestWords: whole,
    shards: z.array(
      z.strictObject({
        shard: z.string(),
        bytes: whole,
        modifiedMs: z.number(),
        chunks: z.array(chunkSchema).min(1),
      }),
    ),
  }),
  corpus: z.strictObject({ documents: whole, textBytes: whole, quarantined: whole }),
  /** Documents with a passage of any test item, and the number of passages. */
  documents: whole,
  passages: whole,
  benchmarks: z.array(
    z.strictObject({
      benchmark: z.string(),
      items: whole,
      /** Too short to search for. */
      unchecked: whole,
      /** Items with a passage in some document, and those documents. */
      touched: whole,
      documents: whole,
      /** Most words first. */
      worst: z.array(
        z.strictObject({
          shard: z.string(),
          row: whole,
          document: z.string(),
          item: z.string(),
          words: whole,
          passage: z.string(),
        }),
      ),
      /**
       * Items whose text equals that of an example in the run's benchmark files except for case, punctuation
       * and spaces.
       */
      identical: whole,
      identicalPairs: z.array(
        z.strictObject({ item: z.string(), benchmark: z.string(), example: z.string() }),
      ),
    }),
  ),
  testRowsQuarantined: whole,
  /** SHA-256 of leaks.parquet. */
  sha256,
});
export type LeaksCard = z.output<typeof leaksCardSchema>;

/** Reads the run's leaks.json. Errors: STEP_MISSING, FILE_UNREADABLE, FILE_DAMAGED. */
export async function readLeaks(run: Run): Promise<LeaksCard> {
  const card = await readJson(run.files.leaks, leaksCardSchema, 'betr leaks');
  if (card === undefined)
    throw fail('STEP_MISSING', { need: 'list of leaks', command: 'betr leaks --tests FILES' });
  return card;
}

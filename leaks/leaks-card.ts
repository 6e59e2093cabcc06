// leaks.json: what was searched for, in which shards, and what was found; leaks.parquet next to it has every
// passage.

import { z } from 'zod';
import { count, sha256 } from '../run/schemas.ts';
import { chunkSchema } from '../data/chunks.ts';
import { readJson } from '../data/files/commit.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';

export const leaksCardSchema = z.strictObject({
  version: z.literal(1),
  inputs: z.strictObject({
    tests: sha256,
    files: z.array(z.string()),
    /**
     * Runs of this many words are searched for; shorter texts as a whole, and those of fewer than
     * `fewestWords` not at all.
     */
    runWords: count,
    fewestWords: count,
    shards: z.array(
      z.strictObject({
        shard: z.string(),
        bytes: count,
        modifiedMs: z.number(),
        chunks: z.array(chunkSchema).min(1),
      }),
    ),
  }),
  corpus: z.strictObject({ documents: count, textBytes: count, quarantined: count }),
  /** Documents with a passage of any test item, and the number of passages. */
  documents: count,
  passages: count,
  benchmarks: z.array(
    z.strictObject({
      benchmark: z.string(),
      items: count,
      /** Too short to search for. */
      unchecked: count,
      /** Items with a passage in some document, and those documents. */
      touched: count,
      documents: count,
      /** Most words first. */
      worst: z.array(
        z.strictObject({
          shard: z.string(),
          row: count,
          document: z.string(),
          item: z.string(),
          words: count,
          passage: z.string(),
        }),
      ),
      /**
       * Items whose text equals that of an example in the run's benchmark files except for case, punctuation
       * and spaces.
       */
      identical: count,
      identicalPairs: z.array(
        z.strictObject({ item: z.string(), benchmark: z.string(), example: z.string() }),
      ),
    }),
  ),
  testRowsQuarantined: count,
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

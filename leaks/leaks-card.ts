// leaks.json: what was looked for, in which shards, and what was found; leaks.parquet beside it has every
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
     * Runs of so many words are looked for, texts of fewer whole, and those of fewer than `fewestWords` not
     * at all.
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
  /** Documents with a passage of any test item, and the passages. */
  documents: whole,
  passages: whole,
  benchmarks: z.array(
    z.strictObject({
      benchmark: z.string(),
      items: whole,
      /** Too short to be looked for. */
      unchecked: whole,
      /** Items that some document has a passage of, and the documents. */
      touched: whole,
      documents: whole,
      /** Of most words first. */
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
       * Items whose text is that of an example in the run's benchmark files but for case, punctuation and
       * spaces.
       */
      identical: whole,
      identicalPairs: z.array(
        z.strictObject({ item: z.string(), benchmark: z.string(), example: z.string() }),
      ),
    }),
  ),
  testRowsQuarantined: whole,
  /** Of leaks.parquet. */
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

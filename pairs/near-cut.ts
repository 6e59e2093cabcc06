// The pairs on both sides of a cut, with their texts.

import { z } from 'zod';
import { queryRows } from '../data/duckdb/rows.ts';
import type { Run } from '../run/run.ts';
import { cutTable, keepAnswerSchema, type KeepQuestion, type OpenCut, withCut } from './answer.ts';
import { readShownPairs, type ShownPair, shownPairSchema } from './shown-pair.ts';

export const nearCutSchema = z.strictObject({
  answer: keepAnswerSchema,
  /** The last that are kept, the last one first. */
  kept: z.array(shownPairSchema),
  /** The first that are dropped. */
  dropped: z.array(shownPairSchema),
});
export type NearCut = z.output<typeof nearCutSchema>;

/** Reads `limit` pairs of each side, with `characters` of each text. Errors: those of `withCut`. */
export function readNearCut(
  run: Run,
  name: string,
  question: KeepQuestion,
  { limit, characters }: { limit: number; characters: number },
): Promise<NearCut> {
  return withCut(run, name, question, async (cut) => {
    const [kept, dropped] = [
      await listTurns(cut, 'WHERE kept ORDER BY turn DESC', limit),
      await listTurns(cut, 'WHERE NOT kept AND turn IS NOT NULL ORDER BY turn', limit),
    ];
    const { connection, set, measurement, answer } = cut;
    const numbers = [...kept, ...dropped];
    const read =
      numbers.length === 0
        ? new Map<number, ShownPair>()
        : await readShownPairs(connection, set, measurement, `pair IN (${numbers.join()})`, characters);
    const show = (pairs: readonly number[]): ShownPair[] => pairs.flatMap((pair) => read.get(pair) ?? []);
    return { answer, kept: show(kept), dropped: show(dropped) };
  });
}

async function listTurns({ connection }: OpenCut, which: string, limit: number): Promise<number[]> {
  const rows = await queryRows(
    connection,
    `SELECT pair::DOUBLE AS pair FROM ${cutTable} ${which} LIMIT ${limit}`,
    z.object({ pair: z.number() }),
  );
  return rows.map(({ pair }) => pair);
}

// Corpora for a scorer that leaves some documents without a score, and what it makes of them the slow and
// obvious way.

import fc from 'fast-check';
import { join } from 'node:path';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import type { Unknown } from '../../scoring/part.ts';
import { rankingRun } from '../../scoring/scorers/list.ts';
import type { Run } from '../../run/run.ts';
import { makeTrainedRun } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { pick } from '../scoring/picky-scorer.ts';
import '../scoring/use-picky.ts';
import { type Row, sumTokens, writeShard } from './synthetic.ts';

export interface Line {
  id: string;
  source: string;
  tokens: number;
  text: string;
}

const line: fc.Arbitrary<Line> = fc.record({
  id: fc.integer({ min: 0, max: 30 }).map((id) => `key-${id}`),
  source: fc.constantFrom('books', 'web', ''),
  tokens: fc.integer({ min: 0, max: 50 }),
  // Long enough for several parts of a chunk.
  text: fc
    .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 9 }))
    .map(([words, ending]) => `${'ab cde '.repeat(words)}${'x'.repeat(ending)}o`),
});
/** At least one document has a score. */
export const corpora = fc
  .array(fc.array(line, { minLength: 1, maxLength: 80 }), { minLength: 1, maxLength: 4 })
  .filter((shards) => shards.flat().some(({ text }) => pick(text).score !== null));

/** A ranking of the shards by the picky scorer, in a new run. */
export async function withPicky(
  shards: readonly (readonly Line[])[],
  use: (main: Run, run: Run, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    for (const [i, lines] of shards.entries())
      await writeShard(
        join(folder, 'corpus', `${i}.jsonl`),
        lines.map((one) => `${JSON.stringify(one)}\n`).join(''),
      );
    const main = await makeTrainedRun(folder, { chunkMegabytes: 0.004 });
    await use(main, rankingRun(main, 'picky'), folder);
  });
}

type Found = Row & { reason: string | null };

/** Every document, with or without a score. */
export function scoreSlowly(shards: readonly (readonly Line[])[]): { scored: Row[]; unknown: Found[] } {
  const all = shards.flatMap((lines, i) =>
    lines.map(({ id, source, tokens, text }, row) => {
      const { score, other, reason } = pick(text);
      const scores = { other };
      return {
        shard: `corpus/${i}.jsonl`,
        row,
        document: id,
        source,
        tokens,
        score: score ?? NaN,
        scores,
        reason,
      };
    }),
  );
  return {
    scored: all.filter(({ reason }) => reason === null),
    unknown: all.filter(({ reason }) => reason !== null),
  };
}

export function groupSlowly(unknown: readonly Found[]): Unknown | undefined {
  const keys = [...new Set(unknown.map(({ source, reason }) => JSON.stringify([source, reason])))];
  const groups = keys.map((key) => {
    const own = unknown.filter(({ source, reason }) => JSON.stringify([source, reason]) === key);
    return {
      source: own[0]?.source ?? '',
      reason: own[0]?.reason ?? '',
      documents: own.length,
      tokens: sumTokens(own),
    };
  });
  return groups.length === 0
    ? undefined
    : groups.sort((a, b) => (`${a.source}\n${a.reason}` < `${b.source}\n${b.reason}` ? -1 : 1));
}

const selected = z.object({
  shard: z.string(),
  row: z.number(),
  document: z.string(),
  score: z.number().nullable(),
});
export function readSelected(folder: string): Promise<z.output<typeof selected>[]> {
  return withDuckDb({ threads: 1 }, (connection) =>
    queryRows(
      connection,
      'SELECT shard, "row"::DOUBLE AS "row", document, score FROM ' +
        parquetSource(join(folder, 'selection.parquet')),
      selected,
    ),
  );
}

export const byPlace = (a: { shard: string; row: number }, b: { shard: string; row: number }): number =>
  a.shard === b.shard ? a.row - b.row : a.shard < b.shard ? -1 : 1;
export const asSelected = ({ shard, row, document, score }: Row): z.output<typeof selected> => ({
  shard,
  row,
  document,
  score: Number.isNaN(score) ? null : score,
});

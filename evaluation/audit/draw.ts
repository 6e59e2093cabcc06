// Draws the documents of an audit: the same number from each slice of scores, spread over the slice's sources
// by their share of its documents, and at random within a source. The same ranking, seed and options give the
// same draw.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { sqlString } from '../../data/duckdb/duckdb.ts';
import { queryRows, sqlScore } from '../../data/duckdb/rows.ts';
import { fail } from '../../run/errors/errors.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import { binFloor } from '../../scoring/part.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { withScores } from '../../ranking/scores.ts';
import { shardId } from '../../ranking/shards.ts';
import { type Audit, chanceOf, type Drawn, type Slice } from './audit.ts';
import { cutSlices, randomStarts, type ScoreGroup, shareOut, spreadOverSources } from './strata.ts';

export interface DrawOptions {
  scorer: string;
  question: string;
  /** Documents to draw; all if the ranking has fewer. */
  count: number;
  /** Slices of scores. */
  slices: number;
  /** Share of the documents that two people are to judge. */
  twice: number;
  seed: number;
}

/** Draws an audit of a ranking, without saving it. Errors: those of `withScores`. */
export async function drawAudit(run: Run, ranking: Ranking, options: DrawOptions): Promise<Audit> {
  const { generation } = ranking;
  return withScores(run, ranking, async (connection, table) => {
    const plan = cutSlices(await groupScores(connection, table, ranking, options.slices), options.slices);
    const shares = shareOut(
      options.count,
      plan.map((slice) => slice.documents),
    );
    const slices = plan.map((slice, at): Slice => ({ ...slice, drawn: shares[at] ?? 0 }));
    const strata = await spread(connection, table, slices, options.seed);
    const drawn = chooseTwice(await pick(connection, table, slices, strata, options.seed), options);
    const names = new Set(drawn.map(({ shard }) => shard));
    return {
      id: `a${fingerprint({ generation, ...options }).slice(0, 11)}`,
      drawnAt: new Date().toISOString(),
      question: options.question,
      scorer: options.scorer,
      generation,
      seed: options.seed,
      twice: options.twice,
      // Documents without a score are in no slice.
      documents: slices.reduce((sum, slice) => sum + slice.documents, 0),
      tokens: slices.reduce((sum, slice) => sum + slice.tokens, 0),
      slices,
      shards: listShards(ranking, names),
      drawn,
    };
  });
}

function listShards({ parts }: Ranking, names: ReadonlySet<string>): Audit['shards'] {
  const found = new Map(
    parts.flatMap(({ covers }) =>
      covers.map(({ shard, bytes, modifiedMs }) => [shard, { shard, bytes, modifiedMs }] as const),
    ),
  );
  return [...found.values()].filter(({ shard }) => names.has(shard));
}

const score = z.number().transform((value) => value + 0);

/**
 * The ranking's documents by score, best first: by bin of the histogram, and by single score in the bins
 * where a slice may end.
 */
async function groupScores(
  connection: DuckDBConnection,
  table: string,
  { histogram }: Ranking,
  slices: number,
): Promise<ScoreGroup[]> {
  const documents = histogram.reduce((sum, [, inBin]) => sum + inBin, 0);
  let above = 0;
  const isSplit = histogram.map(([, inBin]) => {
    const first = Math.floor((above * slices) / documents);
    above += inBin;
    return Math.floor((above * slices) / documents) > first;
  });
  const within = histogram.flatMap(([bin], at) =>
    isSplit[at] === true
      ? [`(score >= ${sqlScore(binFloor(bin))} AND score < ${sqlScore(binFloor(bin + 1))})`]
      : [],
  );
  const single = await queryRows(
    connection,
    'SELECT score AS "from", count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens FROM ' +
      `${table} WHERE ${within.join(' OR ')} GROUP BY score`,
    z.object({ from: score, documents: count, tokens: count }),
  );
  const whole = histogram.flatMap(([bin, inBin, tokens], at) =>
    isSplit[at] === true ? [] : [{ from: binFloor(bin) + 0, documents: inBin, tokens }],
  );
  return [...whole, ...single].sort((a, b) => b.from - a.from);
}

interface Stratum {
  slice: number;
  source: string;
  documents: number;
  drawn: number;
}

/** SQL for the slice of a row. */
function sliceColumn(slices: readonly Slice[]): string {
  const cases = slices.flatMap(({ from }, at) =>
    from === null ? [] : [`WHEN score >= ${sqlScore(from)} THEN ${at}`],
  );
  return cases.length === 0 ? '0' : `CASE ${cases.join(' ')} ELSE ${slices.length - 1} END`;
}

/** How many documents to draw from each source of each slice; only those with any. */
async function spread(
  connection: DuckDBConnection,
  table: string,
  slices: readonly Slice[],
  seed: number,
): Promise<Stratum[]> {
  const sources = await queryRows(
    connection,
    `SELECT ${sliceColumn(slices)} AS slice, source, count(*)::DOUBLE AS documents FROM ${table} ` +
      'GROUP BY ALL ORDER BY slice, source',
    z.object({ slice: count, source: z.string(), documents: count }),
  );
  const starts = randomStarts(seed, slices.length);
  return slices
    .flatMap(({ drawn }, slice) => {
      const own = sources.filter((stratum) => stratum.slice === slice);
      const shares = spreadOverSources(
        drawn,
        own.map(({ documents }) => documents),
        starts[slice] ?? 0,
      );
      return own.map((stratum, at) => ({ ...stratum, drawn: shares[at] ?? 0 }));
    })
    .filter(({ drawn }) => drawn > 0);
}

const pickedRow = z.object({
  document: z.string(),
  shard: z.string(),
  row: count,
  source: z.string(),
  tokens: count,
  score,
  slice: count,
});

/**
 * The documents of each stratum with the smallest seeded hashes. Only rows below a hash that far more
 * documents than needed fall below are sorted.
 */
async function pick(
  connection: DuckDBConnection,
  table: string,
  slices: readonly Slice[],
  strata: readonly Stratum[],
  seed: number,
): Promise<z.output<typeof pickedRow>[]> {
  const wanted = strata.map(({ slice, source, documents, drawn }) => {
    const enough = drawn + 10 * Math.sqrt(drawn) + 60;
    return `(${slice}, ${sqlString(source)}, ${drawn}, ${Math.min(1, enough / documents)})`;
  });
  const chance =
    `('0x' || left(md5(${sqlString(`${seed}\n`)} || shard || chr(10) || "row"), 12))::BIGINT / ` +
    `${16 ** 12}::DOUBLE`;
  const picked = await queryRows(
    connection,
    `WITH wanted(slice, source, drawn, below) AS (VALUES ${wanted.join(', ')}), ranked AS (SELECT ` +
      `document, shard, "row"::DOUBLE AS "row", source, tokens::DOUBLE AS tokens, score, ` +
      `${sliceColumn(slices)} AS slice, ${chance} AS chance FROM ${table}) ` +
      'SELECT ranked.* EXCLUDE chance FROM ranked JOIN wanted USING (slice, source) WHERE chance < below ' +
      'QUALIFY row_number() OVER (PARTITION BY slice, source ORDER BY chance, shard, "row") <= drawn ' +
      'ORDER BY slice, source, chance, shard, "row"',
    pickedRow,
  );
  const total = strata.reduce((sum, { drawn }) => sum + drawn, 0);
  if (picked.length !== total)
    throw fail('INTERNAL', { reason: `drew ${picked.length} documents instead of ${total}` });
  return picked;
}

/** Marks the documents for two people: the same share of every slice, at random within it. */
function chooseTwice(picked: readonly z.output<typeof pickedRow>[], { seed, twice }: DrawOptions): Drawn[] {
  const drawn = picked.map((row): Drawn => ({
    id: `${shardId(row.shard)}-${row.row}`,
    ...row,
    twice: false,
  }));
  const ordered = drawn.toSorted(
    (a, b) => a.slice - b.slice || chanceOf('twice', seed, a.id) - chanceOf('twice', seed, b.id),
  );
  const upTo = (place: number): number => Math.round(place * twice);
  const chosen = new Set(ordered.filter((_, at) => upTo(at + 1) > upTo(at)).map(({ id }) => id));
  return drawn.map((own) => ({ ...own, twice: chosen.has(own.id) }));
}

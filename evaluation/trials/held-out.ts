// Texts that no arm trains on, by source: what a cut costs elsewhere. They are drawn before anything is selected, and
// every selection leaves them out.

import { z } from 'zod';
import { queryRows } from '../../data/duckdb/rows.ts';
import { parquetSource, sqlString } from '../../data/duckdb/duckdb.ts';
import { commitFile } from '../../data/files/commit.ts';
import { listCorpus } from '../../data/shards.ts';
import { readTexts } from '../../data/texts.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../../ranking/generation.ts';
import type { LeakMask } from '../../ranking/selection/leak-mask.ts';
import { withScores } from '../../ranking/scores.ts';
import { groupBy } from '../audit/judged.ts';

const mostSources = 24;
/** There is one text for validation to so many others. */
const forValidation = 5;
/** Of a longer text, this much is measured. */
const mostCharacters = 1000;
/** At most this share of the documents is held out, so that small sources keep most of theirs. */
const mostShare = 0.1;

/** SQL of a number in [0, 1) for a document key; one for each `use`. */
export function chanceOf(use: string, seed: number): string {
  return `(('0x' || left(md5(${sqlString(`${use} ${seed}\n`)} || document), 12))::BIGINT / ${16 ** 12})`;
}

const drawnRow = z.object({ shard: z.string(), row: z.number(), document: z.string(), source: z.string() });
export type HeldOutText = z.output<typeof drawnRow> & {
  text: string;
  /** For tuning a learning rate; the others measure the trained models. */
  isValidation: boolean;
};

/**
 * Draws up to `perSource` documents without test items from each of the largest sources, and some for validation,
 * writes their list (shard, row, document, source) to `path`, and reads their texts. Errors: those of `withScores`
 * and of reading the corpus.
 */
export async function drawHeldOut(
  run: Run,
  ranking: Ranking,
  { leaky }: LeakMask,
  { path, perSource }: { path: string; perSource: number },
  report: Report,
): Promise<HeldOutText[]> {
  const chance = chanceOf('held out', run.settings.sample.seed);
  const drawn = await withScores(run, ranking, async (connection, table) => {
    await connection.run(
      `CREATE TEMP TABLE drawn AS
       WITH largest AS (
        SELECT source FROM ${table} GROUP BY source ORDER BY sum(tokens) DESC, source LIMIT ${mostSources})
       SELECT shard, "row", document, source FROM (
         SELECT shard, "row", document, source, ${chance} AS chance FROM ${table} WHERE source IN (FROM largest)
       ) WHERE chance < ${mostShare} AND NOT ${leaky}
       QUALIFY row_number() OVER (PARTITION BY source ORDER BY chance, shard, "row")
        <= ${perSource + Math.ceil(perSource / forValidation)}`,
    );
    await commitFile(path, async (temporary) => {
      await connection.run(
        `COPY (FROM drawn ORDER BY shard, "row") TO ${sqlString(temporary)} (FORMAT parquet, COMPRESSION zstd)`,
      );
    });
    return queryRows(
      connection,
      'SELECT shard, "row"::DOUBLE AS "row", document, source FROM drawn ORDER BY source, document, shard, "row"',
      drawnRow,
    );
  });
  const texts = await readAll(run, drawn, report);
  const readable = drawn.flatMap((each) => {
    const text = texts.get(keyOf(each));
    return text === undefined ? [] : [{ ...each, text }];
  });
  return [...groupBy(readable, ({ source }) => source).values()].flatMap(divide);
}

/** Sets texts of a source aside for validation, evenly spaced, and at least one of two. */
function divide(texts: readonly Omit<HeldOutText, 'isValidation'>[]): HeldOutText[] {
  const count = texts.length;
  const aside = Math.min(count - 1, Math.ceil(count / (forValidation + 1)));
  const before = (place: number): number => Math.floor((place * aside) / count);
  return texts.map((text, place) => ({ ...text, isValidation: before(place + 1) > before(place) }));
}

/** SQL condition that selects documents that are not held out, by key: a key may occur more than once. */
export function notHeldOut(path: string): string {
  return `document NOT IN (SELECT document FROM ${parquetSource(path)})`;
}

const keyOf = ({ shard, row }: { shard: string; row: number }): string => `${shard}#${row}`;

async function readAll(
  run: Run,
  drawn: readonly z.output<typeof drawnRow>[],
  report: Report,
): Promise<Map<string, string>> {
  const shards = new Map((await listCorpus(run)).map((shard) => [shard.name, shard]));
  const names = [...new Set(drawn.map(({ shard }) => shard))].sort();
  const found = new Map<string, string>();
  for (const [done, name] of names.entries()) {
    report({ stage: 'trial: read held-out texts', done, total: names.length, unit: 'shards' });
    const shard = shards.get(name);
    if (shard === undefined) throw fail('FILE_NOT_FOUND', { path: name, what: 'Shard' });
    const rows = drawn.filter((each) => each.shard === name).map(({ row }) => row);
    for await (const { row, text } of readTexts(shard, run.settings.corpus.fields, rows)) {
      const whole = Buffer.from(text).toString('utf8').trim();
      if (whole !== '') found.set(keyOf({ shard: name, row }), whole.slice(0, mostCharacters).toWellFormed());
    }
  }
  return found;
}

// What `betr verify` checks of parts: their content against the figures that are listed, their cards, their
// bad rows, and that they cover every shard.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { openSums } from '../../scoring/sums.ts';
import {
  cardFile,
  type CoveredRows,
  type ListedPart,
  type PartCard,
  partCardSchema,
  quarantineFile,
  scoreBin,
} from '../../scoring/part.ts';
import { parquetSource, sqlString } from '../../data/duckdb/duckdb.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { rowsWritten } from '../../data/files/quarantine.ts';
import { readRegular, readRegularSync } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { formatOf } from '../../data/shards.ts';
import type { Ranking } from '../generation.ts';
import { withRunDatabase } from '../scores.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

type Tell = (problem: string) => void;

/** What is said of a file whose checksum is not the one that was written down. */
export const isAnother = 'is not what was written: its checksum is another one';

/** Parts that one query looks at: it has all of them open. */
const filesPerQuery = 32;

const count = z.number();
const score = z.number().or(z.nan());
/** What a part has in it of a shard; null where it has no row. */
const contentSchema = z.object({
  part: count,
  /** Null where not all rows are of the one shard that they should be of. */
  shard: z.string().nullable(),
  documents: count,
  /** Whether no row is there twice. */
  different: z.boolean().nullable(),
  first: count.nullable(),
  last: count.nullable(),
  tokens: count.nullable(),
  lowest: score.nullable(),
  highest: score.nullable(),
  finite: z.boolean().nullable(),
});
type Content = z.output<typeof contentSchema>;

/** Counts, sums, extremes and row numbers in the parts themselves. */
export async function verifyContent(
  run: Run,
  parts: readonly ListedPart[],
  tell: Tell,
  report: Report,
): Promise<void> {
  await withRunDatabase(run, async (connection) => {
    for (let from = 0; from < parts.length; from += filesPerQuery) {
      const some = parts.slice(from, from + filesPerQuery);
      const compare = async (chosen: readonly ListedPart[]): Promise<void> => {
        const found = await queryRows(
          connection,
          chosen.map((part, index) => contentQuery(run, part, index)).join(' UNION ALL '),
          contentSchema,
        );
        for (const [index, part] of chosen.entries())
          comparePart(
            part,
            found.filter((content) => content.part === index && content.documents > 0),
            tell,
          );
      };
      try {
        await compare(some);
      } catch {
        // One of them cannot be read, and says so by itself.
        for (const part of some)
          await compare([part]).catch((error: unknown) =>
            tell(
              `${join(run.files.scores, part.file)} cannot be read: ${reasonOf(error)}. Remove it and run "betr rank".`,
            ),
          );
      }
      report({ stage: 'verify: rows', done: from + some.length, total: parts.length, unit: 'parts' });
    }
  });
}

/**
 * What a part has in it, by shard. That the rows of a single shard are different ones shows in their order,
 * which DuckDB keeps, and looks at in a fraction of the time that counting different ones takes. All pages
 * that are counted are read; the lowest and the highest score are those that DuckDB wrote down as it wrote
 * the pages, as to find them anew takes a third of the time for all. Packs are small, and their shards are
 * grouped.
 */
function contentQuery(run: Run, { file, covers }: ListedPart, index: number): string {
  const source = parquetSource(join(run.files.scores, file));
  const figures =
    'count(score)::DOUBLE AS documents, min("row")::DOUBLE AS "first", max("row")::DOUBLE ' +
    'AS "last", sum(tokens)::DOUBLE AS tokens, isfinite(sum(score)) AS finite';
  const [only] = covers;
  if (only === undefined || covers.length > 1) {
    return (
      `SELECT ${index}::DOUBLE AS part, shard, ${figures}, count(DISTINCT "row") = count(score) AS ` +
      `different, min(score)::DOUBLE AS lowest, max(score)::DOUBLE AS highest FROM ${source} GROUP BY shard`
    );
  }
  return (
    `SELECT ${index}::DOUBLE AS part, *
    FROM (SELECT CASE WHEN bool_and(shard IS NOT DISTINCT FROM ${sqlString(only.shard)}) ` +
    `THEN ${sqlString(only.shard)} END AS shard, ${figures}, bool_and("row" > before) AS different
      FROM (SELECT *, lag("row") OVER () AS before FROM ${source})), (SELECT min(score)::DOUBLE AS ` +
    `lowest, max(score)::DOUBLE AS highest FROM ${source})`
  );
}

function comparePart(part: ListedPart, found: readonly Content[], tell: Tell): void {
  const { file, covers, documents } = part;
  if (found.length === 0) {
    if (documents > 0) tell(`${file} has no document where ${documents} are listed`);
    return;
  }
  const say = (what: string, got: unknown, want: unknown): void => {
    if (got !== want) tell(`${file} has ${what} ${String(got)} where ${String(want)} is listed`);
  };
  say(
    'documents',
    sum(found, (content) => content.documents),
    documents,
  );
  say(
    'tokens',
    sum(found, ({ tokens }) => tokens ?? 0),
    part.tokens,
  );
  say(
    'lowest score',
    Math.min(...found.map(({ lowest }) => lowest ?? Number.NaN)),
    part.scores?.[0] ?? 'none',
  );
  say(
    'highest score',
    Math.max(...found.map(({ highest }) => highest ?? Number.NaN)),
    part.scores?.[1] ?? 'none',
  );
  if (found.some(({ finite }) => finite !== true)) tell(`${file} has scores that are no numbers`);
  // Of a single row there is nothing to compare.
  if (found.some(({ different }) => different === false))
    tell(`${file} has rows that are there twice, or not in their order`);
  const byShard = new Map(found.map((content) => [content.shard, content]));
  for (const { shard, firstRow, rows, documents: listed } of covers) {
    const { documents: own, first, last } = byShard.get(shard) ?? { documents: 0, first: null, last: null };
    if (covers.length > 1) say(`documents of ${shard}`, own, listed);
    if ((first ?? firstRow) < firstRow || (last ?? firstRow) >= Math.max(firstRow + 1, firstRow + rows))
      tell(`${file} has rows ${first} to ${last} of ${shard}, which are not its own`);
    byShard.delete(shard);
  }
  if (byShard.size > 0)
    tell(
      `${file} has rows of another shard ` +
        `than ${covers.length === 1 ? (covers[0]?.shard ?? '') : 'those that are listed'}`,
    );
}

/** Every part's card against its checksum and the part, and all cards against the ranking. */
export function verifyCards(run: Run, ranking: Ranking, tell: Tell): void {
  const figures = openSums();
  let allRead = true;
  for (const part of ranking.parts) {
    const card = readCard(join(run.files.scores, cardFile(part.file)), part, tell);
    if (card === undefined) {
      allRead = false;
      continue;
    }
    figures.add(card);
    const { histogram, sources } = card;
    const agrees =
      sum(histogram, ([, documents]) => documents) === part.documents &&
      sum(histogram, ([, , tokens]) => tokens) === part.tokens &&
      sum(sources, ({ documents }) => documents) === part.documents &&
      (part.scores === null ||
        (histogram.at(-1)?.[0] === scoreBin(part.scores[0]) &&
          histogram[0]?.[0] === scoreBin(part.scores[1])));
    if (!agrees) tell(`${cardFile(part.file)} does not add up to what is listed of its part`);
  }
  if (!allRead) return;
  const { histogram, sources } = figures.result();
  if (JSON.stringify(histogram) !== JSON.stringify(ranking.histogram))
    tell('ranking.json has another histogram than its parts');
  if (JSON.stringify(sources) !== JSON.stringify(ranking.sources))
    tell('ranking.json has other sources than its parts');
}

/** The card, where it is what was listed. Read at one stroke, as there are many, and each is small. */
function readCard(path: string, { cardSha256 }: ListedPart, tell: Tell): PartCard | undefined {
  try {
    const text = readRegularSync(path);
    if (createHash('sha256').update(text).digest('hex') === cardSha256)
      return partCardSchema.parse(JSON.parse(text.toString('utf8')));
    tell(`${path} ${isAnother}. Remove it and run "betr rank".`);
  } catch (error) {
    tell(`${path} cannot be read (${reasonOf(error)}). Remove it, if it is there, and run "betr rank".`);
  }
  return undefined;
}

function sum<T>(rows: readonly T[], of: (row: T) => number): number {
  let total = 0;
  for (const row of rows) total += of(row);
  return total;
}

const badRow = z.union([
  z.object({ file: z.string(), position: count }),
  z.object({ rowsNotWritten: count }),
]);

/** The bad rows of each part: as many as are listed, each its own and once. */
export async function verifyQuarantine(run: Run, parts: readonly ListedPart[], tell: Tell): Promise<void> {
  for (const { file, covers, quarantined, quarantineSha256 } of parts) {
    if (quarantined === 0) continue;
    const path = join(run.files.quarantine, quarantineFile(file));
    try {
      const text = await readRegular(path, 'utf8');
      if (
        quarantineSha256 !== undefined &&
        createHash('sha256').update(text).digest('hex') !== quarantineSha256
      )
        tell(`${path} ${isAnother}. Remove it and run "betr rank".`);
      const lines = text
        .trim()
        .split('\n')
        .map((line) => badRow.parse(JSON.parse(line)));
      const byShard = new Map(covers.map((rows) => [rows.shard, { ...rows, positions: new Set<number>() }]));
      for (const line of lines) {
        const own = 'position' in line ? byShard.get(line.file) : undefined;
        if (
          own !== undefined &&
          'position' in line &&
          line.position >= own.firstRow &&
          line.position < own.firstRow + own.rows
        )
          own.positions.add(line.position);
      }
      const found = sum([...byShard.values()], ({ positions }) => positions.size);
      const written = lines.filter((line) => 'position' in line).length;
      if (found !== Math.min(quarantined, rowsWritten) || written !== found)
        tell(
          `${path} has ${found === written ? found : `${found} different ones among ${written}`} rows ` +
            `of its part where ${quarantined} are listed`,
        );
      if (quarantined > rowsWritten) continue;
      for (const { shard, quarantined: listed, positions } of byShard.values())
        if (covers.length > 1 && positions.size !== listed)
          tell(`${path} has ${positions.size} rows of ${shard} where ${listed} are listed`);
    } catch (error) {
      tell(`${path} cannot be read: ${reasonOf(error)}. Remove it, if it is there, and run "betr rank".`);
    }
  }
}

/** Every shard's rows from the first to the last, each in exactly one part. */
export function verifyTiling(parts: readonly ListedPart[], tell: Tell): void {
  for (const { file, covers, documents, quarantined } of parts) {
    if (
      sum(covers, (rows) => rows.documents) !== documents ||
      sum(covers, (rows) => rows.quarantined) !== quarantined
    )
      tell(`${file}: the figures of its shards do not add up to its own`);
  }
  const covered = parts
    .flatMap(({ file, covers }) => covers.map((rows) => ({ ...rows, file })))
    .sort((a, b) => (a.shard === b.shard ? a.firstRow - b.firstRow : a.shard < b.shard ? -1 : 1));
  let before: CoveredRows | undefined;
  const end = (rows: CoveredRows | undefined): void => {
    if (rows !== undefined && !rows.endsShard)
      tell(`${rows.shard}: the rows from ${rows.firstRow + rows.rows} on are in no part`);
  };
  for (const { file, ...rows } of covered) {
    const begins = rows.shard !== before?.shard;
    if (begins) end(before);
    const expected = begins || before === undefined ? 0 : before.firstRow + before.rows;
    if (rows.firstRow > expected)
      tell(`${rows.shard}: rows ${expected} to ${rows.firstRow - 1} are in no part`);
    if (rows.firstRow < expected || (!begins && before?.endsShard === true))
      tell(`${rows.shard}: rows from ${rows.firstRow} are in two parts`);
    const left = rows.rows - rows.documents - rows.quarantined;
    // Only files of lines can have blank ones.
    if (left > 0 && formatOf(rows.shard) === 'parquet')
      tell(`${file} has ${left} rows of ${rows.shard} neither as documents nor in quarantine`);
    if (left < 0)
      tell(
        `${file} has ${rows.documents} documents and ${rows.quarantined} bad rows out of ${rows.rows} ` +
          `rows of ${rows.shard}`,
      );
    before = rows;
  }
  end(before);
}

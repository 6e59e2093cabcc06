// What `betr verify` checks of parts: their content against the figures that are listed, their cards, their bad rows, and that they cover every shard.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openFigures } from '../classifier/figures.ts';
import { cardFile, type ListedPart, type PartCard, partCardSchema, quarantineFile, scoreBin } from '../classifier/part.ts';
import { parquetSource, sqlString } from '../data/duckdb.ts';
import { fail, reasonOf } from '../data/errors.ts';
import type { Report } from '../data/progress.ts';
import { rowsWritten } from '../data/quarantine.ts';
import type { Run } from '../data/run.ts';
import { formatOf } from '../data/shards.ts';
import type { Ranking } from './generation.ts';
import { queryRows, withSpillingDuckDb } from './scores.ts';

type Tell = (problem: string) => void;

/** What is said of a file whose checksum is not the one that was written down. */
export const isAnother = 'is not what was written: its checksum is another one';

/** Parts that one query looks at: it has all of them open. */
const filesPerQuery = 32;

const count = z.number();
const score = z.number().or(z.nan());
/** What one part has in it; null where it has no row. */
const contentSchema = z.object({
  part: count,
  documents: count,
  ascending: z.boolean().nullable(),
  first: count.nullable(),
  last: count.nullable(),
  tokens: count.nullable(),
  lowest: score.nullable(),
  highest: score.nullable(),
  finite: z.boolean().nullable(),
  ownShard: z.boolean().nullable(),
});
type Content = z.output<typeof contentSchema>;

/** Counts, sums, extremes and row numbers in the parts themselves. */
export async function verifyContent(run: Run, parts: readonly ListedPart[], tell: Tell, report: Report): Promise<void> {
  await withSpillingDuckDb(run, async (connection) => {
    for (let from = 0; from < parts.length; from += filesPerQuery) {
      const some = parts.slice(from, from + filesPerQuery);
      const sql = some.map((part, index) => contentQuery(run, part, index)).join(' UNION ALL ');
      const found = await queryRows(connection, sql, contentSchema).catch((error: unknown) => tell(`${run.files.scores}: ${reasonOf(error)}`));
      for (const content of found ?? []) comparePart(some[content.part], content, tell);
      report({ stage: 'verify: rows', done: from + some.length, total: parts.length, unit: 'parts' });
    }
  });
}

/**
 * What a part has in it. That its rows are different ones shows in their order, which DuckDB keeps, and looks at in a fraction of the time that counting
 * different ones takes. All pages that are counted are read; the lowest and the highest score are those that DuckDB wrote down as it wrote the pages, as to
 * find them anew takes a third of the time for all.
 */
function contentQuery(run: Run, { file, shard }: ListedPart, index: number): string {
  const source = parquetSource(join(run.files.scores, file));
  return `SELECT ${index}::DOUBLE AS part, *
    FROM (SELECT count(score)::DOUBLE AS documents, bool_and("row" > before) AS ascending, min("row")::DOUBLE AS "first", max("row")::DOUBLE AS "last",
      sum(tokens)::DOUBLE AS tokens, isfinite(sum(score)) AS finite, bool_and(shard IS NOT DISTINCT FROM ${sqlString(shard)}) AS "ownShard"
      FROM (SELECT *, lag("row") OVER () AS before FROM ${source})), (SELECT min(score)::DOUBLE AS lowest, max(score)::DOUBLE AS highest FROM ${source})`;
}

function comparePart(part: ListedPart | undefined, found: Content, tell: Tell): void {
  if (part === undefined) throw fail('INTERNAL', { reason: `there is no part ${found.part}` });
  if (found.documents === 0) {
    if (part.documents > 0) tell(`${part.file} has no document where ${part.documents} are listed`);
    return;
  }
  const say = (what: string, got: unknown, want: unknown): void => {
    if (got !== want) tell(`${part.file} has ${what} ${String(got)} where ${String(want)} is listed`);
  };
  say('documents', found.documents, part.documents);
  say('tokens', found.tokens, part.tokens);
  say('lowest score', found.lowest, part.scores?.[0] ?? 'none');
  say('highest score', found.highest, part.scores?.[1] ?? 'none');
  if (found.finite !== true) tell(`${part.file} has scores that are no numbers`);
  if (found.ownShard !== true) tell(`${part.file} has rows of another shard than ${part.shard}`);
  // Of a single row there is nothing to compare.
  if (found.ascending === false) tell(`${part.file} has rows that are there twice, or not in their order`);
  if ((found.first ?? 0) < part.firstRow || (found.last ?? 0) >= part.firstRow + part.rows) tell(`${part.file} has rows ${found.first} to ${found.last}, which are not its own`);
}

/** Every part's card against its checksum and the part, and all cards against the ranking. */
export function verifyCards(run: Run, ranking: Ranking, tell: Tell): void {
  const figures = openFigures();
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
      (part.scores === null || (histogram.at(-1)?.[0] === scoreBin(part.scores[0]) && histogram[0]?.[0] === scoreBin(part.scores[1])));
    if (!agrees) tell(`${cardFile(part.file)} does not add up to what is listed of its part`);
  }
  if (!allRead) return;
  const { histogram, sources } = figures.result();
  if (JSON.stringify(histogram) !== JSON.stringify(ranking.histogram)) tell('ranking.json has another histogram than its parts');
  if (JSON.stringify(sources) !== JSON.stringify(ranking.sources)) tell('ranking.json has other sources than its parts');
}

/** The card, where it is what was listed. Read at one stroke, as there are many, and each is small. */
function readCard(path: string, { cardSha256 }: ListedPart, tell: Tell): PartCard | undefined {
  try {
    const text = readFileSync(path);
    if (createHash('sha256').update(text).digest('hex') === cardSha256) return partCardSchema.parse(JSON.parse(text.toString('utf8')));
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

const badRow = z.union([z.object({ position: count }), z.object({ rowsNotWritten: count })]);

/** The bad rows of each part: as many as are listed, each its own and once. */
export async function verifyQuarantine(run: Run, parts: readonly ListedPart[], tell: Tell): Promise<void> {
  for (const { file, firstRow, rows, quarantined, quarantineSha256 } of parts) {
    if (quarantined === 0) continue;
    const path = join(run.files.quarantine, quarantineFile(file));
    try {
      const text = await readFile(path, 'utf8');
      if (quarantineSha256 !== undefined && createHash('sha256').update(text).digest('hex') !== quarantineSha256) tell(`${path} ${isAnother}. Remove it and run "betr rank".`);
      const lines = text.trim().split('\n').map((line) => badRow.parse(JSON.parse(line)));
      const positions = new Set(lines.flatMap((line) => ('position' in line && line.position >= firstRow && line.position < firstRow + rows ? [line.position] : [])));
      if (positions.size !== Math.min(quarantined, rowsWritten)) tell(`${path} has ${positions.size} rows of its part where ${quarantined} are listed`);
    } catch (error) {
      tell(`${path} cannot be read: ${reasonOf(error)}. Remove it, if it is there, and run "betr rank".`);
    }
  }
}

/** Every shard's rows from the first to the last, each in exactly one part. */
export function verifyTiling(parts: readonly ListedPart[], tell: Tell): void {
  let before: ListedPart | undefined;
  const end = (part: ListedPart | undefined): void => {
    if (part !== undefined && part.ends !== 'shard') tell(`${part.shard}: the rows from ${part.firstRow + part.rows} on are in no part`);
  };
  for (const part of parts) {
    const begins = part.shard !== before?.shard;
    if (begins) end(before);
    const expected = begins || before === undefined ? 0 : before.firstRow + before.rows;
    if (part.firstRow > expected) tell(`${part.shard}: rows ${expected} to ${part.firstRow - 1} are in no part`);
    if (part.firstRow < expected || (!begins && before?.ends === 'shard')) tell(`${part.shard}: rows from ${part.firstRow} are in two parts`);
    const left = part.rows - part.documents - part.quarantined;
    // Only files of lines can have blank ones.
    if (left > 0 && formatOf(part.shard) === 'parquet') tell(`${part.file} has ${left} rows of ${part.shard} neither as documents nor in quarantine`);
    if (left < 0) tell(`${part.file} has ${part.documents} documents and ${part.quarantined} bad rows out of ${part.rows} rows`);
    before = part;
  }
  end(before);
}

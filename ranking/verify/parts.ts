// What `betr verify` checks of parts: their content against the figures that are listed, their cards, their
// bad rows, and that they cover every shard.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { openFigures } from '../../scoring/sums.ts';
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
import { formatCountOf } from '../../run/amounts.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { rowsWritten } from '../../data/files/quarantine.ts';
import { readRegular, readRegularSync } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { formatOf } from '../../data/shards.ts';
import type { Ranking } from '../generation.ts';
import { withRunDatabase } from '../scores.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

type AddProblem = (problem: string) => void;

/** The problem of a file whose checksum differs from the recorded one. */
export const isAltered = 'is damaged: its checksum does not match';

/** Parts in one query, which has all of them open. */
const filesPerQuery = 32;

const count = z.number();
const score = z.number().or(z.nan());
/** A part's rows of one shard; null for no rows. */
const contentSchema = z.object({
  part: count,
  /** Null if not all rows are of the one shard they should be of. */
  shard: z.string().nullable(),
  documents: count,
  /** Whether all rows are distinct. */
  different: z.boolean().nullable(),
  first: count.nullable(),
  last: count.nullable(),
  tokens: count.nullable(),
  lowest: score.nullable(),
  highest: score.nullable(),
  finite: z.boolean().nullable(),
});
type Content = z.output<typeof contentSchema>;

/** Checks counts, sums, extremes and row numbers in the parts themselves. */
export async function verifyContent(
  run: Run,
  parts: readonly ListedPart[],
  addProblem: AddProblem,
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
            addProblem,
          );
      };
      try {
        await compare(some);
      } catch {
        // One of them cannot be read; query each alone to find it.
        for (const part of some)
          await compare([part]).catch((error: unknown) =>
            addProblem(
              `${join(run.files.scores, part.file)} cannot be read: ${reasonOf(error)}. Remove it and run "betr rank".`,
            ),
          );
      }
      report({ stage: 'verify: rows', done: from + some.length, total: parts.length, unit: 'parts' });
    }
  });
}

/**
 * The content of a part, by shard. For a single shard, rows are distinct if they are in order, which is much
 * faster to check than counting distinct ones; DuckDB keeps the order. Counts read all pages, while lowest
 * and highest scores come from Parquet statistics, as computing them takes a third of the total time. Packs
 * are small, so they are simply grouped by shard.
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

function comparePart(part: ListedPart, found: readonly Content[], addProblem: AddProblem): void {
  const { file, covers, documents } = part;
  if (found.length === 0) {
    if (documents > 0) addProblem(`${file} has no documents, but ${documents} are listed`);
    return;
  }
  const say = (what: string, got: unknown, want: unknown): void => {
    if (got !== want) addProblem(`${file}: ${what} should be ${String(want)}, found ${String(got)}`);
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
  if (found.some(({ finite }) => finite !== true)) addProblem(`${file} has scores that are not numbers`);
  // Null for a single row, which has no predecessor.
  if (found.some(({ different }) => different === false))
    addProblem(`${file} has rows that are duplicate or out of order`);
  const byShard = new Map(found.map((content) => [content.shard, content]));
  for (const { shard, firstRow, rows, documents: listed } of covers) {
    const { documents: own, first, last } = byShard.get(shard) ?? { documents: 0, first: null, last: null };
    if (covers.length > 1) say(`documents of ${shard}`, own, listed);
    if ((first ?? firstRow) < firstRow || (last ?? firstRow) >= Math.max(firstRow + 1, firstRow + rows))
      addProblem(`${file} has rows ${first} to ${last} of ${shard}, which belong to another part`);
    byShard.delete(shard);
  }
  if (byShard.size > 0)
    addProblem(
      `${file} has rows of a shard other ` +
        `than ${covers.length === 1 ? (covers[0]?.shard ?? '') : 'those listed'}`,
    );
}

/** Checks every part's card against its checksum and the part, and all cards against the ranking. */
export function verifyCards(run: Run, ranking: Ranking, addProblem: AddProblem): void {
  const figures = openFigures();
  let allRead = true;
  for (const part of ranking.parts) {
    const card = readCard(join(run.files.scores, cardFile(part.file)), part, addProblem);
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
    if (!agrees) addProblem(`${cardFile(part.file)} does not match the listed totals of its part`);
  }
  if (!allRead) return;
  const { histogram, sources } = figures.result();
  if (JSON.stringify(histogram) !== JSON.stringify(ranking.histogram))
    addProblem('the histogram of ranking.json does not match its parts');
  if (JSON.stringify(sources) !== JSON.stringify(ranking.sources))
    addProblem('the sources of ranking.json do not match its parts');
}

/** The card, if its checksum matches. Read synchronously, as there are many small ones. */
function readCard(path: string, { cardSha256 }: ListedPart, addProblem: AddProblem): PartCard | undefined {
  try {
    const text = readRegularSync(path);
    if (createHash('sha256').update(text).digest('hex') === cardSha256)
      return partCardSchema.parse(JSON.parse(text.toString('utf8')));
    addProblem(`${path} ${isAltered}. Remove it and run "betr rank".`);
  } catch (error) {
    addProblem(
      `${path} cannot be read (${reasonOf(error)}). Remove it, if it is there, and run "betr rank".`,
    );
  }
  return undefined;
}

function sum<T>(rows: readonly T[], of: (row: T) => number): number {
  let total = 0;
  for (const row of rows) total += of(row);
  return total;
}

const invalidRow = z.union([
  z.object({ file: z.string(), position: count }),
  z.object({ rowsNotWritten: count }),
]);

/** Checks the invalid rows of each part: as many as listed, all of this part, none twice. */
export async function verifyQuarantine(
  run: Run,
  parts: readonly ListedPart[],
  addProblem: AddProblem,
): Promise<void> {
  for (const { file, covers, quarantined, quarantineSha256 } of parts) {
    if (quarantined === 0) continue;
    const path = join(run.files.quarantine, quarantineFile(file));
    try {
      const text = await readRegular(path, 'utf8');
      if (
        quarantineSha256 !== undefined &&
        createHash('sha256').update(text).digest('hex') !== quarantineSha256
      )
        addProblem(`${path} ${isAltered}. Remove it and run "betr rank".`);
      const lines = text
        .trim()
        .split('\n')
        .map((line) => invalidRow.parse(JSON.parse(line)));
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
        addProblem(
          `${path} has ${found} distinct rows of its part in ${written} lines, but ${quarantined} are listed`,
        );
      if (quarantined > rowsWritten) continue;
      for (const { shard, quarantined: listed, positions } of byShard.values())
        if (covers.length > 1 && positions.size !== listed)
          addProblem(`${path} has ${positions.size} rows of ${shard}, but ${listed} are listed`);
    } catch (error) {
      addProblem(
        `${path} cannot be read: ${reasonOf(error)}. Remove it, if it is there, and run "betr rank".`,
      );
    }
  }
}

/** Checks that every row of every shard is in exactly one part. */
export function verifyTiling(parts: readonly ListedPart[], addProblem: AddProblem): void {
  for (const { file, covers, documents, quarantined } of parts) {
    if (
      sum(covers, (rows) => rows.documents) !== documents ||
      sum(covers, (rows) => rows.quarantined) !== quarantined
    )
      addProblem(`${file}: the counts of its shards do not add up to its totals`);
  }
  const covered = parts
    .flatMap(({ file, covers }) => covers.map((rows) => ({ ...rows, file })))
    .sort((a, b) => (a.shard === b.shard ? a.firstRow - b.firstRow : a.shard < b.shard ? -1 : 1));
  let before: CoveredRows | undefined;
  const end = (rows: CoveredRows | undefined): void => {
    if (rows !== undefined && !rows.endsShard)
      addProblem(`${rows.shard}: the rows from ${rows.firstRow + rows.rows} on are in no part`);
  };
  for (const { file, ...rows } of covered) {
    const begins = rows.shard !== before?.shard;
    if (begins) end(before);
    const expected = begins || before === undefined ? 0 : before.firstRow + before.rows;
    if (rows.firstRow > expected)
      addProblem(`${rows.shard}: rows ${expected} to ${rows.firstRow - 1} are in no part`);
    if (rows.firstRow < expected || (!begins && before?.endsShard === true))
      addProblem(`${rows.shard}: rows from ${rows.firstRow} are in two parts`);
    const left = rows.rows - rows.documents - rows.quarantined;
    // Only line-based files can have blank rows.
    if (left > 0 && formatOf(rows.shard) === 'parquet')
      addProblem(
        `${file} has ${formatCountOf(left, 'row')} of ${rows.shard} neither scored nor in quarantine`,
      );
    if (left < 0)
      addProblem(
        `${file} has ${rows.documents} documents and ${rows.quarantined} invalid rows of ${rows.shard}, ` +
          `but covers only ${rows.rows} of its rows`,
      );
    before = rows;
  }
  end(before);
}

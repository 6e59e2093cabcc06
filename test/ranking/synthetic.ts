// Rankings for tests: rows in, a run with Parquet parts as the classifier writes them out; and the cutoff the
// slow and obvious way.

import { mkdir, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Part, scoreBin } from '../../scoring/part.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { openRun, type Run } from '../../run/run.ts';
import { type Ranking } from '../../ranking/generation.ts';
import { publishRanking } from '../../ranking/publish.ts';
import { sha256File } from '../../data/files/hash-files.ts';

export interface Row {
  shard: string;
  row: number;
  document: string;
  source: string;
  tokens: number;
  score: number;
  /**
   * By benchmark; of none but `sums`, which is 0 everywhere, where it is left out. All rows have the same.
   */
  scores?: Record<string, number>;
}

export const scorer = { outputs: ['joint', 'sums'], sha256: 'f'.repeat(64) };

function benchmarksOf(rows: readonly Row[]): string[] {
  return Object.keys(rows[0]?.scores ?? { sums: 0 });
}

/** Calls `use` with a new run in a temporary folder, which is removed afterwards. */
export async function withRun<T>(use: (run: Run) => Promise<T>, corpusFiles = 'corpus/*'): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-ranking-'));
  try {
    await writeFile(
      join(folder, 'betr.yaml'),
      `corpus: {files: ["${corpusFiles}"]}\nbenchmarks: [{name: sums, files: [sums.jsonl]}]\n`,
    );
    return await use(await openRun(join(folder, 'betr.yaml')));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Writes the rows as parts, one for each shard, and returns their cards. `shard` says what the shards are on
 * disk.
 */
export async function writeParts(
  run: Run,
  rows: readonly Row[],
  estimatedDocuments = 0,
  shard = { bytes: 1, modifiedMs: 1 },
): Promise<Part[]> {
  await mkdir(run.files.scores, { recursive: true });
  const shards = [...new Set(rows.map((row) => row.shard))].sort();
  const benchmarks = benchmarksOf(rows);
  const float = (score: number): string => `'${Object.is(score, -0) ? '-0' : score}'::FLOAT`;
  return withDuckDb({ threads: 1 }, async (connection) => {
    const parts: Part[] = [];
    for (const name of shards) {
      const own = rows.filter((row) => row.shard === name);
      const file = `${name.replaceAll('/', '_')}-00000.parquet`;
      const path = join(run.files.scores, file);
      const scoresOf = (row: Row): number[] => [
        row.score,
        ...benchmarks.map((name) => row.scores?.[name] ?? 0),
      ];
      const values = own.map(
        (row) =>
          `(${sqlString(row.shard)}, ${row.row}, ${sqlString(row.document)}, ${sqlString(row.source)}, ` +
          `${row.tokens}, ${scoresOf(row).map(float).join(', ')})`,
      );
      const columns = benchmarks.map((name) => `"score_${name}"`).join(', ');
      await connection.run(
        `COPY (SELECT shard, "row"::BIGINT AS "row", document, source, tokens::BIGINT AS tokens, score, ${columns}
               FROM (VALUES ${values.join(', ')}) AS part (shard, "row", document, source, tokens, ` +
          `score, ${columns})) TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      const scores = own.map(({ score }) => score);
      parts.push({
        file,
        covers: [
          {
            shard: name,
            ...shard,
            firstRow: 0,
            rows: own.length,
            documents: own.length,
            quarantined: 1,
            endsShard: true,
          },
        ],
        ends: 'chunk',
        scores: [Math.min(...scores), Math.max(...scores)],
        ...tally(own),
        estimatedDocuments,
        textBytes: 10 * own.length,
        quarantined: 1,
        bytes: (await stat(path)).size,
        sha256: await sha256File(path),
        cardSha256: '0'.repeat(64),
      });
    }
    return parts;
  });
}

function tally(rows: readonly Row[]): Pick<Part, 'documents' | 'tokens' | 'sources' | 'histogram'> {
  const group = <K extends string | number>(keyOf: (row: Row) => K): [K, number, number][] =>
    [...new Set(rows.map(keyOf))].map((key) => {
      const own = rows.filter((row) => keyOf(row) === key);
      return [key, own.length, sumTokens(own)];
    });
  return {
    documents: rows.length,
    tokens: sumTokens(rows),
    sources: group((row) => row.source).map(([source, documents, tokens]) => ({ source, documents, tokens })),
    histogram: group((row) => scoreBin(row.score)).sort(([a], [b]) => b - a),
  };
}

/** A published ranking of the rows. */
export async function rankRows(run: Run, rows: readonly Row[], estimatedDocuments = 0): Promise<Ranking> {
  return publishRanking(run, await writeParts(run, rows, estimatedDocuments), {
    ...scorer,
    outputs: ['joint', ...benchmarksOf(rows)],
  });
}

/**
 * `count` made-up documents in three shards and four sources, the same every time; scores repeat now and
 * then.
 */
export function makeRows(count: number): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    shard: `corpus/shard-${index % 3}.jsonl`,
    row: Math.floor(index / 3),
    document: `document-${(index * 7919) % count}`,
    source: ['books', 'code', 'news', 'science'][(index * 31) % 4] ?? '',
    tokens: (index * 37) % 400,
    score: Math.fround(Math.sin(index) + (index % 4 === 1 ? 1 : 0) - (index % 5 === 0 ? 0.25 : 0)),
  }));
}

/** `makeRows` with scores for three benchmarks, two of which repeat theirs. */
export function makeScoredRows(count: number): Row[] {
  return makeRows(count).map((row, index) => ({
    ...row,
    scores: {
      gsm8k: Math.fround(Math.cos(3 * index)),
      arc_easy: Math.round(8 * Math.sin(5 * index)) / 8,
      mmlu: (index * 17) % 23,
    },
  }));
}

/** The kept rows in the order of keeping: sorts everything, adds up, stops at the first that does not fit. */
export function keepByPlainSort(rows: readonly Row[], share: number): Row[] {
  const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const sorted = rows.toSorted(
    (a, b) => b.score - a.score || bytes(a.document, b.document) || bytes(a.shard, b.shard) || a.row - b.row,
  );
  const limit = share * sumTokens(rows);
  const kept: Row[] = [];
  let running = 0;
  for (const row of sorted) {
    running += row.tokens;
    if (running > limit) break;
    kept.push(row);
  }
  return kept;
}

export function sumTokens(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + row.tokens, 0);
}

/**
 * Writes a file of the corpus with a fixed modification time, so that parts can say they were made from it.
 */
export async function writeShard(path: string, bytes: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  await utimes(path, 1_700_000_000, 1_700_000_000);
}

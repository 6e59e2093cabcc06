// `betr leaks`: finds the documents that contain benchmark test items, and the test items that are also
// training examples. Finds every run of words of every test text wherever it occurs, ignoring case and
// punctuation; leaks.json is written last.

import { rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { commitJson } from '../data/files/commit.ts';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import { type Quarantine, withQuarantine } from '../data/files/quarantine.ts';
import { listRowFiles } from '../data/rows/rows.ts';
import type { Run } from '../run/run.ts';
import { listBenchmarks } from '../indexer/examples/benchmarks.ts';
import { readExampleRows } from '../indexer/examples/read.ts';
import { withSpillingDuckDb, writeParquet } from '../data/duckdb/run-files.ts';
import { type LeaksCard, readLeaks } from './leaks-card.ts';
import { defaultRunWords, fewestWords, runLength } from './find.ts';
import { cutCorpus, scanCorpus, type Scanned } from './scan.ts';
import { fingerprintTests } from './tests.ts';
import { listWords } from '../indexer/examples/words.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { sameness } from '../indexer/examples/same-text.ts';
import { readTests, type TestItem } from '../indexer/examples/test-items.ts';

const worstDocuments = 10;
const pairsShown = 20;

export type LeaksResult = LeaksCard & { scan: Omit<Scanned, 'parts'> };

export interface LeaksOptions {
  /** Test files; relative patterns start from the settings file. */
  tests: readonly string[];
  runWords?: number;
}

/**
 * Searches a run's corpus for the test items. Errors: NO_FILES, FILE_NOT_FOUND, NO_EXAMPLES, NO_DOCUMENTS,
 * TESTS_TOO_LARGE; those of reading and writing.
 */
export async function findLeaks(
  run: Run,
  { tests: patterns, runWords = defaultRunWords }: LeaksOptions,
  report: Report,
): Promise<LeaksResult> {
  const files = await listRowFiles(patterns, run.settingsFolder);
  const { items, quarantined } = await withQuarantine(run, 'leaks-tests.jsonl', async (quarantine) => ({
    items: await readTests(files, quarantine),
    quarantined: quarantine.count,
  }));
  const tests = await fingerprintTests(files);
  const shards = await cutCorpus(
    run,
    await readLeaks(run).then(
      ({ inputs }) => inputs.shards,
      () => [],
    ),
  );
  const { parts, ...scan } = await scanCorpus(run, shards, items, tests, runWords, report);
  const sum = (count: (note: Scanned['parts'][number]['note']) => number): number =>
    parts.reduce((total, { note }) => total + count(note), 0);
  const corpus = {
    documents: sum(({ documents }) => documents),
    textBytes: sum(({ textBytes }) => textBytes),
    quarantined: sum((note) => note.quarantined),
  };
  // "No leaks" would be meaningless.
  if (corpus.documents === 0)
    throw fail('NO_DOCUMENTS', { files: shards.length, quarantined: corpus.quarantined, reasons: [] });
  // Without its card, an old leaks.parquet is never taken for the new one.
  await rm(run.files.leaks, { force: true });
  const found = await withSpillingDuckDb(run.files.spill, async (connection) => {
    const all =
      `SELECT * FROM ${parquetSource(parts.map(({ path }) => path))} ORDER BY shard, "row", ` +
      'start_byte, benchmark, item';
    await writeParquet(connection, all, run.files.leakTable, { tests });
    return describeFound(connection, run.files.leakTable);
  });
  const identical = await withQuarantine(run, 'leaks-examples.jsonl', (quarantine) =>
    findIdentical(run, items, quarantine),
  );
  const card: LeaksCard = {
    version: 1,
    inputs: {
      tests,
      files: files.map(({ name }) => name),
      runWords,
      fewestWords,
      shards: shards.map(({ cut }) => cut),
    },
    corpus,
    documents: found.documents,
    passages: found.passages,
    benchmarks: [...new Set(items.map(({ benchmark }) => benchmark))].sort().map((benchmark) => {
      const own = items.filter((item) => item.benchmark === benchmark);
      const pairs = identical.filter(({ test }) => test.benchmark === benchmark);
      return {
        benchmark,
        items: own.length,
        unchecked: own.filter(({ text }) => runLength(listWords(text).length, runWords) === undefined).length,
        ...(found.benchmarks.get(benchmark) ?? { touched: 0, documents: 0, worst: [] }),
        identical: new Set(pairs.map(({ test }) => test)).size,
        identicalPairs: pairs
          .slice(0, pairsShown)
          .map(({ test, example }) => ({ item: test.item, ...example })),
      };
    }),
    testRowsQuarantined: quarantined,
    sha256: await sha256File(run.files.leakTable),
  };
  await commitJson(run.files.leaks, card);
  return { ...card, scan };
}

const totalsRow = z.tuple([z.number(), z.number()]);
const benchmarkRow = z.object({ benchmark: z.string(), touched: z.number(), documents: z.number() });
const worstRow = z.object({
  benchmark: z.string(),
  shard: z.string(),
  row: z.number(),
  document: z.string(),
  item: z.string(),
  words: z.number(),
  passage: z.string(),
});

interface Found {
  documents: number;
  passages: number;
  benchmarks: Map<string, Pick<LeaksCard['benchmarks'][number], 'touched' | 'documents' | 'worst'>>;
}

async function describeFound(connection: DuckDBConnection, path: string): Promise<Found> {
  const table = parquetSource(path);
  const rows = async <T>(query: string, schema: z.ZodType<T>): Promise<T[]> =>
    z.array(schema).parse((await connection.runAndReadAll(query)).getRowObjects());
  const [documents, passages] = totalsRow.parse(
    (
      await connection.runAndReadAll(
        `SELECT count(DISTINCT (shard, "row"))::DOUBLE, count(*)::DOUBLE FROM ${table}`,
      )
    ).getRows()[0],
  );
  const counts = await rows(
    'SELECT benchmark, count(DISTINCT item)::DOUBLE AS touched, count(DISTINCT (shard, "row"))::DOUBLE ' +
      `AS documents FROM ${table} GROUP BY benchmark`,
    benchmarkRow,
  );
  // Each document's longest passage of a benchmark, and the longest of those.
  const worst = await rows(
    `SELECT benchmark, shard, "row"::DOUBLE AS "row", document, item, words::DOUBLE AS words, passage FROM (
       SELECT * FROM ${table} QUALIFY row_number() OVER (PARTITION BY benchmark, shard, "row" ORDER BY ` +
      `words DESC, start_byte, item) = 1)
     QUALIFY row_number() OVER (PARTITION BY benchmark ORDER BY words DESC, document, shard, "row") ` +
      `<= ${worstDocuments} ORDER BY benchmark, words DESC, document, shard, "row"`,
    worstRow,
  );
  const benchmarks: Found['benchmarks'] = new Map(
    counts.map(({ benchmark, touched, documents: own }) => [
      benchmark,
      { touched, documents: own, worst: [] },
    ]),
  );
  for (const { benchmark, ...document } of worst) benchmarks.get(benchmark)?.worst.push(document);
  return { documents, passages, benchmarks };
}

interface Pair {
  test: TestItem;
  example: { benchmark: string; example: string };
}

/** Test items that are also examples in the run's benchmark files. */
async function findIdentical(run: Run, items: readonly TestItem[], quarantine: Quarantine): Promise<Pair[]> {
  const bySameness = new Map<string, TestItem[]>();
  for (const item of items) {
    const key = sameness(item.text);
    bySameness.set(key, [...(bySameness.get(key) ?? []), item]);
  }
  const pairs: Pair[] = [];
  for (const { benchmark, files } of await listBenchmarks(run)) {
    for (const { id, result } of (await readExampleRows(files, benchmark, quarantine)).rows) {
      if ('reason' in result) continue;
      for (const test of bySameness.get(sameness(result.text)) ?? [])
        pairs.push({ test, example: { benchmark: benchmark.name, example: id } });
    }
  }
  return pairs;
}

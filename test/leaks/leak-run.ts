// Runs whose corpus is searched for test items, and what was found.

import { afterAll, beforeAll } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { openRun, type Run } from '../../run/run.ts';

/** For the tests of a file. */
export let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-leaks-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

export type Row = Record<string, unknown>;

/** Rows as JSON Lines. */
export const lines = (rows: readonly Row[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** A run of these shards, test items and examples. */
export async function makeRun(
  name: string,
  shards: Record<string, Buffer | string>,
  tests: readonly Row[],
  train: readonly Row[] = [{ question: 'Q?', answer: 'A' }],
): Promise<Run> {
  const place = join(folder, name);
  await mkdir(place, { recursive: true });
  for (const [file, content] of Object.entries(shards)) await writeFile(join(place, file), content);
  await writeFile(join(place, 'test.jsonl'), lines(tests));
  await writeFile(join(place, 'train.jsonl'), lines(train));
  await writeFile(
    join(place, 'betr.yaml'),
    'corpus: {files: ["corpus*"]}\nbenchmarks: [{name: quiz, files: [train.jsonl]}]\nworkers: ' +
      '2\nscoring: {chunkMegabytes: 0.002}\n',
  );
  return openRun(join(place, 'betr.yaml'));
}

const leakRow = z.object({
  shard: z.string(),
  row: z.number(),
  document: z.string(),
  benchmark: z.string(),
  item: z.string(),
  passage: z.string(),
});

/** The table of what was found. */
export async function readTable(run: Run): Promise<z.output<typeof leakRow>[]> {
  return withDuckDb({}, async (connection) =>
    z
      .array(leakRow)
      .parse(
        (
          await connection.runAndReadAll(
            `SELECT * REPLACE ("row"::DOUBLE AS "row") FROM read_parquet(${sqlString(run.files.leakTable)})`,
          )
        ).getRowObjects(),
      ),
  );
}

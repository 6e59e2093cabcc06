// A run to score texts in, whatever the scorer.

import { expect } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openScorer, prepareScorer, readScorer } from '../../scoring/scorers/list.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';

/** A run with no corpus or benchmarks; the caller removes its folder. */
export async function openEmptyRun(): Promise<{ folder: string; run: Run }> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-scorers-'));
  await writeFile(
    join(folder, 'betr.yaml'),
    'corpus: {files: [none.jsonl]}\nbenchmarks: [{name: none, files: [none.jsonl]}]\n',
  );
  return { folder, run: await openRun(join(folder, 'betr.yaml')) };
}

/** The scores of texts by a scorer that went to its worker as JSON. */
export async function scoreAll(
  run: Run,
  scorer: string,
  texts: readonly string[],
  documents = texts.map((_, i) => `document-${i}`),
): Promise<number[]> {
  const { run: own, prepared } = await prepareScorer(run, scorer, silent);
  const opened = await openScorer(own, await readScorer(own));
  expect(await readScorer(own)).toEqual(prepared);
  const bytes = texts.map((text) => Buffer.from(text));
  let end = 0;
  const out = new Float32Array(texts.length);
  await opened.scoreTexts(
    Buffer.concat(bytes),
    Uint32Array.from(bytes, ({ length }) => (end += length)),
    texts.length,
    out,
    documents,
  );
  return [...out];
}

export async function writeTexts(path: string, texts: readonly string[]): Promise<void> {
  await withDuckDb({}, async (connection) => {
    await connection.run(
      `COPY (SELECT unnest([${texts.map(sqlString).join(', ')}]) AS text) TO ${sqlString(path)} (FORMAT parquet)`,
    );
  });
}

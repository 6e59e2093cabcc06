// The sample as several judges score it.

import { z } from 'zod';
import { parquetSource, withDuckDb } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import type { Judge, JudgedText } from '../indexer/judges/judge.ts';
import { countUnknown } from '../indexer/targets/unknown.ts';
import { readSampleBlocks } from '../indexer/sample/sample-blocks.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';

type ScoreOf = ReadonlyMap<string, number | null>;

export interface Sampled {
  document: string;
  source: string;
}

/** The documents to compare, in the order of the sample. */
export async function listSampled(run: Run, documents: number | undefined): Promise<Sampled[]> {
  return withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT document, source FROM ${parquetSource(run.files.sample)}` +
        (documents === undefined ? '' : ` LIMIT ${documents}`),
      z.object({ document: z.string(), source: z.string() }),
    ),
  );
}

export async function judgeSample(
  run: Run,
  judge: Judge,
  documents: number | undefined,
  report: Report,
): Promise<{ scoreOf: ScoreOf; unknown: Record<string, number> }> {
  const found: (Pick<JudgedText, 'score' | 'reason'> & { document: string })[] = [];
  await readSampleBlocks(
    run,
    run.files.sample,
    async (keys, texts) => {
      const before = found.length;
      const judged = await judge.judge(texts, (done) =>
        report({ stage: `judge the sample by ${judge.name}`, done: before + done, unit: 'documents' }),
      );
      for (const [at, { score, reason }] of judged.entries())
        found.push({ document: keys[at] ?? '', score, reason });
    },
    documents,
  );
  return {
    scoreOf: new Map(found.map(({ document, score }) => [document, score])),
    unknown: countUnknown(found),
  };
}

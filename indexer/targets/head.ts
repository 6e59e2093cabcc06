// Writes the sample's scores by a classification head to targets.parquet (document, score), for the
// classifier to learn. Texts scored before are not scored again.

import { DOUBLE, VARCHAR } from '../../data/duckdb/library.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { readSampleBlocks } from '../sample/sample-blocks.ts';
import { type Head, scoresOf } from '../../models/onnx/head.ts';
import { openVectors } from '../vectors/vectors.ts';
import { writeTargetsFile } from './targets-file.ts';

/**
 * Writes the scores of the run's sample by one label to `path`, with `from` stored in the file. Errors:
 * HEAD_UNAVAILABLE, HEAD_INVALID, DISK_FULL, WRITE_FAILED.
 */
export async function writeHeadTargets(
  run: Run,
  head: Head,
  label: number,
  path: string,
  from: string,
  report: Report,
): Promise<void> {
  const store = await openVectors(head, run.files.vectors);
  const documents: string[] = [];
  const scores: number[] = [];
  await readSampleBlocks(run, run.files.sample, async (keys, texts) => {
    const before = documents.length;
    const { vectors: logits } = await store.embed(
      texts,
      (progress) => report({ stage: progress.stage, done: before + progress.done, unit: progress.unit }),
      'score the sample by the head',
    );
    for (const key of keys) documents.push(key);
    for (const score of scoresOf(head, logits, label)) scores.push(score);
  });
  await writeTargetsFile(
    run.files.spill,
    path,
    [
      { name: 'document', type: VARCHAR, valueOf: (at) => documents[at] ?? '' },
      { name: 'score', type: DOUBLE, valueOf: (at) => scores[at] ?? null },
    ],
    [...documents.keys()],
    { from },
  );
}

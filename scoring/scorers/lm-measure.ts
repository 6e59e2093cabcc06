// What a judge takes for a document, and for the sample.

import { readNote } from '../../data/duckdb/run-files.ts';
import type { Judge } from '../../indexer/judges/judge.ts';
import { sampleNoteSchema } from '../../indexer/sample/sample.ts';
import type { Run } from '../../run/run.ts';
import { type Cost, costOf } from '../cost.ts';
import { firstOfSample } from '../exam/exam-texts.ts';
import type { Measured } from './kind.ts';

/** Documents of the sample that are judged to measure what all of it would take. */
const measuredDocuments = 24;

/** The price of a million tokens of a model in the settings; null if there is none. */
export function priceOf({ settings: { models } }: Run, model: string): number | null {
  return models.find(({ name }) => name === model)?.price?.perMillionTokens ?? null;
}

/** Judges texts and measures what it takes. Errors: those of judging. */
export async function measureJudge(
  judge: Judge,
  texts: readonly string[],
  price: number | null,
): Promise<Measured> {
  const startedMs = performance.now();
  const judged = await judge.judge(texts);
  return {
    // No tokens were spent on a text whose answers are stored.
    documents: judged.filter(({ tokens }) => tokens > 0).length,
    seconds: (performance.now() - startedMs) / 1000,
    tokens: judged.reduce((sum, { tokens }) => sum + tokens, 0),
    price,
  };
}

/** What judging the whole sample would take. Errors: STEP_MISSING without a sample, those of judging. */
export async function costOfSample(run: Run, judge: Judge): Promise<Cost> {
  const texts = await firstOfSample(run, {}, measuredDocuments);
  const note = await readNote(run.files.sample, sampleNoteSchema);
  const measured = await measureJudge(judge, texts, priceOf(run, judge.model.name));
  return costOf(judge.fingerprint, measured, note?.sample.documents ?? 0);
}

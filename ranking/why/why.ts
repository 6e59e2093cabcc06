// Why a document is ranked where it is: its n-grams, its place, and the nearest benchmark examples.

import { z } from 'zod';
import { explanationSchema } from '../../classifier/explain.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { nearExampleSchema } from '../../indexer/search/nearest-examples.ts';
import { findDocument } from '../list-documents.ts';
import { rankedDocumentSchema } from '../ranked-document.ts';
import { placeDocument, placeSchema } from '../percentile.ts';
import { findShardName } from '../shards.ts';
import type { TextThread } from './text-thread.ts';
import { answerSchema, type Question } from '../budget/question.ts';
import type { RankingSource } from '../budget/answer.ts';
import { aim, generationOf, generationSchema } from './aim.ts';

export const whySchema = z.strictObject({
  ranking: generationSchema,
  /** `kept` is null if no cutoff was requested. */
  document: rankedDocumentSchema,
  place: placeSchema,
  cutoff: answerSchema.shape.cutoff.nullable(),
  text: z.string(),
  truncated: z.boolean(),
  textBytes: z.number().int(),
  /** Covers the complete text, so places may be beyond the shown `text`. */
  explanation: explanationSchema,
  nearest: z.discriminatedUnion('available', [
    z.strictObject({ available: z.literal(true), examples: z.array(nearExampleSchema) }),
    z.strictObject({ available: z.literal(false), reason: z.string() }),
  ]),
});

export type Why = z.output<typeof whySchema>;

export interface WhyQuestion {
  /** The shard's name or id. */
  shard: string;
  row: number;
  benchmark?: string | undefined;
  /** N-grams on each side, places of each, examples, and characters of the text. */
  ngrams: number;
  places: number;
  examples: number;
  characters: number;
}

export const whyDefaults = { ngrams: 20, places: 20, examples: 5, characters: 20_000 };

/**
 * Explains a document of the ranking. Errors: SHARD_UNKNOWN, DOCUMENT_UNKNOWN, those of `answerBudget` and
 * `TextThread.explain`.
 */
export async function explainDocument(
  run: Run,
  source: RankingSource,
  texts: TextThread,
  asked: WhyQuestion,
  question: Question,
): Promise<Why> {
  const shard = findShardName(source.ranking, asked.shard);
  const { ranking, cutoff } = await aim(source, question);
  const document = await findDocument(run, ranking, shard, asked.row, cutoff);
  const output = asked.benchmark ?? document.winner ?? ranking.scorer.outputs[0] ?? 'joint';
  const [{ shown, explanation }, place, nearest] = await Promise.all([
    texts.explain(ranking, document, {
      output,
      ngrams: asked.ngrams,
      places: asked.places,
      characters: asked.characters,
    }),
    placeDocument(run, ranking, document),
    run.ranking === ''
      ? texts.findNearest(ranking, document, asked.examples)
      : { available: false as const, reason: 'Benchmark examples had no part in this ranking.' },
  ]);
  // The same classifier gives the same text the same score, so the text has changed.
  if (explanation.score !== (document.benchmarks[output] ?? document.score))
    throw fail('SHARD_CHANGED', { path: shard });
  return {
    ranking: generationOf(ranking),
    document,
    place,
    cutoff: cutoff === undefined ? null : answerSchema.shape.cutoff.parse(cutoff),
    text: shown.text,
    truncated: shown.truncated,
    textBytes: shown.bytes,
    explanation,
    nearest,
  };
}

// Resolves a question to a ranking and the requested cutoff.

import { z } from 'zod';
import type { Cutoff } from '../cutoff.ts';
import type { Ranking } from '../generation.ts';
import type { RankingSource } from '../budget/answer.ts';
import { asksForCutoff, type Question } from '../budget/question.ts';

/** The generation that an answer comes from. */
export const generationSchema = z.strictObject({ generation: z.string(), publishedAt: z.string() });

export function generationOf({ generation, publishedAt }: Ranking): z.output<typeof generationSchema> {
  return { generation, publishedAt };
}

/**
 * The ranking for a question, and its cutoff; undefined if it requests none. Errors: those of
 * `RankingSource`.
 */
export async function aim(
  source: RankingSource,
  question: Question,
): Promise<{ ranking: Ranking; cutoff: Cutoff | undefined }> {
  const cutoff = asksForCutoff(question) ? (await source.answerWithCutoff(question)).cutoff : undefined;
  return { ranking: await source.retarget(question), cutoff };
}

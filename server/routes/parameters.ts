// Parameters that several routes take, besides those of a question.

import { z } from 'zod';
import { parseWhole } from '../../run/amounts.ts';
import type { Question } from '../../ranking/budget/answer.ts';
import type { Cutoff } from '../../ranking/cutoff.ts';
import type { Ranking } from '../../ranking/generation.ts';
import type { LiveRanking } from '../../ranking/order/live-ranking.ts';

/** A whole number from `least` to `most`, `otherwise` where it is left out. Errors: OPTION_INVALID. */
export function wholeParameter(name: string, least: number, most: number, otherwise: number, description: string): z.ZodType<number, string | undefined> {
  return z
    .string()
    .default(String(otherwise))
    .transform((text) => parseWhole(name, text, least, most))
    .meta({ description: `${description} From ${least} to ${most}; ${otherwise} when left out.` });
}

/** The row of a shard in a path. */
export const rowParameter = z
  .string()
  .transform((text) => parseWhole('row', text, 0, Number.MAX_SAFE_INTEGER))
  .meta({ description: '0-based row of the shard, as /documents tells it.' });

export const charactersParameter = (otherwise: number): z.ZodType<number, string | undefined> => wholeParameter('characters', 0, 100_000, otherwise, 'How much of a text is shown, in UTF-16 units.');

/** The generation that an answer comes from. */
export const generationSchema = z.strictObject({ generation: z.string(), publishedAt: z.string() });

export function generationOf({ generation, publishedAt }: Ranking): z.output<typeof generationSchema> {
  return { generation, publishedAt };
}

/** What a question is answered from: a ranking that is served, or one that was read for a command. */
export type Source = Pick<LiveRanking, 'ranking' | 'answer' | 'target'>;

/** The ranking that a question is about, and the cutoff that it asks for; undefined where it asks for none. Errors: those of `answerBudget` and `LiveRanking.target`. */
export async function aim(live: Source, question: Question): Promise<{ ranking: Ranking; cutoff: Cutoff | undefined }> {
  const { budget, params, tokens, keep } = question;
  const asked = budget !== undefined || params !== undefined || tokens !== undefined || keep !== undefined;
  const cutoff = asked ? (await live.answer(question)).cutoff : undefined;
  return { ranking: await live.target(question), cutoff };
}

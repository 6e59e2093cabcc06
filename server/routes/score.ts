// POST /score: scores texts with the ranking's classifier and places them in the ranking.

import { z } from 'zod';
import { keepsScore, placeScores, scoreInRanking, standingSchema } from '../../ranking/percentile.ts';
import { questionFields } from './question.ts';
import { route } from '../route.ts';
import { textsSchema } from '../../ranking/why/messages.ts';
import { answerSchema } from '../../ranking/budget/question.ts';
import { aim, generationOf, generationSchema } from '../../ranking/why/aim.ts';

export const scoresAnswerSchema = z.strictObject({
  ranking: generationSchema,
  /** Null if the request does not ask for a cutoff. */
  cutoff: answerSchema.shape.cutoff.nullable(),
  /** In the order of the request. */
  texts: z.array(
    standingSchema.extend({
      /** The joint score; with chosen benchmarks, the best corpus percentile among them. */
      score: z.number(),
      /** The score for each benchmark. */
      benchmarks: z.record(z.string(), z.number()),
      /**
       * Whether the cutoff keeps a text like this; null without a cutoff. If a cut goes through equal scores,
       * a text of that very score counts as dropped, because document keys decide there.
       */
      kept: z.boolean().nullable(),
    }),
  ),
});
export type ScoresAnswer = z.output<typeof scoresAnswerSchema>;

export const scoreRoutes = [
  route({
    method: 'post',
    path: '/score',
    summary: 'Score texts: their scores, their percentiles in the ranking, and whether a cutoff keeps them.',
    access: 'read',
    query: z.strictObject(questionFields),
    threadBody: textsSchema,
    bodyLimitBytes: 4 << 20,
    heavy: true,
    reply: { description: 'One entry per text.', schema: scoresAnswerSchema },
    async answer({ query, bytes, state }) {
      const { ranking, cutoff } = await aim(state.live.current(), query);
      const outputs = await state.texts.score(ranking, bytes);
      const scores = await scoreInRanking(state.run, ranking, outputs);
      const places = await placeScores(state.run, ranking, scores);
      const names = ranking.scorer.outputs.slice(1);
      const answer: ScoresAnswer = {
        ranking: generationOf(ranking),
        cutoff: cutoff === undefined ? null : answerSchema.shape.cutoff.parse(cutoff),
        texts: scores.map((score, i) => ({
          score,
          benchmarks: Object.fromEntries(names.map((name, output) => [name, outputs[i]?.[output + 1] ?? 0])),
          ...(places[i] ?? { percentile: 0, documentsAbove: 0, tokensAbove: 0 }),
          kept: cutoff === undefined ? null : keepsScore(cutoff, score),
        })),
      };
      return { json: answer };
    },
  }),
];

// POST /score: texts that are in no corpus, scored by the ranking's classifier and placed in the ranking.

import { z } from 'zod';
import { keepsScore, placeScores, scoreInRanking, standingSchema } from '../../ranking/percentile.ts';
import { questionFields } from './question.ts';
import { route } from '../route.ts';
import { textsSchema } from '../../ranking/why/messages.ts';
import { answerSchema } from '../../ranking/budget/question.ts';
import { aim, generationOf, generationSchema } from '../../ranking/why/aim.ts';

export const scoresAnswerSchema = z.strictObject({
  ranking: generationSchema,
  /** Null where no question for a cutoff was asked. */
  cutoff: answerSchema.shape.cutoff.nullable(),
  /** In the order of the request. */
  texts: z.array(
    standingSchema.extend({
      /** The joint score; by chosen benchmarks the best corpus percentile among them. */
      score: z.number(),
      /** The benchmarks' own scores. */
      benchmarks: z.record(z.string(), z.number()),
      /**
       * Whether the cutoff keeps such a text; null where none was asked for. Of the very score of a cut
       * through equal scores none is, because document keys decide there.
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
    summary: 'Scores of texts, their percentiles in the ranking, and whether a cutoff keeps them.',
    access: 'read',
    query: z.strictObject(questionFields),
    threadBody: textsSchema,
    bodyLimitBytes: 4 << 20,
    heavy: true,
    reply: { description: 'One entry for each text.', schema: scoresAnswerSchema },
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

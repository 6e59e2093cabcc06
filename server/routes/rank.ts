// GET /rank: the cutoff for a budget.

import { z } from 'zod';
import { questionFields } from './question.ts';
import { route } from '../route.ts';
import { answerSchema } from '../../ranking/budget/question.ts';

export const rankRoutes = [
  route({
    method: 'get',
    path: '/rank',
    summary:
      'Find the cutoff for a compute budget: keep rate, score, documents, tokens and epochs, with the reason.',
    access: 'read',
    query: z.strictObject(questionFields),
    reply: { description: 'The same object as "betr cutoff --json".', schema: answerSchema },
    tagged: true,
    remembered: true,
    async answer({ query, state }) {
      return { json: await state.live.current().answer(query) };
    },
  }),
];

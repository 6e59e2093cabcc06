// GET /healthz, /readyz and /metrics: whether the process lives, whether it has a ranking to answer from, and
// how it fares.

import { z } from 'zod';
import { problemOf, problemSchema } from '../problem.ts';
import { route } from '../route.ts';

export const readySchema = z.strictObject({
  ready: z.boolean(),
  generation: z.string().nullable(),
  /** Why nobody is let in, why there is no ranking, or why a newer one could not be taken. */
  problem: problemSchema.nullable(),
});

export const healthRoutes = [
  route({
    method: 'get',
    path: '/healthz',
    summary: 'Whether the server lives.',
    access: 'open',
    reply: { description: 'It does.', schema: z.strictObject({ ok: z.literal(true) }) },
    answer: () => ({ json: { ok: true } }),
  }),
  route({
    method: 'get',
    path: '/readyz',
    summary: 'Whether there is a ranking to answer from, and keys to ask with where they are needed.',
    access: 'open',
    reply: { description: 'Both are there (status 503: one is not).', schema: readySchema },
    answer({ state, response }) {
      const { serving, problem: ofRanking } = state.live.state();
      const closed = state.keys.problem();
      const ready = serving !== undefined && closed === undefined;
      const problem = closed ?? ofRanking;
      if (!ready) response.status(503);
      return {
        json: {
          ready,
          generation: serving?.ranking.generation ?? null,
          problem: problem === undefined ? null : problemOf(problem, state.run),
        },
      };
    },
  }),
  route({
    method: 'get',
    path: '/metrics',
    summary: 'What the server counts about itself, for Prometheus.',
    access: 'read',
    reply: { description: 'The exposition format.', types: ['text/plain'] },
    async answer({ state }) {
      return { text: await state.metrics.read(), type: 'text/plain; version=0.0.4' };
    },
  }),
];

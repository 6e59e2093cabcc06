// GET /healthz, /readyz and /metrics: whether the process is up, whether it has a ranking to answer from,
// and its metrics.

import { z } from 'zod';
import { problemOf, problemSchema } from '../problem.ts';
import { route } from '../route.ts';

export const readySchema = z.strictObject({
  ready: z.boolean(),
  generation: z.string().nullable(),
  /** Why keys are unusable, why there is no ranking, or why a newer one could not be loaded. */
  problem: problemSchema.nullable(),
});

export const healthRoutes = [
  route({
    method: 'get',
    path: '/healthz',
    summary: 'Check that the server is up.',
    access: 'open',
    reply: { description: 'The server is up.', schema: z.strictObject({ ok: z.literal(true) }) },
    answer: () => ({ json: { ok: true } }),
  }),
  route({
    method: 'get',
    path: '/readyz',
    summary: 'Check that there is a ranking to answer from and, if keys are required, a usable keys file.',
    access: 'open',
    reply: { description: 'Ready (503: not ready).', schema: readySchema },
    answer({ state, response }) {
      const { serving, problem: ofRanking } = state.live.state();
      const closed = state.keys.problem();
      // Without a corpus there will be no ranking; the server answers about pairs.
      const hasAnswers = serving !== undefined || ofRanking?.code === 'CORPUS_MISSING';
      const ready = hasAnswers && closed === undefined;
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
    summary: "Get the server's metrics, for Prometheus.",
    access: 'read',
    reply: { description: 'Metrics in the text exposition format.', types: ['text/plain'] },
    async answer({ state }) {
      return { text: await state.metrics.read(), type: 'text/plain; version=0.0.4' };
    },
  }),
];

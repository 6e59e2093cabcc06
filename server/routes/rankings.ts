// GET /rankings and /benchmarks: what is served, and which benchmarks can be chosen.

import { z } from 'zod';
import { readCard } from '../../classifier/classifier-card.ts';
import { shardsOf } from '../../scoring/shard-changes.ts';
import { BetrError } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { driftSchema, readDrift } from '../../ranking/drift.ts';
import { rankingSchema } from '../../ranking/generation.ts';
import { problemOf, problemSchema } from '../problem.ts';
import { route } from '../route.ts';

const described = rankingSchema.omit({ parts: true, histogram: true }).strip().extend({
  /** Whether answers come from it; the other, if there is one, is published and could not be taken. */
  shards: z.number().int(),
  /**
   * How it differs from the generation before, and what of that is over a threshold of the settings; null
   * where there was none to compare with.
   */
  drift: driftSchema.nullable(),
});

export const rankingsSchema = z.strictObject({
  /** The one that answers come from. */
  rankings: z.array(described),
  /** Why there is none, or why the newest could not be taken. */
  problem: problemSchema.nullable(),
});

export const benchmarksSchema = z.strictObject({
  benchmarks: z.array(
    z.strictObject({
      name: z.string(),
      /** Whether the ranking has a score of its own for it, so that it can be chosen. */
      scored: z.boolean(),
      /**
       * How well that score finds the documents nearest to the benchmark, on documents that the classifier
       * has not seen; null where that is not known.
       */
      heldOutRocAuc: z.number().nullable(),
    }),
  ),
});

export const rankingRoutes = [
  route({
    method: 'get',
    path: '/rankings',
    summary:
      'The ranking that answers come from: its generation, documents, tokens and sources, and its drift ' +
      'from the one before.',
    access: 'read',
    reply: { description: 'One, or none and why.', schema: rankingsSchema },
    async answer({ state }) {
      const { serving, problem } = state.live.state();
      const rankings =
        serving === undefined
          ? []
          : [
              {
                ...serving.ranking,
                shards: shardsOf(serving.ranking.parts).length,
                drift: (await readDrift(state.run, serving.ranking)) ?? null,
              },
            ];
      return {
        json: {
          rankings: rankings.map((ranking) => described.parse(ranking)),
          problem: problem === undefined ? null : problemOf(problem, state.run),
        },
      };
    },
  }),
  route({
    method: 'get',
    path: '/benchmarks',
    summary: 'The benchmarks of the settings and of the ranking.',
    access: 'read',
    reply: { description: 'In the order of the settings.', schema: benchmarksSchema },
    async answer({ state: { run, live } }) {
      const scored = live.state().serving?.ranking.scorer.outputs.slice(1) ?? [];
      const fidelity = await readFidelity(run);
      const names = new Set([...run.settings.benchmarks.map(({ name }) => name), ...scored]);
      return {
        json: {
          benchmarks: [...names].map((name) => ({
            name,
            scored: scored.includes(name),
            heldOutRocAuc: fidelity.get(name) ?? null,
          })),
        },
      };
    },
  }),
];

async function readFidelity(run: Run): Promise<Map<string, number>> {
  try {
    return new Map((await readCard(run)).outputs.map(({ name, heldOut }) => [name, heldOut.rocAuc.value]));
  } catch (error) {
    if (error instanceof BetrError) return new Map();
    throw error;
  }
}

// GET /rankings and /benchmarks: the served ranking, and the benchmarks that can be chosen.

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
  /** Whether answers come from this one; otherwise it is published but could not be loaded. */
  shards: z.number().int(),
  /**
   * How it differs from the previous generation, and which thresholds of the settings that exceeds; null if
   * there was none to compare with.
   */
  drift: driftSchema.nullable(),
});

export const rankingsSchema = z.strictObject({
  /** The ranking that answers come from, if there is one. */
  rankings: z.array(described),
  /** Why there is none, or why the newest could not be loaded. */
  problem: problemSchema.nullable(),
});

export const benchmarksSchema = z.strictObject({
  benchmarks: z.array(
    z.strictObject({
      name: z.string(),
      /** Whether the ranking has a score for this benchmark, so that it can be chosen. */
      scored: z.boolean(),
      /**
       * How well that score finds the documents nearest to the benchmark, on documents held out from
       * training; null if unknown.
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
      'Get the ranking that answers come from: its generation, documents, tokens and sources, and its drift ' +
      'from the previous one.',
    access: 'read',
    reply: { description: 'The ranking, or none and the reason.', schema: rankingsSchema },
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
    summary: 'List the benchmarks of the settings and of the ranking.',
    access: 'read',
    reply: { description: 'The benchmarks, in the order of the settings.', schema: benchmarksSchema },
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

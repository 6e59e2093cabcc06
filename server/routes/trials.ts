// /trials: the run's trials, and their reports as "betr trial report" wrote them. The server neither plans nor trains.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { describeError, hidePathsIn } from '../../data/files/hide-paths.ts';
import { findTrial, listTrials, trialFolder, trialName } from '../../evaluation/trials/plan-file.ts';
import {
  readReport,
  reportJson,
  reportPage,
  trialReportSchema,
} from '../../evaluation/trials/report-file.ts';
import { BetrError, fail, ifThere, readError } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { beginningOf, route } from '../route.ts';

/**
 * The report draws its curves with a script of its own. In a sandbox it has no origin, so it can neither use this
 * server nor read what its other pages keep.
 */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; sandbox allow-scripts; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const listedTrialSchema = z.strictObject({
  name: z.string(),
  /** The next five are null if the plan cannot be read (see `problem`). */
  plannedAt: z.string().nullable(),
  model: z.string().nullable(),
  /** What each model is trained on. */
  tokens: count.nullable(),
  arms: count.nullable(),
  /** Models to train: arms, seeds and learning rates. */
  jobs: count.nullable(),
  reported: z.boolean().meta({ description: 'Whether /trials/{name} has a report.' }),
  problem: z.string().nullable(),
});
export const trialListSchema = z.strictObject({ trials: z.array(listedTrialSchema) });
type ListedTrial = z.output<typeof listedTrialSchema>;

export const trialRoutes = [
  route({
    method: 'get',
    path: '/trials',
    summary: 'List the trials: small models trained on selections, to compare the selections.',
    access: 'read',
    reply: { description: 'The trials, by name.', schema: trialListSchema },
    heavy: true,
    async answer({ state: { run } }) {
      const trials: ListedTrial[] = [];
      for (const name of await listTrials(run)) trials.push(await describeListed(run, name));
      return { json: hidePathsIn(run, { trials }) };
    },
  }),
  route({
    method: 'get',
    path: '/trials/:name',
    summary: 'Get the report of a trial: every arm with intervals, its learning curve, and notes.',
    access: 'read',
    params: z.strictObject({ name: z.string().meta({ description: "The trial's name." }) }),
    query: z.strictObject({
      format: z
        .enum(['json', 'html'])
        .default('json')
        .meta({ description: 'json, or html for the page of "betr trial report"; default json.' }),
    }),
    reply: { description: 'The report.', schema: trialReportSchema, types: ['text/html'] },
    heavy: true,
    async answer({ params: { name }, query: { format }, state: { run }, response }) {
      // A name that is none, such as "..", must not become part of a path.
      if (!trialName.safeParse(name).success) throw await unknownTrial(run, name);
      if (format === 'json') {
        const report = await readReport(run, name);
        if (report === undefined) throw await missingReport(run, name);
        return { json: hidePathsIn(run, report) };
      }
      const path = join(trialFolder(run, name), reportPage);
      const text = await ifThere(readRegular(path, 'utf8')).catch((error: unknown) => {
        throw readError(error, path);
      });
      if (text === undefined) throw await missingReport(run, name);
      response.setHeader('Content-Security-Policy', policy);
      return { text, type: 'text/html' };
    },
  }),
];

async function describeListed(run: Run, name: string): Promise<ListedTrial> {
  const reported = (await ifThere(stat(join(trialFolder(run, name), reportJson)))) !== undefined;
  const unknown = { plannedAt: null, model: null, tokens: null, arms: null, jobs: null };
  try {
    const plan = await findTrial(run, name);
    if (plan === undefined) return { name, ...unknown, reported, problem: null };
    const { plannedAt, model, tokens, arms, jobs } = plan;
    return {
      name,
      plannedAt,
      model,
      tokens,
      arms: arms.length,
      jobs: jobs.length,
      reported,
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
    return { name, ...unknown, reported, problem: describeError(error, run) };
  }
}

async function missingReport(run: Run, name: string): Promise<Error> {
  return (await listTrials(run)).includes(name)
    ? fail('STEP_MISSING', { need: 'report of this trial', command: `betr trial report --name ${name}` })
    : unknownTrial(run, name);
}

async function unknownTrial(run: Run, name: string): Promise<Error> {
  return fail('TRIAL_UNKNOWN', { name: beginningOf(name), known: await listTrials(run) });
}

// /training: the run's training jobs, read from their folders. The server neither starts nor stops them.

import { join } from 'node:path';
import { z } from 'zod';
import { hidePathsIn } from '../../data/files/hide-paths.ts';
import { readEvents, trainingEventSchema } from '../../models/trainer/events.ts';
import { listJobs, readJobState, readJobStates, trainingStateSchema } from '../../models/trainer/state.ts';
import { fail } from '../../run/errors/errors.ts';
import { name as nameSchema } from '../../run/model-settings.ts';
import type { Run } from '../../run/run.ts';
import { beginningOf, route } from '../route.ts';
import { wholeParameter } from './parameters.ts';

/** As much of events.jsonl as one answer has. */
const mostBytes = 1 << 20;

export const trainingListSchema = z.strictObject({ jobs: z.array(trainingStateSchema) });
export const trainingJobSchema = z.strictObject({
  job: trainingStateSchema,
  events: z.array(trainingEventSchema),
  next: z.number().int().meta({ description: 'The value of "after" for the events that follow.' }),
});

export const trainingRoutes = [
  route({
    method: 'get',
    path: '/training',
    summary: 'List the training jobs: their states, and the newest step, loss and speed of each.',
    access: 'read',
    reply: { description: 'The jobs, by name.', schema: trainingListSchema },
    heavy: true,
    async answer({ state: { run } }) {
      return { json: hidePathsIn(run, { jobs: await readJobStates(run.files.training) }) };
    },
  }),
  route({
    method: 'get',
    path: '/training/:name',
    summary: 'Get a training job: its state and its events, about 1 MB at a time.',
    access: 'read',
    params: z.strictObject({ name: z.string().meta({ description: "The job's name." }) }),
    query: z.strictObject({
      after: wholeParameter(
        'after',
        0,
        Number.MAX_SAFE_INTEGER,
        0,
        'Where to begin in events.jsonl, in bytes: "next" of the last answer.',
      ),
    }),
    reply: { description: 'The job and its events.', schema: trainingJobSchema },
    heavy: true,
    async answer({ params: { name }, query: { after }, state: { run } }) {
      const folder = join(run.files.training, name);
      // A name that is none, such as "..", must not become part of a path.
      const job = nameSchema.safeParse(name).success ? await readJobState(folder) : undefined;
      if (job === undefined) throw await unknownJob(run, name);
      const { events, next } = await readEvents(folder, { from: after, most: mostBytes });
      return { json: hidePathsIn(run, { job, events, next }) };
    },
  }),
];

async function unknownJob(run: Run, name: string): Promise<Error> {
  const folder = run.files.training;
  return fail('TRAINING_JOB_UNKNOWN', { job: beginningOf(name), folder, known: await listJobs(folder) });
}

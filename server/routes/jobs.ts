// /jobs: starting, following and cancelling the run's jobs.

import { once } from 'node:events';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { followJob, type JobEvent } from '../jobs/events.ts';
import { jobKinds, jobSchema } from '../jobs/records.ts';
import { type Reply, route } from '../route.ts';
import type { ServerState } from '../state.ts';

const idParameter = z.strictObject({
  id: z.string().meta({ description: "The job's id, from POST /jobs." }),
});
const heartbeatMs = 15_000;
const followersAtOnce = 100;
let followers = 0;

export const jobRoutes = [
  route({
    method: 'post',
    path: '/jobs',
    summary:
      'Start index, train, rank, or all three (run) in a process of its own, after the jobs already ' +
      'in the queue.',
    access: 'jobs',
    body: z.strictObject({ kind: z.enum(jobKinds) }),
    reply: { status: 202, description: 'The job, waiting or running.', schema: jobSchema },
    async answer({ body: { kind }, state, response }) {
      const job = await state.jobs.start(kind);
      response.setHeader('Location', `/jobs/${job.id}`);
      return { json: job };
    },
  }),
  route({
    method: 'get',
    path: '/jobs',
    summary: 'List the jobs, newest first.',
    access: 'read',
    reply: {
      description: 'All waiting and running jobs, and the last 50 that have ended.',
      schema: z.strictObject({ jobs: z.array(jobSchema) }),
    },
    async answer({ state }) {
      return { json: { jobs: await state.jobs.list() } };
    },
  }),
  route({
    method: 'get',
    path: '/jobs/:id',
    summary: 'Get a job: its state, its progress, and its result or the reason of its failure.',
    access: 'read',
    params: idParameter,
    reply: { description: 'The job.', schema: jobSchema },
    async answer({ params: { id }, state }) {
      return { json: await state.jobs.find(id) };
    },
  }),
  route({
    method: 'delete',
    path: '/jobs/:id',
    summary: 'Cancel a job: asks its process to end, and kills it after 10 s. Finished work is kept.',
    access: 'jobs',
    params: idParameter,
    reply: { status: 202, description: 'The job, canceled or being canceled.', schema: jobSchema },
    async answer({ params: { id }, state }) {
      return { json: await state.jobs.cancel(id) };
    },
  }),
  route({
    method: 'get',
    path: '/jobs/:id/events',
    summary:
      'Follow a job through server-sent events: "progress" (stage, done, total, rate, ETA) and ' +
      '"job" (at every change of its state), until it has ended.',
    access: 'read',
    params: idParameter,
    reply: {
      description: 'The events; with the Last-Event-ID header, only later ones. 204 if no more will come.',
      types: ['text/event-stream'],
    },
    async answer({ params: { id }, state, request, response }): Promise<Reply> {
      await sendEvents(id, state, request, response);
      return 'sent';
    },
  }),
];

/** The id of the last event of a job that has ended. */
const endId = 'end';

async function sendEvents(
  id: string,
  { run, jobs }: ServerState,
  request: Request,
  response: Response,
): Promise<void> {
  const job = await jobs.find(id);
  const seen = request.get('last-event-id');
  if (seen === endId && job.endedAt !== null) {
    // Tells clients that reconnect automatically to stop.
    response.status(204).end();
    return;
  }
  if (followers >= followersAtOnce) throw fail('BUSY', { waiting: followers, seconds: 30 });
  followers++;
  const left = new AbortController();
  response.once('close', () => left.abort());
  const beat = setInterval(() => response.write(': still here\n\n'), heartbeatMs);
  try {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'private, no-store',
      'X-Accel-Buffering': 'no',
    });
    if (request.method !== 'HEAD') {
      response.write('retry: 2000\n\n');
      const after = seen !== undefined && /^\d{1,15}$/.test(seen) ? Number(seen) : undefined;
      for await (const event of followJob(run, jobs, id, after, left.signal)) {
        if (!response.write(encodeEvent(event))) await once(response, 'drain', { signal: left.signal });
      }
    }
    response.end();
  } catch (error) {
    if (!left.signal.aborted) throw error;
  } finally {
    clearInterval(beat);
    followers--;
  }
}

function encodeEvent(event: JobEvent): string {
  const id =
    event.event === 'progress' ? String(event.number) : event.data.endedAt === null ? undefined : endId;
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`;
}

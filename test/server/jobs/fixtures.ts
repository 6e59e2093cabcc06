// A real server of a real run, and its jobs. The embeddings endpoint holds its answers back, so that an index
// job lasts as long as a test needs.

import { afterEach, beforeEach, expect, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import type { Run } from '../../../run/run.ts';
import { type Job, jobSchema, recordSchema } from '../../../server/jobs/records.ts';
import { serveRun } from '../../../server/listen.ts';
import { makeRealRun, type RealRun, type ServerProcess } from '../real-run.ts';
import { ask } from '../serve.ts';

type JobServer = Pick<ServerProcess, 'url' | 'end'>;

type SentEvent = { id?: string; event: string; data: unknown };

/** A run and its server for each test of a file, with what the tests do to jobs. */
export function setUpJobs(open: (run: Run) => Promise<JobServer>) {
  // Processes start slowly on a machine that is busy with other tests.
  jest.setTimeout(240_000);

  let real: RealRun;
  let server: JobServer;
  let letGo: () => void = () => undefined;
  const release = (): void => letGo();
  beforeEach(async () => {
    real = await makeRealRun();
    server = await open(real.run);
  });
  afterEach(async () => {
    release();
    for (const { id, state } of await jobs().catch(() => []))
      if (state === 'running') await ask(server.url, `/jobs/${id}`, { method: 'DELETE' });
    await waitUntil(async () => (await jobs().catch(() => [])).every(({ endedAt }) => endedAt !== null));
    await server.end('SIGTERM');
    await real.close();
  });

  /** From now on the endpoint does not answer, until `release` is called. */
  function hold(): void {
    real.bag.hold = new Promise<void>((resolve) => (letGo = resolve));
  }

  async function start(kind: string): Promise<Job> {
    const reply = await ask(server.url, '/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind }),
    });
    expect(reply).toMatchObject({ status: 202 });
    const job = jobSchema.parse(reply.json);
    expect(reply.headers.get('location')).toBe(`/jobs/${job.id}`);
    return job;
  }

  const look = async (id: string): Promise<Job> =>
    jobSchema.parse((await ask(server.url, `/jobs/${id}`)).json);
  const jobs = async (): Promise<Job[]> =>
    z.object({ jobs: z.array(jobSchema) }).parse((await ask(server.url, '/jobs')).json).jobs;

  const waitFor = (id: string, ...states: Job['state'][]): Promise<void> =>
    waitUntil(async () => states.includes((await look(id)).state));

  /** The process of a running job, as its record has it. */
  async function pidOf(id: string): Promise<number> {
    let pid: number | undefined;
    await waitUntil(async () => {
      pid = recordSchema.parse(
        JSON.parse(await readFile(join(real.run.folder, 'jobs', `${id}.json`), 'utf8')),
      ).process?.pid;
      return pid !== undefined;
    });
    return pid ?? 0;
  }

  /** Waits until the job's command has taken the run's lock, and is at work. */
  async function waitForWork(id: string): Promise<void> {
    await waitUntil(async () => existsSync(real.run.files.lock) && (await look(id)).progress !== null);
  }

  /** Events of a job until the stream ends. */
  async function readEvents(
    id: string,
    { lastEventId }: { lastEventId?: string } = {},
  ): Promise<SentEvent[]> {
    const response = await fetch(`${server.url}/jobs/${id}/events`, {
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
    });
    expect([200, 204]).toContain(response.status);
    const events: SentEvent[] = [];
    let text = '';
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += piece;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = Object.fromEntries(
          block
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        );
        if (fields['event'] !== undefined)
          events.push({
            event: fields['event'],
            data: JSON.parse(fields['data'] ?? 'null'),
            ...(fields['id'] === undefined ? {} : { id: fields['id'] }),
          });
      }
    }
    return events;
  }

  /** Adds an example to a benchmark, so that the next index job has something to do. */
  async function addExample(): Promise<void> {
    await writeFile(
      join(real.run.settingsFolder, 'cooking.jsonl'),
      '{"id": "new", "text": "another example of baking"}\n',
    );
  }

  return {
    get real() {
      return real;
    },
    get server() {
      return server;
    },
    set server(next: JobServer) {
      server = next;
    },
    hold,
    release,
    start,
    look,
    jobs,
    waitFor,
    pidOf,
    waitForWork,
    readEvents,
    addExample,
  };
}

/** Waits up to 90 s for a condition. */
export async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 900) throw new Error('The condition did not hold within 90 s.');
    await setTimeout(100);
  }
}

/** A server in this process, for tests that do not kill it. */
export async function serveHere(run: Run): Promise<JobServer> {
  const here = await serveRun(run, { host: '127.0.0.1', port: 0 });
  return { url: here.url, end: () => here.stop().then(() => 0) };
}

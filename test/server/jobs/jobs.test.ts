/* eslint max-lines: off -- one suite around one real server */
// Real servers and real jobs, killed at the worst moments. The embeddings endpoint holds its answers back, so
// that an index job lasts as long as a test needs.

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { identifyProcess } from '../../../data/files/process.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import { runIndex } from '../../../indexer/index.ts';
import { readRanking } from '../../../ranking/generation.ts';
import { type Job, jobSchema, recordSchema } from '../../../server/jobs/records.ts';
import { Jobs } from '../../../server/jobs/jobs.ts';
import { serveRun } from '../../../server/listen.ts';
import { makeRealRun, type RealRun, type ServerProcess, startServer } from '../real-run.ts';
import { ask } from '../serve.ts';
import { longTest } from '../../long.ts';

// Processes start slowly on a machine that is busy with other tests.
jest.setTimeout(240_000);

let real: RealRun;
let server: Pick<ServerProcess, 'url' | 'end'>;
let release: () => void = () => undefined;
beforeEach(async () => {
  real = await makeRealRun();
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
  real.bag.hold = new Promise<void>((resolve) => (release = resolve));
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

const look = async (id: string): Promise<Job> => jobSchema.parse((await ask(server.url, `/jobs/${id}`)).json);
const jobs = async (): Promise<Job[]> =>
  z.object({ jobs: z.array(jobSchema) }).parse((await ask(server.url, '/jobs')).json).jobs;

async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 900) throw new Error('It did not come about within 90 s.');
    await setTimeout(100);
  }
}

const waitFor = (id: string, ...states: Job['state'][]): Promise<void> =>
  waitUntil(async () => states.includes((await look(id)).state));

/** The process of a running job, as its record has it. */
async function pidOf(id: string): Promise<number> {
  let pid: number | undefined;
  await waitUntil(async () => {
    pid = recordSchema.parse(JSON.parse(await readFile(join(real.run.folder, 'jobs', `${id}.json`), 'utf8')))
      .process?.pid;
    return pid !== undefined;
  });
  return pid ?? 0;
}

/** Waits until the job's command has taken the run's lock, and is at work. */
async function waitForWork(id: string): Promise<void> {
  await waitUntil(async () => existsSync(real.run.files.lock) && (await look(id)).progress !== null);
}

type SentEvent = { id?: string; event: string; data: unknown };

/** Events of a job until the stream ends. */
async function readEvents(id: string, { lastEventId }: { lastEventId?: string } = {}): Promise<SentEvent[]> {
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

/** A server in this process, for what does not kill it. */
async function serveHere(run: Run): Promise<typeof server> {
  const here = await serveRun(run, { host: '127.0.0.1', port: 0 });
  return { url: here.url, end: () => here.stop().then(() => 0) };
}

describe('jobs', () => {
  beforeEach(async () => {
    server = await serveHere(real.run);
  });

  it('index, train and rank a run, one after the other, and the server then serves the ranking', async () => {
    const first = await start('index');
    const others = [await start('train'), await start('rank')];
    expect(others.map(({ state }) => state)).toEqual(['waiting', 'waiting']);
    await waitFor(others[1]?.id ?? '', 'done', 'failed');
    const all = await jobs();
    expect(all.map(({ kind, state }) => [kind, state])).toEqual([
      ['rank', 'done'],
      ['train', 'done'],
      ['index', 'done'],
    ]);
    const times = all.toReversed().flatMap(({ startedAt, endedAt }) => [startedAt ?? '', endedAt ?? '']);
    expect(times).toEqual(times.toSorted());
    const done = await look(first.id);
    expect(done).toMatchObject({
      problem: null,
      result: { fresh: false, sample: { documents: 700 } },
      progress: { stage: expect.any(String), unit: expect.any(String) },
    });
    await waitUntil(async () => (await ask(server.url, '/rank?keep=0.1')).status === 200);
    expect((await readRanking(real.run)).documents).toBe(800);
    // The same result as by the library.
    expect(await runIndex(real.run, silent)).toMatchObject({ fresh: true });
  });

  longTest('tells a job as events, from the beginning or from where one left off', async () => {
    const { id } = await start('index');
    const events = await readEvents(id);
    expect(events[0]).toMatchObject({ event: 'job', data: { id } });
    expect(events.at(-1)).toMatchObject({
      event: 'job',
      id: 'end',
      data: { id, state: 'done', result: { fresh: false } },
    });
    const progress = events.filter(({ event }) => event === 'progress');
    const numbers = progress.map((event) => Number(event.id));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    const stages = progress.map(({ data }) =>
      z
        .object({
          stage: z.string(),
          done: z.number(),
          total: z.number().nullable(),
          rate: z.number().nullable(),
          etaSeconds: z.number().nullable(),
        })
        .parse(data),
    );
    expect(new Set(stages.map(({ stage }) => stage)).size).toBeGreaterThan(2);
    expect(stages.some(({ rate, etaSeconds }) => rate !== null && rate > 0 && etaSeconds !== null)).toBe(
      true,
    );
    const middle = Math.floor(progress.length / 2);
    const resumed = await readEvents(id, { lastEventId: progress[middle]?.id ?? '' });
    expect(resumed.filter(({ event }) => event === 'progress')).toEqual(progress.slice(middle + 1));
    expect(await readEvents(id, { lastEventId: 'end' })).toEqual([]);
  });

  it(
    'cancels a job cleanly: its process is gone, the lock is free, and the same job goes on where ' +
      'it was',
    async () => {
      hold();
      const { id } = await start('index');
      const pid = await pidOf(id);
      await waitForWork(id);
      const following = readEvents(id);
      expect(await ask(server.url, `/jobs/${id}`, { method: 'DELETE' })).toMatchObject({
        status: 202,
        json: { state: 'cancelling' },
      });
      await waitFor(id, 'cancelled');
      expect(identifyProcess(pid)).toBeUndefined();
      expect(existsSync(real.run.files.lock)).toBe(false);
      expect((await following).at(-1)).toMatchObject({ event: 'job', data: { state: 'cancelled' } });
      expect(await ask(server.url, `/jobs/${id}`, { method: 'DELETE' })).toMatchObject({
        status: 409,
        json: { code: 'JOB_ENDED' },
      });
      release();
      const again = await start('index');
      await waitFor(again.id, 'done', 'failed');
      expect((await look(again.id)).state).toBe('done');
    },
  );

  longTest('ends a job that does not end when asked, and takes a waiting one out of the queue', async () => {
    await server.end('SIGTERM');
    const own = await Jobs.open(real.run, { waiting: 2, graceMs: 300, remembered: 2, takeOverMs: 100 });
    try {
      hold();
      const running = await own.start('index');
      const [waiting, last] = [await own.start('train'), await own.start('rank')];
      await expect(own.start('rank')).rejects.toMatchObject({ code: 'JOB_QUEUE_FULL', status: 503 });
      const pid = await pidOf(running.id);
      await waitUntil(() => Promise.resolve(existsSync(real.run.files.lock)));
      // A stopped process does nothing with a SIGTERM.
      process.kill(pid, 'SIGSTOP');
      expect(await own.cancel(waiting.id)).toMatchObject({ state: 'cancelled' });
      expect(await own.cancel(running.id)).toMatchObject({ state: 'cancelling' });
      await waitUntil(async () => (await own.find(running.id)).state === 'cancelled');
      // What is next begins: there is nothing to rank yet, and the killed process's lock is in nobody's way.
      await waitUntil(async () => (await own.find(last.id)).endedAt !== null);
      expect(await own.find(last.id)).toMatchObject({ state: 'failed', problem: { code: 'STEP_MISSING' } });
      // Of three that have ended two are remembered, from shortly after the last one's end.
      await waitUntil(async () => (await own.list()).length === 2);
      expect((await own.list()).map(({ id }) => id)).toEqual([last.id, waiting.id]);
      await expect(own.find(running.id)).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
      expect(existsSync(join(real.run.folder, 'jobs', `${running.id}.json`))).toBe(false);
    } finally {
      own.close();
      server = await serveHere(real.run);
    }
  });

  it('says of a job that fails what its command says', async () => {
    real.bag.failAfter = 30;
    const { id } = await start('index');
    await waitFor(id, 'failed');
    expect(await look(id)).toMatchObject({
      problem: { code: 'SAMPLE_REFUSED', detail: expect.stringContaining(real.bag.url) },
      result: null,
    });
  });

  it('says of a job that is killed that it was, and goes on with the next', async () => {
    hold();
    const { id } = await start('index');
    const next = await start('index');
    await waitForWork(id);
    process.kill(await pidOf(id), 'SIGKILL');
    await waitFor(id, 'failed');
    expect(await look(id)).toMatchObject({
      problem: { code: 'JOB_KILLED', detail: expect.stringContaining('SIGKILL') },
    });
    release();
    await waitFor(next.id, 'done', 'failed');
    expect((await look(next.id)).state).toBe('done');
  });

  it('refuses what is no job', async () => {
    for (const [method, path, body, status, code] of [
      ['POST', '/jobs', { kind: 'sleep' }, 400, 'BODY_INVALID'],
      ['POST', '/jobs', {}, 400, 'BODY_INVALID'],
      ['POST', '/jobs', { kind: 'rank', config: '/etc/passwd' }, 400, 'BODY_INVALID'],
      ['GET', '/jobs/nothing', undefined, 404, 'JOB_UNKNOWN'],
      ['GET', '/jobs/..%2f..%2franking', undefined, 404, 'JOB_UNKNOWN'],
      ['GET', '/jobs/nothing/events', undefined, 404, 'JOB_UNKNOWN'],
      ['DELETE', '/jobs/__proto__', undefined, 404, 'JOB_UNKNOWN'],
      ['DELETE', '/jobs', undefined, 405, 'METHOD_NOT_ALLOWED'],
    ] as const) {
      const init =
        body === undefined
          ? { method }
          : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      expect({ path, ...(await ask(server.url, path, init)) }).toMatchObject({
        path,
        status,
        json: { code },
      });
    }
  });
});

describe('a server that is killed', () => {
  beforeEach(async () => {
    server = await startServer(real.run);
  });

  it('leaves its job at work; the next one watches it, goes on with the queue, and can cancel', async () => {
    hold();
    const first = await start('index');
    const second = await start('train');
    await waitForWork(first.id);
    const pid = await pidOf(first.id);
    await server.end('SIGKILL');
    expect(identifyProcess(pid)).toBeDefined();
    server = await startServer(real.run);
    expect((await jobs()).map(({ id, state }) => [id, state])).toEqual([
      [second.id, 'waiting'],
      [first.id, 'running'],
    ]);
    release();
    await waitFor(second.id, 'done', 'failed');
    expect((await jobs()).map(({ state }) => state)).toEqual(['done', 'done']);
    expect((await look(first.id)).result).toMatchObject({ fresh: false });

    hold();
    await writeFile(
      join(real.run.settingsFolder, 'cooking.jsonl'),
      '{"id": "new", "text": "another example of baking"}\n',
    );
    const third = await start('index');
    await waitForWork(third.id);
    await server.end('SIGKILL');
    server = await startServer(real.run);
    expect(await ask(server.url, `/jobs/${third.id}`, { method: 'DELETE' })).toMatchObject({ status: 202 });
    await waitFor(third.id, 'cancelled');
    expect(existsSync(real.run.files.lock)).toBe(false);
  });

  longTest(
    'and whose job ended meanwhile, is told how: by its result, by its error, or that nobody knows',
    async () => {
      hold();
      const done = await start('index');
      await waitForWork(done.id);
      const donePid = await pidOf(done.id);
      await server.end('SIGKILL');
      release();
      await waitUntil(() => Promise.resolve(identifyProcess(donePid) === undefined));
      server = await startServer(real.run);
      await waitFor(done.id, 'done', 'failed', 'interrupted');
      expect(await look(done.id)).toMatchObject({ state: 'done', result: { fresh: false } });

      hold();
      await writeFile(
        join(real.run.settingsFolder, 'cooking.jsonl'),
        '{"id": "new", "text": "another example of baking"}\n',
      );
      const killed = await start('index');
      const next = await start('train');
      await waitForWork(killed.id);
      const killedPid = await pidOf(killed.id);
      await server.end('SIGKILL');
      process.kill(killedPid, 'SIGKILL');
      await waitUntil(() => Promise.resolve(identifyProcess(killedPid) === undefined));
      server = await startServer(real.run);
      await waitFor(killed.id, 'interrupted');
      expect(await look(killed.id)).toMatchObject({
        problem: { code: 'JOB_INTERRUPTED', detail: expect.stringContaining('no server watched it') },
      });
      await waitUntil(async () => (await look(next.id)).endedAt !== null);
      release();
      const again = await start('index');
      await waitFor(again.id, 'done', 'failed');
      expect((await look(again.id)).state).toBe('done');
    },
  );

  longTest('between starting a process and noting which it is, finds it again by what it says', async () => {
    hold();
    const { id } = await start('index');
    await waitForWork(id);
    const pid = await pidOf(id);
    await server.end('SIGKILL');
    const path = join(real.run.folder, 'jobs', `${id}.json`);
    const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    await writeFile(path, JSON.stringify({ ...record, process: null }));
    server = await startServer(real.run);
    expect(await pidOf(id)).toBe(pid);
    release();
    await waitFor(id, 'done', 'failed');
    expect((await look(id)).state).toBe('done');
  });

  longTest('does not take another process of the same id for the job', async () => {
    hold();
    const { id } = await start('index');
    await waitForWork(id);
    const pid = await pidOf(id);
    await server.end('SIGKILL');
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => Promise.resolve(identifyProcess(pid) === undefined));
    const path = join(real.run.folder, 'jobs', `${id}.json`);
    const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    // This very process has the id now, but is not what was started.
    await writeFile(
      path,
      JSON.stringify({ ...record, process: { pid: process.pid, identity: record.process?.identity } }),
    );
    server = await startServer(real.run);
    await waitFor(id, 'interrupted');
  });
});

describe('a second server on the same run', () => {
  beforeEach(async () => {
    server = await startServer(real.run);
  });

  longTest(
    'shows the jobs and starts none; the first one goes on, and once it ends the second takes them over',
    async () => {
      const other = await startServer(real.run);
      try {
        hold();
        const { id } = await start('index');
        const refused = await ask(other.url, '/jobs', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"kind": "rank"}',
        });
        expect(refused).toMatchObject({ status: 409, json: { code: 'RUN_LOCKED' } });
        const waiting = await start('train');
        await server.end('SIGTERM');
        server = { url: other.url, end: () => Promise.resolve(0) };
        release();
        // The job of the first server, and what waited behind it.
        await waitUntil(async () =>
          (await jobs()).some((job) => job.id === waiting.id && job.endedAt !== null),
        );
        expect((await jobs()).map(({ kind, state }) => [kind, state])).toEqual([
          ['train', 'done'],
          ['index', 'done'],
        ]);
        await waitFor((await start('rank')).id, 'done', 'failed');
        expect(await look(id)).toMatchObject({ problem: null });
      } finally {
        await other.end('SIGTERM');
      }
    },
  );

  longTest('does not keep a stopping server open by its streams of events', async () => {
    hold();
    const { id } = await start('index');
    await waitForWork(id);
    const following = await fetch(`${server.url}/jobs/${id}/events`);
    // It would be cut off after 8 s; without an end of its own the stream's text could not be read whole.
    const startedMs = performance.now();
    expect(await server.end('SIGTERM')).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(7000);
    expect(await following.text()).toContain('event: job');
    server = await startServer(real.run);
    expect((await look(id)).state).toBe('running');
  });
});

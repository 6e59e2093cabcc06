// Jobs of a server that stays up: their order, events, cancellation and errors.

import { describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { identifyProcess } from '../../../data/files/process.ts';
import { silent } from '../../../run/progress.ts';
import { runIndex } from '../../../indexer/index.ts';
import { readRanking } from '../../../ranking/generation.ts';
import { Jobs } from '../../../server/jobs/jobs.ts';
import { ask } from '../serve.ts';
import { longTest } from '../../long.ts';
import { serveHere, setUpJobs, waitUntil } from './fixtures.ts';

describe('jobs', () => {
  const at = setUpJobs(serveHere);
  const { hold, release, start, look, jobs, waitFor, pidOf, waitForWork, readEvents } = at;

  it('index, train and rank a run in turn, and the server then serves the ranking', async () => {
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
    await waitUntil(async () => (await ask(at.server.url, '/rank?keep=0.1')).status === 200);
    expect((await readRanking(at.real.run)).documents).toBe(800);
    // The library finds the same result.
    expect(await runIndex(at.real.run, silent)).toMatchObject({ fresh: true });
  });

  longTest(
    'streams the events of a job, from the start or from the last event a client received',
    async () => {
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
    },
  );

  longTest(
    'cancels a job cleanly: its process ends, the lock is free, and the next job resumes its work',
    async () => {
      hold();
      const { id } = await start('index');
      const pid = await pidOf(id);
      await waitForWork(id);
      const following = readEvents(id);
      expect(await ask(at.server.url, `/jobs/${id}`, { method: 'DELETE' })).toMatchObject({
        status: 202,
        json: { state: 'cancelling' },
      });
      await waitFor(id, 'cancelled');
      expect(identifyProcess(pid)).toBeUndefined();
      expect(existsSync(at.real.run.files.lock)).toBe(false);
      expect((await following).at(-1)).toMatchObject({ event: 'job', data: { state: 'cancelled' } });
      expect(await ask(at.server.url, `/jobs/${id}`, { method: 'DELETE' })).toMatchObject({
        status: 409,
        json: { code: 'JOB_ENDED' },
      });
      release();
      const again = await start('index');
      await waitFor(again.id, 'done', 'failed');
      expect((await look(again.id)).state).toBe('done');
    },
  );

  longTest('kills a job that ignores SIGTERM, and removes a canceled job from the queue', async () => {
    await at.server.end('SIGTERM');
    const own = await Jobs.open(at.real.run, { waiting: 2, graceMs: 300, remembered: 2, takeOverMs: 100 });
    try {
      hold();
      const running = await own.start('index');
      const [waiting, last] = [await own.start('train'), await own.start('rank')];
      await expect(own.start('rank')).rejects.toMatchObject({ code: 'JOB_QUEUE_FULL', status: 503 });
      const pid = await pidOf(running.id);
      await waitUntil(() => Promise.resolve(existsSync(at.real.run.files.lock)));
      // A stopped process does nothing with a SIGTERM.
      process.kill(pid, 'SIGSTOP');
      expect(await own.cancel(waiting.id)).toMatchObject({ state: 'cancelled' });
      expect(await own.cancel(running.id)).toMatchObject({ state: 'cancelling' });
      await waitUntil(async () => (await own.find(running.id)).state === 'cancelled');
      // The next job starts: there is nothing to rank yet, and the killed process's lock does not block it.
      await waitUntil(async () => (await own.find(last.id)).endedAt !== null);
      expect(await own.find(last.id)).toMatchObject({ state: 'failed', problem: { code: 'STEP_MISSING' } });
      // Two of the three ended jobs are kept, shortly after the last one ends.
      await waitUntil(async () => (await own.list()).length === 2);
      expect((await own.list()).map(({ id }) => id)).toEqual([last.id, waiting.id]);
      await expect(own.find(running.id)).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
      expect(existsSync(join(at.real.run.folder, 'jobs', `${running.id}.json`))).toBe(false);
    } finally {
      own.close();
      at.server = await serveHere(at.real.run);
    }
  });

  it('reports the error of the command when a job fails', async () => {
    at.real.bag.failAfter = 30;
    const { id } = await start('index');
    await waitFor(id, 'failed');
    expect(await look(id)).toMatchObject({
      problem: { code: 'SAMPLE_REFUSED', detail: expect.stringContaining(at.real.bag.url) },
      result: null,
    });
  });

  longTest('reports that a job was killed, and starts the next one', async () => {
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

  it('refuses invalid job requests', async () => {
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
      expect({ path, ...(await ask(at.server.url, path, init)) }).toMatchObject({
        path,
        status,
        json: { code },
      });
    }
  });
});

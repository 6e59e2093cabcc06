// Two servers of one run, and a server that stops while a client follows a job.

import { describe, expect } from '@jest/globals';
import { startServer } from '../real-run.ts';
import { ask } from '../serve.ts';
import { longTest } from '../../long.ts';
import { setUpJobs, waitUntil } from './fixtures.ts';

describe('a second server on the same run', () => {
  const at = setUpJobs(startServer);
  const { hold, release, start, look, jobs, waitFor } = at;

  longTest('lists the jobs but starts none until the first server ends, then takes them over', async () => {
    const other = await startServer(at.real.run);
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
      await at.server.end('SIGTERM');
      at.server = { url: other.url, end: () => Promise.resolve(0) };
      release();
      // The job of the first server, and the one waiting behind it.
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
  });
});

describe('a stopping server', () => {
  const at = setUpJobs(startServer);
  const { hold, start, look, waitForWork } = at;

  longTest('ends the event streams of its clients', async () => {
    hold();
    const { id } = await start('index');
    await waitForWork(id);
    const following = await fetch(`${at.server.url}/jobs/${id}/events`);
    // A stream that does not end would be cut off after 8 s, and reading its text would fail.
    const startedMs = performance.now();
    expect(await at.server.end('SIGTERM')).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(7000);
    expect(await following.text()).toContain('event: job');
    at.server = await startServer(at.real.run);
    expect((await look(id)).state).toBe('running');
  });
});

// A server is killed while its job runs, and the next server of the run takes over.

import { describe, expect } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess } from '../../../data/files/process.ts';
import { recordSchema } from '../../../server/jobs/records.ts';
import { startServer } from '../real-run.ts';
import { ask } from '../serve.ts';
import { longTest } from '../../long.ts';
import { setUpJobs, waitUntil } from './fixtures.ts';

describe('a server that is killed', () => {
  const at = setUpJobs(startServer);
  const { hold, release, start, look, jobs, waitFor, pidOf, waitForWork, addExample } = at;

  longTest(
    'leaves its job running, and the next server watches it, runs the queue and can cancel',
    async () => {
      hold();
      const first = await start('index');
      const second = await start('train');
      await waitForWork(first.id);
      const pid = await pidOf(first.id);
      await at.server.end('SIGKILL');
      expect(identifyProcess(pid)).toBeDefined();
      at.server = await startServer(at.real.run);
      expect((await jobs()).map(({ id, state }) => [id, state])).toEqual([
        [second.id, 'waiting'],
        [first.id, 'running'],
      ]);
      release();
      await waitFor(second.id, 'done', 'failed');
      expect((await jobs()).map(({ state }) => state)).toEqual(['done', 'done']);
      expect((await look(first.id)).result).toMatchObject({ fresh: false });

      hold();
      await addExample();
      const third = await start('index');
      await waitForWork(third.id);
      await at.server.end('SIGKILL');
      at.server = await startServer(at.real.run);
      expect(await ask(at.server.url, `/jobs/${third.id}`, { method: 'DELETE' })).toMatchObject({
        status: 202,
      });
      await waitFor(third.id, 'cancelled');
      expect(existsSync(at.real.run.files.lock)).toBe(false);
    },
  );

  longTest(
    'is followed by one that reports a job that ended in between: its result, or that it was interrupted',
    async () => {
      hold();
      const done = await start('index');
      await waitForWork(done.id);
      const donePid = await pidOf(done.id);
      await at.server.end('SIGKILL');
      release();
      await waitUntil(() => Promise.resolve(identifyProcess(donePid) === undefined));
      at.server = await startServer(at.real.run);
      await waitFor(done.id, 'done', 'failed', 'interrupted');
      expect(await look(done.id)).toMatchObject({ state: 'done', result: { fresh: false } });

      hold();
      await addExample();
      const killed = await start('index');
      const next = await start('train');
      await waitForWork(killed.id);
      const killedPid = await pidOf(killed.id);
      await at.server.end('SIGKILL');
      process.kill(killedPid, 'SIGKILL');
      await waitUntil(() => Promise.resolve(identifyProcess(killedPid) === undefined));
      at.server = await startServer(at.real.run);
      await waitFor(killed.id, 'interrupted');
      expect(await look(killed.id)).toMatchObject({
        problem: { code: 'JOB_INTERRUPTED', detail: expect.stringContaining('while no server was watching') },
      });
      await waitUntil(async () => (await look(next.id)).endedAt !== null);
      release();
      const again = await start('index');
      await waitFor(again.id, 'done', 'failed');
      expect((await look(again.id)).state).toBe('done');
    },
  );

  longTest('before it recorded the process of a job is followed by one that finds the process', async () => {
    hold();
    const { id } = await start('index');
    await waitForWork(id);
    const pid = await pidOf(id);
    await at.server.end('SIGKILL');
    const path = join(at.real.run.folder, 'jobs', `${id}.json`);
    const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    await writeFile(path, JSON.stringify({ ...record, process: null }));
    at.server = await startServer(at.real.run);
    expect(await pidOf(id)).toBe(pid);
    release();
    await waitFor(id, 'done', 'failed');
    expect((await look(id)).state).toBe('done');
  });

  longTest(
    'is followed by one that does not mistake another process with the same id for the job',
    async () => {
      hold();
      const { id } = await start('index');
      await waitForWork(id);
      const pid = await pidOf(id);
      await at.server.end('SIGKILL');
      process.kill(pid, 'SIGKILL');
      await waitUntil(() => Promise.resolve(identifyProcess(pid) === undefined));
      const path = join(at.real.run.folder, 'jobs', `${id}.json`);
      const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
      // The test's own process has the id now, but it is not the job's.
      await writeFile(
        path,
        JSON.stringify({ ...record, process: { pid: process.pid, identity: record.process?.identity } }),
      );
      at.server = await startServer(at.real.run);
      await waitFor(id, 'interrupted');
    },
  );
});

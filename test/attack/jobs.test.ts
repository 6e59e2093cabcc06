import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { openRun } from '../../run/run.ts';
import { jobSchema, writeRecord } from '../../server/jobs/records.ts';
import { serveRun } from '../../server/listen.ts';
import { hidePaths } from '../../data/files/hide-paths.ts';
import { makeRows, rankRows, withRun } from '../ranking/synthetic.ts';
import { ask, withServer } from '../server/serve.ts';
import { until } from '../until.ts';
import { longTest } from '../long.ts';

const startJob = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"kind":"rank"}' };

describe('the queue of jobs', () => {
  longTest(
    'takes as many as it promises when 400 are asked for at once',
    async () => {
      await withServer(async ({ ask }) => {
        const statuses = await Promise.all(
          Array.from({ length: 400 }, async () => (await ask('/jobs', startJob)).status),
        );
        const accepted = statuses.filter((status) => status === 202).length;
        // 16 wait; the first ones may have begun and ended meanwhile.
        expect(accepted).toBeGreaterThanOrEqual(16);
        expect(accepted).toBeLessThan(30);
        expect(statuses.filter((status) => status !== 202 && status !== 503)).toEqual([]);
        const { jobs } = z.object({ jobs: z.array(jobSchema) }).parse((await ask('/jobs')).json);
        expect(jobs.length).toBe(accepted);
        for (const { id, state } of jobs)
          if (state === 'waiting') await ask(`/jobs/${id}`, { method: 'DELETE' });
        await until(async () =>
          z
            .object({ jobs: z.array(jobSchema) })
            .parse((await ask('/jobs')).json)
            .jobs.every(({ endedAt }) => endedAt !== null),
        );
      }, makeRows(50));
    },
    60_000,
  );
});

describe('where the server runs', () => {
  it('is told by nothing that tells of files, also when the run lies elsewhere', async () => {
    const [settings, elsewhere] = [
      await mkdtemp(join(tmpdir(), 'betr-settings-')),
      await mkdtemp(join(tmpdir(), 'betr-elsewhere-')),
    ];
    try {
      const folder = join(elsewhere, 'deep', 'run');
      await mkdir(join(elsewhere, 'corpus'));
      await writeFile(join(elsewhere, 'corpus', 'bad.jsonl'), 'no document\n');
      await writeFile(
        join(settings, 'betr.yaml'),
        JSON.stringify({
          run: folder,
          corpus: { files: [join(elsewhere, 'corpus', '*.jsonl')] },
          benchmarks: [{ name: 'sums', files: [join(elsewhere, 'sums.jsonl')] }],
        }),
      );
      const run = await openRun(join(settings, 'betr.yaml'));
      const ranking = await rankRows(run, makeRows(30));
      await writeFile(join(run.files.scores, ranking.parts[0]?.file ?? ''), 'damaged');
      const server = await serveRun(run, { host: '127.0.0.1', port: 0 });
      try {
        const told: string[] = [];
        for (const path of ['/readyz', '/rank?keep=0.1', '/rankings', '/evaluation?format=json'])
          told.push((await ask(server.url, path)).text);
        const started = z
          .object({ id: z.string() })
          .parse((await ask(server.url, '/jobs', { ...startJob, body: '{"kind":"run"}' })).json);
        await until(
          async () => jobSchema.parse((await ask(server.url, `/jobs/${started.id}`)).json).endedAt !== null,
        );
        for (const path of ['/jobs', `/jobs/${started.id}`, `/jobs/${started.id}/events`])
          told.push((await ask(server.url, path)).text);
        expect(told[0]).toMatch(/run\/scores\/[\w.-]+\.parquet/);
        expect(told[5]).toContain('sums.jsonl');
        for (const text of told)
          for (const hidden of [settings, elsewhere, dirname(folder), tmpdir()])
            expect(text).not.toContain(hidden);
      } finally {
        await server.stop(0);
      }
    } finally {
      for (const folder of [settings, elsewhere]) await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);

  it('tells no stack of a bug that ended a job', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(30));
      const at = new Date().toISOString();
      const stack = 'Error: none\n    at work (file:///opt/betr/dist/scoring/work.js:1:1)';
      await writeRecord(run, {
        ...{ id: 'broken', kind: 'rank', state: 'failed', createdAt: at, startedAt: at, endedAt: at },
        problem: { code: 'INTERNAL', detail: stack },
        process: null,
      });
      const server = await serveRun(run, { host: '127.0.0.1', port: 0 });
      try {
        await until(async () => (await ask(server.url, '/jobs')).text.includes('broken'));
        for (const path of ['/jobs', '/jobs/broken', '/jobs/broken/events']) {
          const { text } = await ask(server.url, path);
          expect(text).toContain('This is a bug in betr');
          expect(text).not.toContain('work.js');
        }
      } finally {
        await server.stop(0);
      }
    });
  });

  it('leaves other paths as they were', async () => {
    await withRun((run) => {
      expect(
        hidePaths(
          run,
          `${run.settingsFolder}/run/x and ${run.settingsFolder}, not ${run.settingsFolder}er/x or https://a.example/b`,
        ),
      ).toBe(`run/x and ., not ${run.settingsFolder.replace(tmpdir(), '…')}er/x or https://a.example/b`);
      return Promise.resolve();
    });
  });
});

import { fork } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { makePlan } from '../../scoring/make-plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { readPublishedParts } from '../../scoring/published.ts';
import { workOnPlan } from '../../scoring/work.ts';
import { silent } from '../../run/progress.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { forgetScores } from '../classifier/trained-run.ts';
import { betr as carryOut } from '../cli/betr.ts';
import { until } from '../until.ts';
import { longTest } from '../long.ts';
import { listLeases, published, start, withShards, workResult } from './worker-processes.ts';

describe('betr work', () => {
  longTest(
    'takes over from a worker that was killed, here at once and elsewhere after a while',
    async () => {
      await withShards(
        2,
        1000,
        async (run, folder, generation) => {
          let elsewhere = '';
          // Again where it was done before it was killed.
          await until(
            async () => {
              await forgetScores(run);
              const first = start(['work', folder]);
              await until(async () => (await published(run)) >= 1, { everyMs: 5 });
              first.child.kill('SIGKILL');
              await first.ended;
              const left = await listLeases(run);
              const { byChunk } = await readPublishedParts(run);
              elsewhere =
                listTasks(run, await makePlan(run, silent)).find(
                  ({ name }) => !byChunk.has(name) && !left.includes(name),
                )?.name ?? '';
              return elsewhere !== '';
            },
            { what: 'that it was killed at work', seconds: 90 },
          );
          await writeFile(
            join(run.files.leases, elsewhere),
            `000000000007 0011aabb ${JSON.stringify({
              pid: 1,
              host: 'elsewhere',
              process: '',
              since: '2026-01-01T00:00:00.000Z',
            })}\n`,
          );
          expect(
            workResult.parse(JSON.parse((await start(['work', folder, '--no-wait', '--json']).ended).stdout))
              .finished,
          ).toBe(false);
          // A chunk that was published whole before the kill leaves a lease that nobody needs any more.
          const { byChunk: done } = await readPublishedParts(run);
          expect((await listLeases(run)).filter((name) => !done.has(name))).toEqual([elsewhere]);
          expect(
            workResult.parse(JSON.parse((await start(['work', folder, '--json']).ended).stdout)),
          ).toMatchObject({ finished: true, chunks: 1 });
          expect((await rankCorpus(run, silent)).scores.documents).toBe(0);
          expect((await rankCorpus(run, silent)).ranking.generation).toBe(generation);
        },
        { lostSeconds: 3 },
      );
    },
    120_000,
  );

  longTest('releases all leases when a ranking is stopped', async () => {
    await withShards(4, 2000, async (run, folder, generation) => {
      const rank = start(['rank', '--config', run.settingsPath, '--workers', '2']);
      await until(async () => (await listLeases(run)).length === 2, { everyMs: 2 });
      rank.child.kill('SIGTERM');
      expect(await rank.ended).toMatchObject({ code: 143, stderr: expect.not.stringContaining('Error') });
      await until(async () => (await listLeases(run)).length === 0);
      expect((await rankCorpus(run, silent)).ranking.generation).toBe(generation);
      expect(await carryOut(folder, ['work', folder])).toMatchObject({ code: 0 });
    });
  });

  longTest(
    'ends, as a process that somebody started, where that one is gone before it has begun',
    async () => {
      await withShards(1, 4000, async (run) => {
        await makePlan(run, silent);
        const child = fork(new URL('../../scoring/work-process.js', import.meta.url), [
          '--config',
          run.settingsPath,
        ]);
        child.disconnect();
        expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
        expect(await published(run)).toBe(0);
        expect(await listLeases(run)).toEqual([]);
      });
    },
  );

  it('scores what it can, and says which shard it could not', async () => {
    await withShards(4, 100, async (_run, folder) => {
      const path = join(folder, 'corpus', '2.jsonl.gz');
      await truncate(path, 100);
      const { code, stdout, stderr } = await carryOut(folder, ['work', folder]);
      expect({ code, stdout }).toEqual({
        code: 1,
        stdout: expect.stringMatching(/^Scored 3 chunks, .*; 1 shard could not be scored\n$/),
      });
      expect(stderr).toContain(path);
      expect(stderr).toContain('FILE_UNREADABLE');
    });
  });

  it.each(['first', 'last'])(
    'makes again what is gone, be it the %s part of a chunk, and nothing without it is published',
    async (which) => {
      await withShards(3, 300, async (run, folder, generation) => {
        expect(await carryOut(folder, ['work', folder])).toMatchObject({ code: 0 });
        const parts =
          [...(await readPublishedParts(run)).byChunk.values()].find(({ length }) => length > 2) ?? [];
        await rm(join(run.files.scores, parts.at(which === 'first' ? 0 : -1)?.file ?? ''));
        expect(await carryOut(folder, ['rank', '--publish-only'])).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('CHUNKS_LEFT'),
        });
        expect(await carryOut(folder, ['work', folder])).toMatchObject({
          code: 0,
          stdout: expect.stringMatching(/^Scored 1 chunk, .*no chunks left/),
        });
        expect(await carryOut(folder, ['rank', '--publish-only'])).toMatchObject({
          code: 0,
          stdout: expect.stringContaining(generation),
        });
        expect(await carryOut(folder, ['verify'])).toMatchObject({ code: 0 });
      });
    },
  );

  longTest('does not take a chunk for done that was taken from it', async () => {
    await withShards(1, 4000, async (run, _folder, generation) => {
      const plan = await makePlan(run, silent);
      let taken = false;
      const result = await workOnPlan(run, plan, {
        wait: true,
        onProgress: () => {
          if (taken) return;
          taken = true;
          for (const name of readdirSync(run.files.leases).filter((one) => /^[0-9a-f]{20}$/.test(one)))
            rmSync(join(run.files.leases, name));
          // Longer than a beat, by which the loss is noticed.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
        },
      });
      expect(result.finished).toBe(true);
      expect((await rankCorpus(run, silent)).ranking.generation).toBe(generation);
      expect(await published(run)).toBeGreaterThan(1);
    });
  });
});

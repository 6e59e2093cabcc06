import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { makePlan } from '../../scoring/make-plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { workOnPlan } from '../../scoring/work.ts';
import { withLock } from '../../data/files/lock.ts';
import { silent } from '../../run/progress.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { betr as carryOut } from '../cli/betr.ts';
import { withFolder } from '../data/collect.ts';
import { longTest } from '../long.ts';
import { until } from '../until.ts';
import { type Ended, listLeases, published, start, withShards, workResult } from './worker-processes.ts';

describe('betr work', () => {
  longTest(
    'several at once make a plan, score every chunk once, and leave a ranking to be published',
    async () => {
      await withShards(3, 400, async (run, folder, generation) => {
        const workers = Array.from({ length: 3 }, () => start(['work', folder, '--json']));
        const ended = await Promise.all(workers.map((worker) => worker.ended));
        expect(ended.map(({ code }) => code)).toEqual([0, 0, 0]);
        const results = ended.map(({ stdout }) => workResult.parse(JSON.parse(stdout)));
        expect(results.every(({ finished }) => finished)).toBe(true);
        const tasks = listTasks(run, await makePlan(run, silent));
        expect(results.reduce((sum, { chunks }) => sum + chunks, 0)).toBe(tasks.length);
        expect(await readdir(run.files.leases)).toEqual([]);
        const rank = await start(['rank', '--config', run.settingsPath, '--publish-only', '--json']).ended;
        expect(rank.code).toBe(0);
        expect(JSON.parse(rank.stdout)).toMatchObject({
          published: true,
          ranking: { generation },
          documents: 0,
        });
      });
    },
  );

  longTest(
    'told to end, gives its chunk back and says so with its exit code; the others go on with it',
    async () => {
      await withShards(1, 4000, async (run, folder, generation) => {
        const first = start(['work', '--config', run.settingsPath, '--grace', '0']);
        await until(async () => (await published(run)) >= 1, { everyMs: 5 });
        first.child.kill('SIGTERM');
        expect(await first.ended).toMatchObject({ code: 143, signal: null });
        expect(await readdir(run.files.leases)).toEqual([]);
        const early = await start(['rank', '--config', run.settingsPath, '--publish-only']).ended;
        expect(early.code).toBe(1);
        expect(early.stderr).toContain('CHUNKS_LEFT');
        expect(await start(['work', folder]).ended).toMatchObject({ code: 0 });
        expect((await rankCorpus(run, silent)).ranking.generation).toBe(generation);
      });
    },
  );

  longTest('stops while it skips the scored rows of a compressed shard', async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, 'corpus'));
      await writeFile(join(folder, 'corpus', '0.jsonl.gz'), gzipSync(makeLines(20_000, 1)));
      const run = await makeTrainedRun(folder, { chunkMegabytes: 0.5 });
      const plan = await makePlan(run, silent);
      const stop = new AbortController();
      expect((await workOnPlan(run, plan, { wait: true })).parts).toBeGreaterThan(3);
      // Without its last line the manifest lacks the last part.
      const [manifest = ''] = await readdir(run.files.manifest);
      const lines = (await readFile(join(run.files.manifest, manifest), 'utf8')).trimEnd().split('\n');
      await writeFile(join(run.files.manifest, manifest), `${lines.slice(0, -1).join('\n')}\n`);
      const heard: number[] = [];
      const again = await workOnPlan(run, plan, {
        wait: true,
        signal: stop.signal,
        onProgress(documents) {
          heard.push(documents);
          stop.abort();
        },
      });
      expect(heard).toEqual([0]);
      expect(again).toMatchObject({ parts: 0, documents: 0, finished: false });
      expect(await listLeases(run)).toEqual([]);
      expect((await workOnPlan(run, plan, { wait: true })).parts).toBe(1);
    });
  });

  it('stops when asked, even while another process makes the plan', async () => {
    await withShards(1, 100, async (run, folder) => {
      await withLock(run, async () => {
        let ended: Ended | undefined;
        // Again, and later, where the signal itself ended it: it had not yet begun to listen.
        for (
          let waitMs = 1500;
          waitMs < 60_000 && (ended === undefined || ended.signal === 'SIGTERM');
          waitMs *= 2
        ) {
          const waiting = start(['work', folder]);
          await new Promise((resolve) => setTimeout(resolve, waitMs));
          waiting.child.kill('SIGTERM');
          ended = await waiting.ended;
        }
        expect(ended).toMatchObject({ code: 143, stderr: '' });
      });
    });
  }, 120_000);

  it('says what it cannot do', async () => {
    await withShards(1, 100, async (run, folder) => {
      for (const [args, code, text] of [
        [['work', join(folder, 'nowhere.yaml')], 2, 'SETTINGS_NOT_FOUND'],
        [['work', folder, '--workers', '0'], 2, '--workers is "0"'],
        [['work', folder, '--grace', 'soon'], 2, '--grace is "soon"'],
        [['rank', '--config', run.settingsPath, '--workers', 'all'], 2, '--workers is "all"'],
        [['rank', '--config', run.settingsPath, '--publish-only'], 1, 'betr rank'],
        [['slurm', folder, '--dry-run', '--sbatch=--array=1-9'], 2, '--sbatch is "--array=1-9"'],
      ] as const)
        expect({ args, ...(await carryOut(folder, args)) }).toMatchObject({
          args,
          code,
          stderr: expect.stringContaining(text),
        });
    });
  });
});

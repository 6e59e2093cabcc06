import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { listTasks, makePlan } from '../../scoring/plan.ts';
import { readPublishedParts } from '../../scoring/published.ts';
import { workOnPlan } from '../../scoring/work.ts';
import { withLock } from '../../data/files/lock.ts';
import { silent } from '../../run/progress.ts';
import { listFolder } from '../../data/files/files.ts';
import type { Run } from '../../run/run.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import {
  forgetScores,
  makeLines,
  makeTrainedRun,
  type TrainedRunOptions,
} from '../classifier/trained-run.ts';
import { betr as carryOut } from '../cli/betr.ts';
import { withFolder } from '../data/collect.ts';
import { longTest } from '../long.ts';
import { until } from '../until.ts';

const betr = fileURLToPath(new URL('../../cli/betr.js', import.meta.url));

interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [betr, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  return {
    child,
    ended: new Promise((resolve) =>
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
    ),
  };
}

const workResult = z.object({ chunks: z.number(), documents: z.number(), finished: z.boolean() });

/**
 * A run whose corpus has so many shards of `lines` lines, some of them compressed, and what its ranking is
 * called.
 */
async function withShards(
  shards: number,
  lines: number,
  use: (run: Run, folder: string, generation: string) => Promise<void>,
  options: TrainedRunOptions = {},
): Promise<void> {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'corpus'));
    for (let i = 0; i < shards; i++) {
      const text = makeLines(lines, i);
      await writeFile(
        join(folder, 'corpus', `${i}.jsonl${i % 3 === 2 ? '.gz' : ''}`),
        i % 3 === 2 ? gzipSync(text) : text,
      );
    }
    const run = await makeTrainedRun(folder, options);
    const { generation } = (await rankCorpus(run, silent)).ranking;
    await forgetScores(run);
    await use(run, folder, generation);
  });
}

const published = async (run: Run): Promise<number> =>
  [...(await readPublishedParts(run)).byChunk.values()].flat().length;

/** Names of the chunks that are in somebody's hands. */
async function listLeases(run: Run): Promise<string[]> {
  return (await listFolder(run.files.leases)).filter((name) => /^[0-9a-f]+$/.test(name));
}

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

  it('stops while it skips the scored rows of a compressed shard', async () => {
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

  it('takes over from a worker that was killed, here at once and elsewhere after a while', async () => {
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
  }, 120_000);

  it('releases all leases when a ranking is stopped', async () => {
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

  it('ends, as a process that somebody started, where that one is gone before it has begun', async () => {
    await withShards(1, 4000, async (run) => {
      await makePlan(run, silent);
      const child = fork(new URL('../../scoring/work-process.js', import.meta.url), [
        run.settingsPath,
        '0',
        '',
      ]);
      child.disconnect();
      expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
      expect(await published(run)).toBe(0);
      expect(await listLeases(run)).toEqual([]);
    });
  });

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

  it('does not take a chunk for done that was taken from it', async () => {
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

describe('betr rank', () => {
  it('run twice at once: the second says who is at it and leaves', async () => {
    await withShards(1, 1500, async (run, folder, generation) => {
      const first = start(['rank', '--config', run.settingsPath, '--workers', '2']);
      await until(async () => (await published(run)) >= 1, { everyMs: 5 });
      // Held, so that it is still at it when the second one comes.
      first.child.kill('SIGSTOP');
      const second = await start(['rank', '--config', run.settingsPath]).ended;
      expect((await carryOut(folder, ['status'])).stdout).toMatch(
        new RegExp(
          `To score    \\d shards?; \\d+ of \\d+ chunks done\nWorking     .*process ${first.child.pid ?? ''} on `,
        ),
      );
      first.child.kill('SIGCONT');
      expect(second.code).toBe(3);
      expect(second.stderr).toContain(`process ${first.child.pid ?? ''}`);
      expect(await first.ended).toMatchObject({ code: 0 });
      expect((await rankCorpus(run, silent)).ranking.generation).toBe(generation);
    });
  });

  longTest('does without a worker process that is stuck, after a while', async () => {
    await withShards(3, 3000, async (run, _folder, generation) => {
      const rank = start(['rank', '--config', run.settingsPath, '--workers', '3']);
      const workers = (): number[] =>
        (
          spawnSync('pgrep', ['-P', String(rank.child.pid), '-f', 'work-process'], {
            encoding: 'utf8',
          }).stdout.match(/\d+/g) ?? []
        ).map(Number);
      await until(async () => (await listLeases(run)).length === 3, { everyMs: 2 });
      const [stuck = 0] = workers();
      process.kill(stuck, 'SIGSTOP');
      expect(await rank.ended).toMatchObject({ code: 0, stdout: expect.stringContaining(generation) });
      expect(() => process.kill(stuck, 0)).toThrow();
    });
  });

  it('from cron: tells a new ranking that differs too much by its exit code, and nothing new by none', async () => {
    await withShards(1, 300, async (run, folder) => {
      const rank = ['rank', '--config', run.settingsPath];
      expect(await carryOut(folder, rank)).toMatchObject({ code: 0 });
      await writeFile(
        join(folder, 'corpus', 'more.jsonl'),
        makeLines(1200, 7).replaceAll(/"source-\d"/g, '"elsewhere"'),
      );
      expect(await carryOut(folder, rank)).toMatchObject({
        code: 4,
        stdout: expect.stringContaining('over its threshold: source "elsewhere"'),
      });
      expect(await carryOut(folder, rank)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Nothing new to score'),
      });
      const status = await carryOut(folder, ['status']);
      expect(status.stdout).toContain('over its threshold: source "elsewhere"');
    });
  });
});

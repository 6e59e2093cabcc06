// `npm run test:slurm`: the job array on a real Slurm with two nodes. Not in the default suite, which must
// not start a cluster.

import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { readPublishedParts } from '../../scoring/published.ts';
import { foldedManifest } from '../../scoring/published.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { readPublished } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { forgetScores, makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { until } from '../until.ts';
import { makePython, writeJobs } from '../models/trainer/jobs.ts';
import { readJobState } from '../../models/trainer/state.ts';
import { type Cluster, openCluster, whyNoCluster } from './cluster.ts';

const betr = fileURLToPath(new URL('../../cli/betr.js', import.meta.url));
const why = process.env['BETR_TEST_SLURM'] === undefined ? 'is run by npm run test:slurm' : whyNoCluster();
if (why !== undefined) process.stderr.write(`test/slurm ${why}; skipped\n`);

const submitted = z.object({ chunks: z.number(), array: z.string(), publish: z.string() });

(why === undefined ? describe : describe.skip)('betr slurm', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await openCluster();
  });
  afterAll(() => cluster.close());

  const submit = (run: Run, ...options: string[]): z.output<typeof submitted> =>
    submitted.parse(
      JSON.parse(
        execFileSync(
          process.execPath,
          [betr, 'slurm', run.settingsPath, '--nodes', '2', '--json', ...options],
          { env: cluster.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
        ),
      ),
    );

  const publishedParts = async (run: Run): Promise<number> =>
    [...(await readPublishedParts(run)).byChunk.values()].flat().length;
  const stateOf = (job: string): string => cluster.run('squeue', '-h', '-r', '-j', job, '-o', '%i %t %r %N');

  const waitFor = (what: string, holds: () => Promise<boolean> | boolean, seconds: number): Promise<void> =>
    until(holds, { what, seconds, everyMs: 100 }).catch((error: unknown) => {
      throw new Error(cluster.run('squeue', '-r'), { cause: error });
    });

  /** Slurm keeps what it starts again back for two minutes; the tests do not. */
  const hurry = (job: string): void => {
    const waiting = stateOf(job)
      .split('\n')
      .filter((line) => line.includes('BeginTime'));
    for (const id of waiting.map((line) => line.split(' ')[0] ?? ''))
      cluster.run('scontrol', 'update', `JobId=${id}`, 'StartTime=now');
  };

  const finish = (run: Run, job: z.output<typeof submitted>): Promise<void> =>
    waitFor(
      'published',
      async () => {
        hurry(job.array);
        hurry(job.publish);
        return (await readPublished(run)) !== undefined;
      },
      240,
    );

  const contentHash = async (run: Run): Promise<string> =>
    createHash('sha256')
      .update(await readFile(join(run.files.manifest, foldedManifest)))
      .digest('hex');

  async function withCorpus(
    use: (run: Run, alone: { generation: string; content: string }) => Promise<void>,
  ): Promise<void> {
    await withFolder(async (parent) => {
      // Slurm has its own rules for paths in its scripts.
      const folder = join(parent, "it's 100 % odd");
      await mkdir(join(folder, 'corpus'), { recursive: true });
      for (let i = 0; i < 6; i++) {
        const text = makeLines(8000, i);
        await writeFile(
          join(folder, 'corpus', `${i}.jsonl${i % 3 === 2 ? '.gz' : ''}`),
          i % 3 === 2 ? gzipSync(text) : text,
        );
      }
      const run = await makeTrainedRun(folder, { workers: 1 });
      const { generation } = (await rankCorpus(run, silent)).ranking;
      const alone = { generation, content: await contentHash(run) };
      await forgetScores(run);
      await use(run, alone);
      expect((await readPublished(run))?.generation).toBe(generation);
      expect(await contentHash(run)).toBe(alone.content);
      expect((await verifyRanking(run, { corpus: true }, silent)).problems).toEqual([]);
    });
  }

  it('produces the same bytes as one process, even if a node is lost and returns', async () => {
    await withCorpus(async (run) => {
      const job = submit(run);
      await waitFor(
        'both at work',
        async () =>
          (await publishedParts(run)) > 10 &&
          /_1 R/.test(stateOf(job.array)) &&
          /_2 R/.test(stateOf(job.array)),
        60,
      );
      const before = await publishedParts(run);
      // slurmd, the step's daemon, the script, the worker.
      expect(cluster.lose('n1')).toBeGreaterThanOrEqual(4);
      await waitFor('the other goes on', async () => (await publishedParts(run)) > before + 10, 60);
      cluster.bringBack('n1');
      await finish(run, job);
    });
  }, 400_000);

  it('gives each training job to one element, which goes on after a lost node and near its time limit', async () => {
    await withFolder(async (parent) => {
      const folder = join(parent, "it's 100 % odd");
      await mkdir(folder);
      await makePython(folder);
      const settings = join(folder, 'betr.yaml');
      await writeFile(settings, 'corpus: {files: [corpus/*]}\ntrainer: {python: ./python}\n');
      const jobs = await writeJobs(folder, ['long-1', 'long-2', 'done-3', 'nan-4']);
      const { array } = z
        .object({ array: z.string() })
        .parse(
          JSON.parse(
            execFileSync(
              process.execPath,
              [betr, 'trainer', '--config', settings, '--all', '--slurm', '--gpus', '0', '--json'],
              { env: cluster.env, encoding: 'utf8' },
            ),
          ),
        );
      const states = async (): Promise<string[]> =>
        (await Promise.all(jobs.map(readJobState))).map((state) => `${state?.state} ${state?.step ?? 0}`);
      await waitFor(
        'both at work',
        async () => (await states()).filter((state) => /running [1-4]/.test(state)).length === 2,
        60,
      );
      const element = (node: string): string =>
        stateOf(array)
          .split('\n')
          .find((line) => line.endsWith(` ${node}`))
          ?.split(' ')[0] ?? '';
      cluster.run('scancel', '--signal=USR1', '--batch', element('n2'));
      expect(cluster.lose('n1')).toBeGreaterThanOrEqual(4);
      cluster.bringBack('n1');
      await waitFor(
        'done',
        async () => {
          hurry(array);
          return (await states()).every((state, at) => state === (at === 3 ? 'failed 3' : 'done 5'));
        },
        240,
      );
      for (const job of jobs.slice(0, 2))
        expect(JSON.parse(await readFile(join(job, 'card.json'), 'utf8'))).toMatchObject({ resumed: 1 });
    });
  }, 400_000);

  it('returns its chunks and continues after a preemption or a warning before its time limit', async () => {
    await withCorpus(async (run) => {
      const job = submit(run, '--sbatch=--time=20');
      await waitFor('at work', async () => (await publishedParts(run)) > 5, 60);
      const high = cluster
        .run('sbatch', '--parsable', '-p', 'high', '-w', 'n1', '-o', '/dev/null', '--wrap', 'sleep 1')
        .trim();
      await waitFor(
        'preempted',
        () => cluster.run('squeue', '-h', '-j', high, '-o', '%t').trim() !== 'PD',
        90,
      );
      const [element = ''] = stateOf(job.array)
        .split('\n')
        .filter((line) => / R /.test(line))
        .map((line) => line.split(' ')[0] ?? '');
      // What Slurm sends two minutes before the limit.
      if (element !== '') cluster.run('scancel', '--signal=USR1', '--batch', element);
      if (element !== '')
        await waitFor('waits to go on', () => !new RegExp(`^${element} R`, 'm').test(stateOf(job.array)), 60);
      await finish(run, job);
    });
  }, 400_000);
});

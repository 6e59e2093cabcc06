// What machines do to a ranking: too few files that may be open, a folder that cannot be written to, a shard
// that shrinks while it is read.

import { describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { readPublishedParts } from '../../scoring/published.ts';
import { shardsOf } from '../../scoring/shard-changes.ts';
import { minOpenFiles } from '../../data/files/process.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { forgetScores, makeLines, makeTrainedRun, withCorpus } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { longTest, someOf } from '../long.ts';
import { until } from '../until.ts';

const betr = fileURLToPath(new URL('../../cli/betr.js', import.meta.url));
const nobody = 65_534;

function runWithFiles(
  limit: number,
  args: string,
  folder: string,
): { status: number | null; stderr: string } {
  // Of a locale that is not installed, bash warns on standard error.
  return spawnSync('bash', ['-c', `ulimit -n ${limit} && exec "$0" "$1" ${args}`, process.execPath, betr], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
}

const problemsOf = async (run: Run): Promise<string[]> =>
  (await verifyRanking(run, { corpus: true }, silent)).problems;

describe('a ranking', () => {
  longTest('with more parts than files may be open is made, cut and verified', async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, 'corpus'));
      for (let shard = 0; shard < 160; shard++)
        await writeFile(join(folder, 'corpus', `${shard}.jsonl`), makeLines(10, shard));
      // No shard is small enough to share a part with others.
      const run = await makeTrainedRun(folder, { chunkMegabytes: 0.004 });
      for (const args of ['rank', 'cutoff --keep 0.3', 'select --keep 0.3 --out out', 'verify']) {
        const { status, stderr } = runWithFiles(minOpenFiles, args, folder);
        expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' });
      }
      expect((await readRanking(run)).parts).toHaveLength(160);
    });
  });

  it.each(someOf([minOpenFiles - 1, 40], 1))(
    'with only %d open files allowed is refused at once, and the error says how to fix it',
    async (limit) => {
      await withCorpus(async (run, folder) => {
        const before = await readdir(run.folder);
        const { status, stderr } = runWithFiles(limit, 'rank', folder);
        expect({ status, stderr }).toEqual({
          status: 1,
          stderr: expect.stringMatching(
            `^betr: This process may have only ${limit} files open, but betr ` +
              `needs ${minOpenFiles}\\..*ulimit -n.*\n$`,
          ),
        });
        expect(await readdir(run.folder)).toEqual(before);
        expect(runWithFiles(minOpenFiles, 'rank', folder).status).toBe(0);
      });
    },
  );

  longTest(
    'is predicted in temporary files; the error names their folder if they cannot be written',
    async () => {
      await withCorpus(async (run, folder) => {
        await rankCorpus(run, silent);
        await writeFile(join(folder, 'corpus', 'new.jsonl'), makeLines(50, 9));
        const missing = join(folder, 'nowhere');
        const { status, stderr } = spawnSync(process.execPath, [betr, 'rank', '--dry-run'], {
          cwd: folder,
          encoding: 'utf8',
          env: { ...process.env, TMPDIR: missing },
        });
        expect({ status, stderr }).toEqual({
          status: 1,
          stderr: expect.stringMatching(
            `^betr: ${missing} \\(for temporary files; set TMPDIR to use another folder\\) cannot be written: ` +
              `.*\\[WRITE_FAILED\\]\n$`,
          ),
        });
      });
    },
  );

  it(
    'in a folder that cannot be written to ends with an error that names it, and the published one ' +
      'stays',
    async () => {
      if (process.getuid?.() !== 0) {
        process.stderr.write('Skipped: only root can run a command as another user, who may not write.\n');
        return;
      }
      if (
        spawnSync(process.execPath, [betr, '--version'], { cwd: tmpdir(), uid: nobody, gid: nobody })
          .status !== 0
      ) {
        process.stderr.write(
          "Skipped: another user cannot run betr from where it lies here, as in a folder that is root's alone.\n",
        );
        return;
      }
      await withCorpus(async (run, folder) => {
        await rankCorpus(run, silent);
        const before = await readFile(run.files.ranking);
        await writeFile(join(folder, 'corpus', 'new.jsonl'), makeLines(50, 9));
        await chmod(folder, 0o755);
        const asNobody = spawnSync(process.execPath, [betr, 'rank', '--json'], {
          cwd: folder,
          uid: nobody,
          gid: nobody,
          encoding: 'utf8',
        });
        expect(asNobody.status).toBe(1);
        expect(asNobody.stdout).toContain('"code": "WRITE_FAILED"');
        expect(asNobody.stderr).toContain(run.folder);
        expect(await readFile(run.files.ranking)).toEqual(before);
        expect((await rankCorpus(run, silent)).scores.shardsScored).toBe(1);
        expect(await problemsOf(run)).toEqual([]);
      });
    },
  );

  longTest(
    'goes on from what a killed one left, and from the generation before, though the clock was set ' +
      'back meanwhile',
    async () => {
      if (spawnSync('which', ['faketime']).status !== 0) {
        process.stderr.write("Skipped: faketime (Debian's package) sets no clock back here.\n");
        return;
      }
      await withCorpus(async (run, folder) => {
        const undisturbed = (await rankCorpus(run, silent)).ranking.generation;
        await forgetScores(run);
        const killed = spawn(process.execPath, [betr, 'rank'], { cwd: folder, stdio: 'ignore' });
        await until(async () => (await readPublishedParts(run)).byChunk.size > 0, { everyMs: 2 });
        killed.kill('SIGKILL');
        const rankAgo = (ago: string): { status: number | null; stderr: string } =>
          spawnSync('faketime', ['-f', ago, process.execPath, betr, 'rank'], {
            cwd: folder,
            encoding: 'utf8',
            env: { ...process.env, FAKETIME_DONT_FAKE_MONOTONIC: '1' },
          });
        expect(rankAgo('-1d')).toMatchObject({ status: 0 });
        const first = await readRanking(run);
        expect(first.generation).toBe(undisturbed);
        await writeFile(join(folder, 'corpus', 'new.jsonl'), makeLines(50, 9));
        expect(rankAgo('-2d')).toMatchObject({ status: 0 });
        const second = await readRanking(run);
        expect(second.documents).toBeGreaterThan(first.documents);
        expect(Date.parse(second.publishedAt)).toBeLessThan(Date.parse(first.publishedAt));
        expect((await rankCorpus(run, silent)).published).toBe(false);
        expect(await problemsOf(run)).toEqual([]);
      });
    },
  );

  it('leaves out a shard that disappears during scoring, with a note', async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, 'corpus'));
      for (const name of ['a', 'b', 'z'])
        await writeFile(join(folder, 'corpus', `${name}.jsonl`), makeLines(name === 'b' ? 4000 : 400, 5));
      const run = await makeTrainedRun(folder);
      let removed: Promise<void> | undefined;
      const vanish =
        (name: string) =>
        ({ stage }: { stage: string }): void => {
          if (stage.startsWith('score')) removed ??= rm(join(folder, 'corpus', name));
        };
      const { notes, ranking, scores } = await rankCorpus(run, vanish('z.jsonl'));
      await removed;
      expect(scores.meanwhile).toEqual({ fresh: [], changed: [], gone: ['corpus/z.jsonl'] });
      expect(notes).toEqual(['1 shard disappeared during scoring and is left out: corpus/z.jsonl']);
      expect(shardsOf(ranking.parts).map(({ name }) => name)).toEqual(['corpus/a.jsonl', 'corpus/b.jsonl']);
      expect(await problemsOf(run)).toEqual([]);
    });
  });

  it.each(
    someOf(
      [
        ['compressed', gzipSync(makeLines(4000, 5)), 'jsonl.gz'],
        ['plain', makeLines(4000, 5), 'jsonl'],
      ] as const,
      1,
    ),
  )(
    'whose %s shard shrinks while it is read fails or ranks the rest, and is complete afterwards',
    async (_kind, content, ending) => {
      await withFolder(async (folder) => {
        await mkdir(join(folder, 'corpus'));
        const shard = join(folder, 'corpus', `shard.${ending}`);
        await writeFile(shard, content);
        const run = await makeTrainedRun(folder);
        let shrunk: Promise<void> | undefined;
        const ranked = await rankCorpus(run, ({ stage }) => {
          if (stage.startsWith('score')) shrunk ??= truncate(shard, Math.floor(content.length / 2));
        }).then(
          () => '',
          (error: unknown) => String(error),
        );
        await shrunk;
        expect(shrunk).toBeDefined();
        if (ending === 'jsonl.gz') {
          expect(ranked === '' || /cannot be read|has changed/.test(ranked)).toBe(true);
          await expect(rankCorpus(run, silent)).rejects.toThrow(/cannot be read/);
          await writeFile(shard, content);
        } else expect(ranked === '' || /has changed/.test(ranked)).toBe(true);
        const { ranking } = await rankCorpus(run, silent);
        expect(ranking.documents).toBeGreaterThan(1000);
        expect(await problemsOf(run)).toEqual([]);
      });
    },
  );
});

import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { silent } from '../../run/progress.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { makeLines } from '../classifier/trained-run.ts';
import { betr as carryOut } from '../cli/betr.ts';
import { longTest } from '../long.ts';
import { until } from '../until.ts';
import { listLeases, published, start, withShards } from './worker-processes.ts';

describe('betr rank', () => {
  longTest('run twice at once: the second says who is at it and leaves', async () => {
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

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRun, type Run } from '../../run/run.ts';
import { readRanking } from '../../ranking/generation.ts';
import { serveRun } from '../../server/listen.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { ask } from '../server/serve.ts';
import { longTest } from '../long.ts';
import { betr } from './betr.ts';
import { type Ended, errorOf, jsonl, makeDocuments, makeProject } from './project.ts';

jest.setTimeout(600_000);

let bag: BagOfWords;
const root = mkdtempSync(join(tmpdir(), 'betr-full-'));
const disk = join(root, 'disk');
const mounted = mountSmall();
beforeAll(async () => {
  bag = await openBagOfWords();
});
afterAll(async () => {
  if (mounted) execFileSync('umount', ['-l', disk]);
  await bag.close();
  await rm(root, { recursive: true });
});

function mountSmall(): boolean {
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    process.stdout.write('skipped: a small disk to fill can only be mounted by root\n');
    return false;
  }
}

/** Fills the disk but for so many bytes. */
async function leave(bytes: number): Promise<void> {
  await rm(join(disk, 'ballast'), { force: true });
  const { bavail, bsize } = await statfs(disk);
  await writeFile(join(disk, 'ballast'), Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
}

async function temporaries(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => /(^|\/)\.[^/]*$|spill/.test(name));
}

describe('on a full disk', () => {
  (mounted ? longTest : it.skip)(
    'every step says so, leaves nothing that looks whole, and goes on once there is room',
    async () => {
      const folder = join(root, 'project');
      await makeProject(folder, bag.url, {
        shards: { 'a.jsonl': jsonl(makeDocuments(1200)) },
        settings: { run: join(disk, 'run'), classifier: { bits: 16, epochs: 2 } },
      });
      const out = join(disk, 'out');
      for (const args of [
        ['index'],
        ['train'],
        ['rank'],
        ['select', '--keep', '0.9', '--out', out, '--format', 'documents'],
      ]) {
        let ended: Ended | undefined;
        let failures = 0;
        for (const free of [0, 8_192, 65_536, 196_608, 4 << 20]) {
          await leave(free);
          ended = await betr(folder, [...args, '--json']);
          if (ended.code === 0) break;
          failures++;
          expect(errorOf(ended.stdout)).toMatchObject({
            code: 'DISK_FULL',
            message: expect.stringMatching(/No space is left for .*free some space/),
          });
          expect(ended.code).toBe(1);
          expect(await temporaries(disk)).toEqual([]);
          const there = await readdir(disk, { recursive: true });
          if (args[0] === 'index') expect(there).not.toContain('run/index.json');
          if (args[0] === 'train') expect(there).not.toContain('run/classifier/card.json');
          if (args[0] === 'rank') expect(there).not.toContain('run/ranking.json');
          expect(there).not.toContain('out/manifest.json');
        }
        expect(ended).toMatchObject({ code: 0 });
        expect(failures).toBeGreaterThan(0);
      }
      expect((await readRanking(await openRun(join(folder, 'betr.yaml')))).documents).toBe(1200);
      await leave(0);
      const settings = join(disk, 'betr.yaml');
      expect(await betr(folder, ['init', '--config', settings])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('DISK_FULL'),
      });
      await rm(join(disk, 'ballast'));
      expect(await betr(folder, ['init', '--config', settings])).toMatchObject({ code: 0 });
      expect((await readdir(out)).sort()).toEqual(['documents', 'manifest.json', 'selection.parquet']);
      await checkReadOnly(await openRun(join(folder, 'betr.yaml')));
    },
  );
});

/**
 * Of a run that lies where nothing can be written, the server answers all the same, and says what it cannot
 * do.
 */
async function checkReadOnly(run: Run): Promise<void> {
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  const server = await serveRun(run, { host: '127.0.0.1', port: 0 });
  try {
    expect(await ask(server.url, '/rank?keep=0.1')).toMatchObject({
      status: 200,
      json: { cutoff: { ofDocuments: 1200 } },
    });
    expect(await ask(server.url, '/jobs')).toMatchObject({ status: 200, json: { jobs: [] } });
    const job = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"kind": "rank"}' };
    expect(await ask(server.url, '/jobs', job)).toMatchObject({
      status: 500,
      json: { code: 'WRITE_FAILED', detail: expect.stringContaining('read-only') },
    });
  } finally {
    await server.stop();
    execFileSync('mount', ['-o', 'remount,rw', disk]);
  }
}

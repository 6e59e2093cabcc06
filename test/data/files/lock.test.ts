import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { watchLeases } from '../../../data/files/lease-watch.ts';
import { checkLock, withLock } from '../../../data/files/lock.ts';
import { identifyProcess, isProcessGone, readProcessSpace } from '../../../data/files/process.ts';
import { openRun, type Run } from '../../../run/run.ts';

let run: Run;
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'betr-lock-'));
  await writeFile(
    join(folder, 'betr.yaml'),
    'corpus: {files: [a.jsonl]}\nbenchmarks: [{name: b, files: [b.jsonl]}]\nscoring: {beatSeconds: ' +
      '0.05, lostSeconds: 0.5}\n',
  );
  run = await openRun(join(folder, 'betr.yaml'));
});
afterEach(() => rm(run.settingsFolder, { recursive: true, force: true }));

async function lockedBy(
  pid: number,
  host = hostname(),
  { name = `${pid} of an earlier day`, count = 0, space = readProcessSpace() } = {},
): Promise<void> {
  const holder = { pid, host, space, process: name, since: '2026-01-01T00:00:00.000Z' };
  await writeFile(run.files.lock, `${String(count).padStart(12, '0')} 00112233 ${JSON.stringify(holder)}\n`);
}

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.on('exit', resolve));
  return child.pid ?? 0;
}

describe('withLock', () => {
  it('admits one process and reports the holder to the others', async () => {
    await withLock(run, async () => {
      await expect(withLock(run, () => Promise.resolve())).rejects.toMatchObject({
        code: 'RUN_LOCKED',
        exitCode: 3,
        message: expect.stringContaining(`process ${process.pid}`),
      });
    });
    expect(existsSync(run.files.lock)).toBe(false);
  });

  it('is released if the work fails', async () => {
    await expect(withLock(run, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(run.files.lock)).toBe(false);
  });

  it('takes over from a dead process and removes its unfinished files', async () => {
    await lockedBy(await deadPid());
    const leftover = join(run.folder, '.targets.parquet.0a1b2c3d.99.tmp');
    await writeFile(leftover, 'half');
    expect(await withLock(run, () => Promise.resolve(existsSync(leftover)))).toBe(false);
  });

  it('distinguishes the holder from a later process with the same id', async () => {
    const own = identifyProcess(process.pid);
    expect(own).toBeDefined();
    await lockedBy(process.pid, hostname(), own === undefined ? {} : { name: own });
    await expect(withLock(run, () => Promise.resolve())).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    await lockedBy(process.pid);
    expect(await withLock(run, () => Promise.resolve('in'))).toBe('in');
  });

  it(
    'is not taken from a process that may be alive but is not visible: in another container, or with ' +
      'a hidden /proc',
    async () => {
      await lockedBy(await deadPid(), hostname(), { name: 'x', space: 'pid:[1]' });
      expect(await watchLeases(Infinity).isFree(run.files.lock)).toBe(false);
      expect(isProcessGone(process.pid, `${process.pid} of another boot`)).toBe(true);
      expect(isProcessGone(process.pid, identifyProcess(process.pid) ?? '')).toBe(false);
      await rm(run.files.lock);
    },
  );

  it('is checked before anything irreversible', async () => {
    await withLock(run, async () => {
      await checkLock(run);
      await rm(run.files.lock);
      await lockedBy(1, 'elsewhere');
      await expect(checkLock(run)).rejects.toMatchObject({
        code: 'RUN_LOCKED',
        message: expect.stringContaining('elsewhere'),
      });
    });
    await rm(run.files.lock);
  });

  it('does not remove files that are written without the lock', async () => {
    const others = [
      'rankings/length/quarantine/.a.jsonl.rows.0a1b2c3d.1.tmp',
      'rankings/length/scores/.a.parquet.0a1b2c3d.1.tmp',
      'scores/.b.parquet.0a1b2c3d.1.tmp',
      'jobs/.c.json.0a1b2c3d.1.tmp',
      'retargeted/.d.parquet.0a1b2c3d.1.tmp',
    ].map((name) => join(run.folder, name));
    const own = [
      'rankings/length/.plan.json.0a1b2c3d.1.tmp',
      'rankings/.length.lock.0011223344556677.tmp',
      'classifier/.weights.bin.0a1b2c3d.1.tmp',
      'leaks/.a.parquet.0a1b2c3d.1.tmp',
      'vectors/0123456789abcdef/.card.json.0a1b2c3d.1.tmp',
    ].map((name) => join(run.folder, name));
    for (const path of [...others, ...own]) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'half');
    }
    await withLock(run, () => Promise.resolve());
    expect(others.filter((path) => !existsSync(path))).toEqual([]);
    expect(own.filter((path) => existsSync(path))).toEqual([]);
    await utimes(others[3] ?? '', 1_700_000_000, 1_700_000_000);
    await withLock(run, () => Promise.resolve());
    expect(others.map((path) => existsSync(path))).toEqual([true, true, true, false, true]);
  });

  it("leaves the user's hidden temporary files alone, also in a run folder that holds other files", async () => {
    const files = [
      '.notes.tmp',
      '.draft.99.tmp',
      'classifier/.backup.tmp',
      'corpus/.a.jsonl.0a1b2c3d.1.tmp',
      'corpus/deep/.a.jsonl.0011223344556677.tmp',
    ].map((name) => join(run.folder, name));
    for (const path of files) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'mine');
    }
    await withLock(run, () => Promise.resolve());
    expect(files.filter((path) => !existsSync(path))).toEqual([]);
  });

  it('is taken over from a process that ended without releasing it', async () => {
    const script =
      `
      import { withLock } from ${JSON.stringify(new URL('../../../data/files/lock.js', import.meta.url).href)};
      import { openRun } from ${JSON.stringify(new URL('../../../run/run.js', import.meta.url).href)};
      await withLock(await openRun(${JSON.stringify(run.settingsPath)}), async () => { ` +
      `console.log('in'); await new Promise((resolve) => setTimeout(resolve, 60_000)); });`;
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await expect(withLock(run, () => Promise.resolve())).rejects.toMatchObject({
        code: 'RUN_LOCKED',
        values: { pid: child.pid },
      });
      child.kill(signal);
      await new Promise((resolve) => child.once('exit', resolve));
      expect(await withLock(run, () => Promise.resolve('in'))).toBe('in');
    }
  });

  it('stays with a holder on another machine as long as it beats', async () => {
    let count = 0;
    await lockedBy(1, 'elsewhere');
    const beats = setInterval(() => {
      void lockedBy(1, 'elsewhere', { count: ++count });
    }, 50);
    await expect(withLock(run, () => Promise.resolve())).rejects.toMatchObject({
      code: 'RUN_LOCKED',
      message: expect.stringContaining('elsewhere'),
    });
    clearInterval(beats);
    await setTimeout(100);
    expect(await withLock(run, () => Promise.resolve('in'))).toBe('in');
  });

  it('takes over a truncated lock file', async () => {
    await writeFile(run.files.lock, '{"pid":');
    expect(await withLock(run, () => Promise.resolve('in'))).toBe('in');
  });

  it('lets only one of many processes take over', async () => {
    await lockedBy(await deadPid());
    const script = fileURLToPath(new URL('./lock-once.js', import.meta.url));
    const codes = await Promise.all(
      Array.from(
        { length: 4 },
        () =>
          new Promise((resolve) =>
            spawn(process.execPath, [script, run.settingsPath], { stdio: 'inherit' }).once('exit', resolve),
          ),
      ),
    );
    expect(codes.every((code) => code === 0 || code === 3)).toBe(true);
    const inside = (await readFile(join(run.folder, 'inside'), 'utf8')).trim().split('\n');
    // Whoever came in went out before the next one came in.
    expect(inside.length).toBe(2 * codes.filter((code) => code === 0).length);
    for (let i = 0; i < inside.length; i += 2) expect(inside[i + 1]).toBe(inside[i]?.replace('in', 'out'));
  });
});

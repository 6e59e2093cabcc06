import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { withLock } from '../../data/lock.ts';
import { openRun, type Run } from '../../data/run.ts';

let run: Run;
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'betr-lock-'));
  await writeFile(join(folder, 'betr.yaml'), 'corpus: {files: [a.jsonl]}\nbenchmarks: [{name: b, files: [b.jsonl]}]\n');
  run = await openRun(join(folder, 'betr.yaml'));
});

async function lockedBy(pid: number, host = hostname()): Promise<void> {
  await writeFile(run.files.lock, JSON.stringify({ pid, host, since: '2026-01-01T00:00:00.000Z' }));
}

/** The id of a process that was and is no more. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.on('exit', resolve));
  return child.pid ?? 0;
}

describe('withLock', () => {
  it('lets one in and says who is there to the others', async () => {
    await withLock(run, async () => {
      await expect(withLock(run, () => Promise.resolve())).rejects.toMatchObject({ code: 'RUN_LOCKED', exitCode: 3, message: expect.stringContaining(`process ${process.pid}`) });
    });
    expect(existsSync(run.files.lock)).toBe(false);
  });

  it('is given back when the work fails', async () => {
    await expect(withLock(run, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(run.files.lock)).toBe(false);
  });

  it('takes over from a process that is gone, and clears what it left half-written', async () => {
    await lockedBy(await deadPid());
    const leftover = join(run.folder, '.targets.parquet.99.tmp');
    await writeFile(leftover, 'half');
    expect(await withLock(run, () => Promise.resolve(existsSync(leftover)))).toBe(false);
  });

  it('takes over from an earlier process that had the same id, as in a container that was started anew', async () => {
    await lockedBy(process.pid);
    expect(await withLock(run, () => Promise.resolve('in'))).toBe('in');
  });

  it('respects a holder on another machine, whatever its process id', async () => {
    await lockedBy(await deadPid(), 'elsewhere');
    await expect(withLock(run, () => Promise.resolve())).rejects.toMatchObject({ code: 'RUN_LOCKED' });
  });

  it('takes over a lock file that is cut short', async () => {
    await writeFile(run.files.lock, '{"pid":');
    expect(await withLock(run, () => Promise.resolve('in'))).toBe('in');
  });

  it('lets only one of many processes take over', async () => {
    await lockedBy(await deadPid());
    const script = new URL('./lock-once.js', import.meta.url).pathname;
    const codes = await Promise.all(
      Array.from({ length: 4 }, () => new Promise((resolve) => spawn(process.execPath, [script, run.settingsPath], { stdio: 'inherit' }).once('exit', resolve))),
    );
    expect(codes.every((code) => code === 0 || code === 3)).toBe(true);
    const inside = (await readFile(join(run.folder, 'inside'), 'utf8')).trim().split('\n');
    // Whoever came in went out before the next one came in.
    expect(inside.length).toBe(2 * codes.filter((code) => code === 0).length);
    for (let i = 0; i < inside.length; i += 2) expect(inside[i + 1]).toBe(inside[i]?.replace('in', 'out'));
  });
});

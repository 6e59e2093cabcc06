import { spawn } from 'node:child_process';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { type Lease, takeLease } from '../../../data/files/lease.ts';
import { watchLeases } from '../../../data/files/lease-watch.ts';
import { identifyProcess, readProcessSpace } from '../../../data/files/process.ts';
import { until } from '../../until.ts';
import { withFolder } from '../collect.ts';

const beatMs = 20;
const lostMs = 150;

const withLeasePath = (use: (path: string) => Promise<void>): Promise<void> =>
  withFolder((folder) => use(join(folder, 'chunk')));

/** Writes the lease of a process that is on another machine or has ended. */
async function writeLease(
  path: string,
  pid: number,
  host: string,
  name = identifyProcess(pid) ?? `${pid} that was`,
): Promise<void> {
  const holder = { pid, host, space: readProcessSpace(), process: name, since: '2026-01-01T00:00:00.000Z' };
  await writeFile(path, `000000000007 0011aabb ${JSON.stringify(holder)}\n`);
}

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.on('exit', resolve));
  return child.pid ?? 0;
}

/** Asks, as one to whom a holder is lost after so long, until the answer is yes or the time is over. */
async function becomesFree(path: string, withinMs: number, lost = lostMs): Promise<boolean> {
  const watch = watchLeases(lost);
  const untilMs = performance.now() + withinMs;
  while (performance.now() < untilMs) {
    if (await watch.isFree(path)) return true;
    await setTimeout(10);
  }
  return false;
}

describe('a lease', () => {
  it('belongs to one process until it is released', async () => {
    await withLeasePath(async (path) => {
      const leases = await Promise.all(Array.from({ length: 10 }, () => takeLease(path, beatMs)));
      const [lease, ...others] = leases.filter((taken) => taken !== undefined);
      expect(others).toEqual([]);
      await lease?.release();
      const again = await takeLease(path, beatMs);
      expect(again).toBeDefined();
      await again?.release();
      expect(await readdir(join(path, '..'))).toEqual([]);
    });
  });

  it('stays with its holder as long as it beats, whatever the system clock', async () => {
    await withLeasePath(async (path) => {
      // Each beat is written through to the disk, which may take a slow one longer than `lostMs`; beats that
      // come faster than that pile up.
      const lease = await takeLease(path, 200);
      const past = setInterval(() => void utimes(path, 0, 0).catch(() => undefined), 5);
      try {
        expect(await becomesFree(path, 4000, 2000)).toBe(false);
      } finally {
        clearInterval(past);
      }
      expect(lease?.isLost()).toBe(false);
      await lease?.release();
    });
  });

  it('of a silent holder on another machine becomes free only after the timeout', async () => {
    await withLeasePath(async (path) => {
      await writeLease(path, 1, 'elsewhere');
      const startedMs = performance.now();
      expect(await becomesFree(path, 60_000)).toBe(true);
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(lostMs);
      expect(await takeLease(path, beatMs)).toBeDefined();
    });
  });

  it('of a dead process on this machine is free at once, and an empty one after the timeout', async () => {
    await withLeasePath(async (path) => {
      await writeLease(path, await deadPid(), hostname());
      expect(await watchLeases(Infinity).isFree(path)).toBe(true);
      await writeLease(path, process.pid, hostname(), 'before the machine was started again');
      expect(await watchLeases(Infinity).isFree(path)).toBe(true);
      await writeLease(path, process.pid, hostname());
      expect(await watchLeases(Infinity).isFree(path)).toBe(false);
      await writeFile(path, '');
      expect(await watchLeases(Infinity).isFree(path)).toBe(false);
      expect(await becomesFree(path, 60_000)).toBe(true);
    });
  });

  it('is lost to its first holder after a takeover, and that holder does not remove the new lease', async () => {
    await withLeasePath(async (path) => {
      const first = await takeLease(path, beatMs);
      await rm(path);
      const second = await takeLease(path, 60_000);
      const text = await readFile(path, 'utf8');
      await until(() => first?.isLost() !== false, { everyMs: 5 });
      await first?.release();
      expect(await readFile(path, 'utf8')).toBe(text);
      expect(second?.isLost()).toBe(false);
      await second?.release();
    });
  });

  it('is removed when its process exits, even right after taking it', async () => {
    await withLeasePath(async (path) => {
      for (let time = 0; time < 10; time++) {
        const child = spawn(process.execPath, [
          fileURLToPath(new URL('lease-once.js', import.meta.url)),
          path,
        ]);
        expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
        expect(await readFile(path, 'utf8').catch(() => 'gone')).toBe('gone');
      }
    });
  });

  it('of a lost holder goes to exactly one of many competitors', async () => {
    await withLeasePath(async (path) => {
      for (let round = 0; round < 20; round++) {
        await writeLease(path, await deadPid(), hostname());
        const takeOver = async (): Promise<Lease | undefined> =>
          (await watchLeases(Infinity).isFree(path)) ? takeLease(path, beatMs) : undefined;
        const taken = (await Promise.all(Array.from({ length: 5 }, takeOver))).filter(
          (lease) => lease !== undefined,
        );
        expect(taken.length).toBeLessThanOrEqual(1);
        if (taken.length === 0) taken.push(...[await takeOver()].filter((lease) => lease !== undefined));
        await setTimeout(2 * beatMs);
        expect(taken.map((lease) => lease.isLost())).toEqual([false]);
        expect(await readdir(join(path, '..'))).toEqual(['chunk']);
        for (const lease of taken) await lease.release();
        expect(await readdir(join(path, '..'))).toEqual([]);
      }
    });
  });
});

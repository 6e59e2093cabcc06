import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withFolder } from '../data/collect.ts';
import { someOf } from '../long.ts';
import { betrPath, type Ended, run } from './project.ts';

/** Carries out a line of bash in which `betr` is the command. */
function bash(folder: string, line: string): Promise<Ended> {
  return run('bash', ['-c', `set -o pipefail; betr() { "$NODE" "$BETR" "$@"; }; ${line}`], folder, {
    NODE: process.execPath,
    BETR: betrPath,
  });
}

describe('standard output', () => {
  (existsSync('/dev/full') ? it : it.skip)('that is full is told, for results, help and errors', async () => {
    await withFolder(async (folder) => {
      for (const args of someOf(['init --help', 'init --json', '--version', 'init'], 2)) {
        const ended = await bash(folder, `rm -f betr.yaml; betr ${args} > /dev/full`);
        expect({ args, ...ended, ms: 0 }).toMatchObject({
          code: 1,
          stdout: '',
          stderr: expect.stringMatching(
            /^betr: Standard output cannot be written: ENOSPC.* \[OUTPUT_FAILED\]\n$/,
          ),
        });
      }
      // Even where there is nowhere to say it.
      expect((await bash(folder, 'rm -f betr.yaml; betr init &> /dev/full')).code).toBe(1);
      expect((await bash(folder, 'rm -f betr.yaml; betr status 2> /dev/full')).code).not.toBe(0);
    });
  });

  it('is no trouble where its reader has read enough', async () => {
    await withFolder(async (folder) => {
      expect(await bash(folder, 'betr init --help | head -1')).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^Usage: betr init.*\n$/),
        stderr: '',
      });
      expect(await bash(folder, 'betr init --help | true')).toMatchObject({ code: 0, stderr: '' });
    });
  });

  it('is complete in a file, and after what is there in one that is added to', async () => {
    await withFolder(async (folder) => {
      const { stdout } = await bash(folder, 'betr init --help');
      await bash(folder, 'betr init --help > a; betr --version > b; betr init --help >> b');
      expect(await readFile(join(folder, 'a'), 'utf8')).toBe(stdout);
      expect(await readFile(join(folder, 'b'), 'utf8')).toMatch(/^\d+\.\d+\.\d+\nUsage: betr/);
    });
  });

  it('on a disk that has room for a part of it is told', async () => {
    await withFolder(async (folder) => {
      const disk = join(folder, 'disk');
      await mkdir(disk);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'ignore' });
      } catch {
        process.stdout.write('skipped: a small disk to fill can only be mounted by root\n');
        return;
      }
      try {
        const { bavail, bsize } = await statfs(disk);
        await writeFile(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - bsize));
        const ended = await bash(folder, 'betr --help > disk/out');
        expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('OUTPUT_FAILED') });
      } finally {
        execFileSync('umount', ['-l', disk]);
      }
    });
  });
});

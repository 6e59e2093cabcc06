// New API keys, made at the same time, by root, or in a file that others can write.

import { spawn } from 'node:child_process';
import { chmod, chown, stat } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { BetrError } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { makeKey } from '../../server/keys-file.ts';
import { Keys } from '../../server/keys.ts';
import { withRun } from '../ranking/synthetic.ts';
import { program } from '../server/real-run.ts';

describe('making keys', () => {
  it('loses none that are made at the same time', async () => {
    await withRun(async (run) => {
      const made = await Promise.all(Array.from({ length: 3 }, () => newKey(run)));
      expect(new Set(made).size).toBe(3);
      const keys = new Keys(run.files.apiKeys);
      try {
        for (const key of made) expect(() => keys.check(`Bearer ${key}`, 'read')).not.toThrow();
        expect(() => keys.check('Bearer betr_read_wrong', 'read')).toThrow(BetrError);
      } finally {
        keys.close();
      }
      expect((await stat(run.files.apiKeys)).mode & 0o777).toBe(0o600);
    });
  });

  it('by root leaves the file with the user whose server reads it', async () => {
    if (process.getuid?.() !== 0) {
      console.log('skipped: only root can give files to other users');
      return;
    }
    await withRun(async (run) => {
      await makeKey(run.files.apiKeys, 'read');
      await chown(run.files.apiKeys, 65534, 65534);
      await makeKey(run.files.apiKeys, 'read');
      expect(await stat(run.files.apiKeys)).toMatchObject({ uid: 65534, gid: 65534 });
    });
  });

  it('does not add to a file that others could have written', async () => {
    await withRun(async (run) => {
      await makeKey(run.files.apiKeys, 'read');
      await chmod(run.files.apiKeys, 0o666);
      await expect(makeKey(run.files.apiKeys, 'read')).rejects.toMatchObject({ code: 'KEYS_UNUSABLE' });
    });
  });
});

function newKey(run: Run): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [program, 'serve', '--config', run.settingsPath, '--new-key', 'read', '--json'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    child.once('exit', () => {
      const parsed = z.object({ key: z.string() }).safeParse(JSON.parse(said || '{}'));
      if (parsed.success) resolve(parsed.data.key);
      else reject(new Error(`no key was made: ${said}`));
    });
  });
}

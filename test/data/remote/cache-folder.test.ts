import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { chmod, chown, lstat, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { asOrdinaryUser } from '../../ordinary-user.ts';
import { withFolder } from '../collect.ts';

/** A home in which not even root can make a folder. */
const noHome = '/dev/null/none';
const uid = process.getuid?.() ?? 'user';
const module = pathToFileURL(join(import.meta.dirname, '../../../data/remote/cache-folder.js')).href;
const code = `import(${JSON.stringify(module)}).then(({ openCache, findInCache }) => {
  const found = findInCache('file') ?? 'nothing';
  try { console.log(found, openCache()); } catch ({ code, message }) { console.log(found, code, message); }
})`;

/**
 * Where the file "file" is found in the cache, and where the cache is then, or the error, in a process with
 * this environment alone.
 */
function ask(env: Readonly<Record<string, string>>, user: SpawnSyncOptions = {}): string {
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], {
    ...user,
    env,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return stdout.trim() + stderr;
}

describe('the cache', () => {
  it('is where BETR_CACHE says, or below the home, and is made', async () => {
    await withFolder(async (home) => {
      expect(ask({ HOME: home })).toBe(`nothing ${join(home, '.cache', 'betr')}`);
      expect(ask({ HOME: home, XDG_CACHE_HOME: join(home, 'x') })).toBe(`nothing ${join(home, 'x', 'betr')}`);
      expect(ask({ HOME: noHome, BETR_CACHE: join(home, 'mine') })).toBe(`nothing ${join(home, 'mine')}`);
      await writeFile(join(home, 'mine', 'file'), '');
      expect(ask({ HOME: noHome, BETR_CACHE: join(home, 'mine') })).toBe(
        `${join(home, 'mine', 'file')} ${join(home, 'mine')}`,
      );
      expect(ask({ HOME: home, BETR_CACHE: '/dev/null/cache' })).toMatch(
        /^nothing CACHE_UNUSABLE .*\/dev\/null\/cache .*Set BETR_CACHE to a writable folder/,
      );
    });
  });

  it("is the user's own folder in the temporary folder if the home is not writable", async () => {
    await withFolder(async (temporary) => {
      const own = join(temporary, `betr-cache-${uid}`);
      expect(ask({ HOME: noHome, TMPDIR: temporary })).toBe(`nothing ${own}`);
      expect((await lstat(own)).mode & 0o777).toBe(0o700);
      await writeFile(join(own, 'file'), '');
      expect(ask({ HOME: noHome, TMPDIR: temporary })).toBe(`${join(own, 'file')} ${own}`);
    });
    expect(ask({ HOME: noHome, TMPDIR: noHome })).toMatch(/CACHE_UNUSABLE .*BETR_CACHE.*TMPDIR/);
  });

  it('is not such a folder that somebody else may have made', async () => {
    await withFolder(async (temporary) => {
      const made: Readonly<Record<string, (own: string) => Promise<void>>> = {
        link: async (own) => {
          await mkdir(join(temporary, 'elsewhere'));
          await symlink(join(temporary, 'elsewhere'), own);
        },
        open: async (own) => {
          await mkdir(own);
          await chmod(own, 0o777);
        },
        file: (own) => writeFile(own, ''),
        ...(uid === 0
          ? {
              other: async (own: string) => {
                await mkdir(own, { mode: 0o700 });
                await chown(own, 12_345, 12_345);
              },
            }
          : {}),
      };
      for (const [name, make] of Object.entries(made)) {
        await mkdir(join(temporary, name));
        const own = join(temporary, name, `betr-cache-${uid}`);
        await make(own);
        await writeFile(join(own, 'file'), '').catch(() => undefined);
        expect({ name, printed: ask({ HOME: noHome, TMPDIR: join(temporary, name) }) }).toEqual({
          name,
          printed: expect.stringMatching(/^nothing CACHE_UNUSABLE/),
        });
      }
    });
  });

  it('is there for a user without a name and a home, and may be one that another has filled', async () => {
    const user = asOrdinaryUser(12_345);
    if (user?.uid === undefined) return;
    await withFolder(async (folder) => {
      await chmod(folder, 0o777);
      const own = join(folder, 'betr-cache-12345');
      for (const env of [{}, { HOME: '/' }, { HOME: noHome }, { HOME: '/root' }])
        expect({ env, printed: ask({ ...env, TMPDIR: folder }, user) }).toEqual({
          env,
          printed: `nothing ${own}`,
        });
      const filled = join(folder, '.cache', 'betr');
      await mkdir(filled, { recursive: true });
      await writeFile(join(filled, 'file'), '');
      expect(ask({ HOME: folder, TMPDIR: folder }, user)).toBe(`${join(filled, 'file')} ${own}`);
      expect(ask({ BETR_CACHE: filled }, user)).toMatch(
        new RegExp(`^${join(filled, 'file')} CACHE_UNUSABLE`),
      );
    });
  });
});

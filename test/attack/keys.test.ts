// Whatever becomes of the file of API keys, a server that had keys, or that others can reach, lets in nobody
// without one.

import { execFileSync, spawn } from 'node:child_process';
import { chmod, chown, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { BetrError } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { makeKey } from '../../server/keys-file.ts';
import { Keys } from '../../server/keys.ts';
import { serveRun } from '../../server/listen.ts';
import { makeRows, rankRows, withRun } from '../ranking/synthetic.ts';
import { program } from '../server/real-run.ts';
import { ask, withServer } from '../server/serve.ts';
import { until } from '../until.ts';
import { someOf } from '../long.ts';

const jsonHeaders = { 'Content-Type': 'application/json' };
const startJob = { method: 'POST', headers: jsonHeaders, body: '{"kind":"rank"}' };

/** What can become of the file, by what the server then says of it. */
const allStates: [string, (path: string) => Promise<unknown>, RegExp][] = [
  ['was moved away', (path) => rename(path, `${path}.away`), /it is missing/],
  ['holds no key any more', (path) => replace(path, '{"keys": []}'), /it contains no key/],
  ['is empty', (path) => replace(path, ''), /it is damaged/],
  ['is cut short', async (path) => replace(path, (await readFile(path)).subarray(0, 100)), /it is damaged/],
  ['is a folder', async (path) => rm(path).then(() => mkdir(path, 0o700)), /not a regular file/],
  [
    'is a pipe',
    async (path) => rm(path).then(() => execFileSync('mkfifo', ['-m', '600', path])),
    /not a regular file/,
  ],
  [
    'is a link to nothing',
    async (path) => rename(path, `${path}.away`).then(() => symlink(`${path}.gone`, path)),
    /it cannot be read \(ENOENT\)/,
  ],
  [
    'is a link to itself',
    async (path) => rm(path).then(() => symlink(path, path)),
    /it cannot be read \(ELOOP\)/,
  ],
  ['can be read by others', (path) => chmod(path, 0o644), /other users have access to it \(mode 644\)/],
];
const states = someOf(allStates, 3);

describe('a file of API keys that', () => {
  // All at once, as each waits for the server to look.
  it(`${states.map(([name]) => name).join(', or ')}, lets nobody in, and is reported`, async () => {
    const complaints: string[] = [];
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (text: string | Uint8Array): boolean => complaints.push(String(text)) > 0;
    try {
      const found = await Promise.all(
        states.map(([name, spoil, says]) =>
          spoilKeys(spoil, says, complaints).then((result) => ({ name, ...result })),
        ),
      );
      for (const result of found) {
        expect(result).toEqual({
          name: result.name,
          before: 200,
          without: 401,
          withKey: 403,
          job: 401,
          ready: expect.objectContaining({ status: 503 }),
          started: expect.objectContaining({ code: 'KEYS_UNUSABLE' }),
          metrics: expect.stringMatching(/betr_keys_problems_total [1-9]\n/),
          told: true,
        });
      }
    } finally {
      process.stderr.write = write;
    }
  }, 60_000);

  it('appears on loopback counts from then on, even after it is gone', async () => {
    await withServer(async ({ ask, run }) => {
      expect((await ask('/rank?keep=0.1')).status).toBe(200);
      await makeKey(run.files.apiKeys, 'read');
      await until(async () => (await ask('/rank?keep=0.1')).status === 401);
      await rm(run.files.apiKeys);
      await until(async () => (await ask('/readyz')).status === 503);
      expect((await ask('/rank?keep=0.1')).status).toBe(401);
    });
  });

  it('is named but missing keeps the server from starting', async () => {
    await withRun(async (run) => {
      await expect(
        serveRun(run, { host: '127.0.0.1', port: 0, keysPath: join(run.folder, 'elsewhere.json') }),
      ).rejects.toMatchObject({ code: 'KEYS_UNUSABLE' });
      await expect(serveRun(run, { host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
        code: 'KEYS_NEEDED',
      });
    });
  });

  it('belongs to another user does not count as missing', async () => {
    if (process.getuid?.() !== 0) {
      console.log('skipped: only root can give files to other users');
      return;
    }
    await withRun(async (run) => {
      await makeKey(run.files.apiKeys, 'read');
      await chmod(run.settingsFolder, 0o755);
      // "nobody" cannot read what is root's.
      const keys = new URL('../../server/keys.js', import.meta.url).href;
      const script = `import(${JSON.stringify(keys)}).then(({ Keys }) => {
        try {
          new Keys(${JSON.stringify(run.files.apiKeys)}).close();
          console.log('open');
        } catch (error) {
          console.log(error.code, error.message);
        }
      });`;
      const said = execFileSync(
        process.execPath,
        ['-e', `process.setgid(65534); process.setuid(65534); ${script}`],
        { encoding: 'utf8' },
      );
      expect(said).toMatch(/^KEYS_UNUSABLE .*it cannot be read \(EACCES\)/);
    });
  });
});

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

/** What a server answers after its file of keys was spoiled, and once it is whole again. */
async function spoilKeys(
  spoil: (path: string) => Promise<unknown>,
  says: RegExp,
  complaints: readonly string[],
): Promise<Record<string, unknown>> {
  return withRun(async (run) => {
    await rankRows(run, makeRows(30));
    const path = run.files.apiKeys;
    const { key } = await makeKey(path, 'jobs');
    const server = await serveRun(run, { host: '127.0.0.1', port: 0 });
    const authorized = { headers: { Authorization: `Bearer ${key}` } };
    const asked = async (init: RequestInit = {}): Promise<number> =>
      (await ask(server.url, '/rank?keep=0.1', init)).status;
    try {
      const before = await asked(authorized);
      const whole = await readFile(path);
      await spoil(path);
      // Not just until 503: between two steps of spoiling the file the server may find it missing.
      await until(async () => says.test((await ask(server.url, '/readyz')).text), {
        what: `that the server sees ${says.source}`,
      });
      const ready = await ask(server.url, '/readyz');
      const [without, withKey, job] = [
        await asked(),
        await asked(authorized),
        (await ask(server.url, '/jobs', startJob)).status,
      ];
      // Another that starts is told that keys are needed, as it is where its user named the file.
      const started = openNamed(path);
      await rm(path, { recursive: true, force: true });
      await writeFile(path, whole, { mode: 0o600 });
      await until(async () => (await asked(authorized)) === 200, {
        what: `that the keys are usable again after ${says.source}`,
      });
      const metrics = (await ask(server.url, '/metrics', authorized)).text;
      return {
        before,
        without,
        withKey,
        job,
        ready,
        started,
        metrics,
        told: says.test(ready.text) && complaints.some((text) => text.includes(path) && says.test(text)),
      };
    } finally {
      await server.stop(0);
    }
  });
}

/** At once: a server that looks in the middle would see a file that is cut short. */
async function replace(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function openNamed(path: string): unknown {
  try {
    new Keys(path, {}).close();
    return 'open';
  } catch (error) {
    return error;
  }
}

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

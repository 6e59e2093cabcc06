// API keys over HTTP: which requests need one, and of which kind.

import { readFile, stat, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { makeKey } from '../../server/keys-file.ts';
import { serveRun } from '../../server/listen.ts';
import { makeRows, withRun } from '../ranking/synthetic.ts';
import { until } from '../until.ts';
import { shareServer, withServer } from './serve.ts';

const server = shareServer();
let read = '';
let jobs = '';

beforeAll(async () => {
  const { run } = server();
  read = (await makeKey(run.files.apiKeys, 'read')).key;
  jobs = (await makeKey(run.files.apiKeys, 'jobs')).key;
  await until(async () => (await statusOf('/rank?keep=0.1', jobs)) === 200);
  await until(async () => (await statusOf('/rank?keep=0.1')) === 401);
});

async function statusOf(route: string, key?: string, method = 'GET'): Promise<number> {
  const headers: Record<string, string> = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  return (await server().ask(route, { method, headers })).status;
}

describe('API keys', () => {
  it('are stored as hashes, in a file that only its owner can read', async () => {
    const path = server().run.files.apiKeys;
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const text = await readFile(path, 'utf8');
    for (const key of [read, jobs]) expect(text).not.toContain(key);
  });

  it('are required for answers, and either kind may read', async () => {
    const { headers } = await server().ask('/rank?keep=0.1');
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(await statusOf('/rank?keep=0.1', 'betr_read_wrong')).toBe(403);
    expect(await statusOf('/rank?keep=0.1', read)).toBe(200);
    expect(await statusOf('/rank?keep=0.1', jobs)).toBe(200);
    expect(await statusOf('/metrics')).toBe(401);
  });

  it('are checked before the question, so that nobody without one learns what is wrong with it', async () => {
    expect(await statusOf('/rank?budget=0')).toBe(401);
  });

  it('of kind "jobs" are required for what changes the run', async () => {
    expect(await statusOf('/calibrations', read, 'POST')).toBe(403);
    expect(await statusOf('/calibrations', jobs, 'POST')).toBe(415);
  });

  it.each(['/healthz', '/readyz', '/docs', '/openapi.json', '/'])(
    'are not required for %s',
    async (route) => {
      expect(await statusOf(route)).toBe(200);
    },
  );

  it('are refused once they are removed from the file, and all of them while it is damaged', async () => {
    await withServer(async ({ run, ask }) => {
      const path = run.files.apiKeys;
      const { key } = await makeKey(path, 'read');
      const status = async (): Promise<number> =>
        (await ask('/rank?keep=0.1', { headers: { Authorization: `Bearer ${key}` } })).status;
      const whole = await readFile(path);
      await until(async () => (await ask('/rank?keep=0.1')).status === 401);
      expect(await status()).toBe(200);
      await writeFile(path, JSON.stringify({ keys: [] }));
      await makeKey(path, 'read');
      await until(async () => (await status()) === 403);
      await writeFile(path, whole);
      await until(async () => (await status()) === 200);
      await writeFile(path, 'no keys');
      await until(async () => (await status()) === 403);
    }, makeRows(50));
  });

  it('are required before the server listens on an address that others can reach', async () => {
    await withRun(async (run) => {
      const anywhere = { host: '0.0.0.0', port: 0 };
      await expect(serveRun(run, anywhere)).rejects.toMatchObject({ code: 'KEYS_NEEDED' });
      await makeKey(run.files.apiKeys, 'read');
      await (await serveRun(run, anywhere)).stop(0);
    });
  });
});

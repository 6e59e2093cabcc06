// Servers of one model that announce themselves in a folder, and what their settings can be.

import { afterEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settingsSchema } from '../../../run/settings.ts';
import { freePort } from '../../free-port.ts';
import { until } from '../../until.ts';
import { servers } from './language-model-servers.ts';
import { askAll, closeAll, completionsAt, open, openPool, start } from './open-pool.ts';

afterEach(closeAll);

describe('servers that announce themselves in a folder', () => {
  async function makeFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'betr-servers-'));
    open.push({ close: () => rm(folder, { recursive: true }) });
    return folder;
  }
  const announce = (folder: string, name: string, text: string): Promise<void> =>
    writeFile(join(folder, name), text);

  it('are waited for while there is none, and join and leave during the work', async () => {
    const folder = join(await makeFolder(), 'servers');
    const messages: string[] = [];
    const opening = openPool({ servers: folder }, {}, messages);
    await until(() => messages.some((message) => message.includes('waiting up to')));
    expect(messages.join()).toContain('does not exist');
    const [first, second] = [await start(), await start()];
    await mkdir(folder);
    await announce(folder, 'a', `${first.url}\njob 17\n`);
    const { model } = await opening;
    await askAll(model);
    await announce(folder, 'b', second.url);
    await until(() => model.callsAtOnce === 16);
    await askAll(model);
    expect(completionsAt(second)).toBeGreaterThan(6);
    await rm(join(folder, 'a'));
    await until(() => model.callsAtOnce === 8);
    expect(messages.join()).toContain(`${first.url} is no longer announced`);
    const before = completionsAt(first);
    await askAll(model);
    expect(completionsAt(first)).toBe(before);
    expect(model.source.place).toContain(folder);
  });

  it('are left out, with a message, if their file or their model is not right', async () => {
    const folder = await makeFolder();
    const [good, other] = [
      await start(),
      await start({ ...servers.completions, 'GET /v1/models': () => ({ data: [{ id: 'n' }] }) }),
    ];
    await announce(folder, 'good', good.url);
    await announce(folder, 'bad', 'node7\n');
    await announce(folder, 'empty', '');
    await announce(folder, '.half', 'http://127.0.0.1:1');
    await mkdir(join(folder, 'folder'));
    const { model, messages } = await openPool({ servers: folder });
    expect(messages).toEqual([expect.stringMatching(/bad has "node7" in place of an address/)]);
    await announce(folder, 'other', other.url);
    await until(() => messages.length === 2);
    expect(messages[1]).toMatch(/model "n" instead of "m".*left out/);
    await askAll(model);
    expect(model.callsAtOnce).toBe(8);
  });

  it('name a file that is none', async () => {
    const folder = await makeFolder();
    const server = await start();
    await announce(folder, 'good', server.url);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const messages: string[] = [];
    const { model } = await openPool({ servers: folder }, {}, messages);
    await askAll(model);
    expect(messages).toEqual([expect.stringMatching(/pipe cannot be read: it is a named pipe \(FIFO\)/)]);
  });

  it('may leave files behind of servers that are gone', async () => {
    const folder = await makeFolder();
    const server = await start();
    await announce(folder, 'old', `http://127.0.0.1:${await freePort()}`);
    await announce(folder, 'new', server.url);
    const { model } = await openPool({ servers: folder });
    await askAll(model);
  });
});

describe('the settings of several servers', () => {
  const parse = (model: unknown): unknown =>
    settingsSchema.safeParse({ corpus: { files: ['a'] }, models: [{ name: 'm', model }] }).success;

  it('are a list of addresses or a folder', () => {
    expect([['http://a:1', 'https://b'], { servers: 'folder' }, 'http://a'].map(parse)).toEqual([
      true,
      true,
      true,
    ]);
    expect([[], ['a'], ['http://a', 'dummy'], { servers: '' }, { folder: 'a' }, 5].map(parse)).toEqual(
      Array.from({ length: 6 }, () => false),
    );
  });
});

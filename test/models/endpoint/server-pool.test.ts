// Several servers of one model: they share the work, fail, fall behind, differ, come and go.

import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PoolPace } from '../../../models/endpoint/pool-members.ts';
import { openServerPool } from '../../../models/endpoint/server-pool.ts';
import type { LanguageModel } from '../../../models/language-model.ts';
import type { Servers } from '../../../run/model-settings.ts';
import { settingsSchema } from '../../../run/settings.ts';
import { freePort } from '../../free-port.ts';
import { until } from '../../until.ts';
import { logProbabilityOf } from './character-model.ts';
import { completion } from './language-model-answers.ts';
import {
  type LanguageModelServer,
  openLanguageModelServer,
  Refused,
  type Routes,
} from './language-model-server.ts';
import { servers } from './language-model-servers.ts';
import { ask, openAt } from './open-at.ts';

const open: { close: () => Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function start(
  routes: Routes = servers.completions,
  ...more: [Parameters<typeof openLanguageModelServer>[1]?]
): Promise<LanguageModelServer> {
  const server = await openLanguageModelServer(routes, ...more);
  open.push(server);
  return server;
}

/** Everything happens within a second. */
const quick: PoolPace = {
  request: { attempts: 2, firstWaitMs: 1, longestWaitMs: 5 },
  pollMs: 20,
  firstRestMs: 50,
  longestRestMs: 200,
  graceMs: 200,
  slowMs: 150,
};

interface Opened {
  model: LanguageModel;
  messages: string[];
}

async function openPool(
  model: Servers,
  more: Readonly<Record<string, unknown>> = {},
  messages: string[] = [],
): Promise<Opened> {
  const { models } = settingsSchema.parse({
    corpus: { files: ['a'] },
    models: [{ name: 'judge', model, requestsAtOnce: 4, waitSeconds: 5, ...more }],
  });
  const [settings] = models;
  if (settings === undefined) throw new Error('no model');
  const pool = await openServerPool(settings, model, tmpdir(), quick, (message) => messages.push(message));
  open.push(pool);
  return { model: pool, messages };
}

const prompts = Array.from({ length: 60 }, (_, i) => `prompt ${i}`);

/** Asks everything at once, and compares every answer with the model's. */
async function askAll(model: LanguageModel): Promise<void> {
  const answers = await Promise.all(prompts.map((prompt) => ask(model, prompt, ['b'])));
  for (const [i, [answer]] of answers.entries())
    expect(answer?.logProbability).toBeCloseTo(logProbabilityOf(prompts[i] ?? '', 'b'), 9);
}

/** A server that takes some time for each answer, and counts how many it works on. */
async function startTimed(ms: (number: number) => number): Promise<LanguageModelServer & { most: number }> {
  let [now, number] = [0, 0];
  const counts = { most: 0 };
  const server = await start({
    ...servers.completions,
    'POST /v1/completions': async (asked) => {
      counts.most = Math.max(counts.most, ++now);
      await setTimeout(ms(number++), undefined, { ref: false });
      now--;
      return completion(asked);
    },
  });
  return Object.assign(server, {
    get most() {
      return counts.most;
    },
  });
}

const completionsAt = ({ asked }: LanguageModelServer): number =>
  asked.filter(({ route }) => route.endsWith('/completions')).length;

describe('several servers', () => {
  it('share the work, each with at most requestsAtOnce requests', async () => {
    let [now, most] = [0, 0];
    const counting = {
      ...servers.completions,
      'POST /v1/completions': async (asked) => {
        most = Math.max(most, ++now);
        await setTimeout(10);
        now--;
        return completion(asked);
      },
    } satisfies Routes;
    const three = [await start(counting), await start(counting), await start(counting)];
    const { model, messages } = await openPool(three.map(({ url }) => url));
    expect(model.callsAtOnce).toBe(12);
    await askAll(model);
    expect(most).toBe(12);
    for (const server of three) expect(completionsAt(server)).toBeGreaterThan(15);
    expect(messages).toEqual([]);
    expect((await model.generate('a', { maxTokens: 3 })).text).toHaveLength(3);
    expect((await model.textLogProbability('abc')).tokens).toBe(3);
  });

  it('have one fingerprint, whichever answers and in whatever order they are listed', async () => {
    const [a, b, c] = [await start(), await start(), await start()];
    const fingerprints = [];
    for (const listed of [[a, b, c], [c, a, b], [b]])
      fingerprints.push((await openPool(listed.map(({ url }) => url))).model.fingerprint);
    expect(new Set(fingerprints).size).toBe(1);
    // Another model's is another one.
    const other = await start({ ...servers.completions, 'GET /v1/models': () => ({ data: [{ id: 'n' }] }) });
    expect((await openPool([other.url])).model.fingerprint).not.toBe(fingerprints[0]);
    expect((await openAt(a.url)).source.place).toBe(a.url);
  });

  it('take over from one whose process is killed in the middle', async () => {
    const processes = await Promise.all([0, 1, 2].map(() => startProcess()));
    const { model, messages } = await openPool(processes.map(({ url }) => url));
    const done = askAll(model);
    await setTimeout(60);
    processes[1]?.child.kill('SIGKILL');
    await done;
    expect(messages.filter((message) => message.includes(processes[1]?.url ?? '-'))).toEqual([
      expect.stringMatching(/does not answer.*left out/),
    ]);
    expect(model.callsAtOnce).toBe(8);
  });

  it('move calls away from one that is stuck, and give it less when it is slow', async () => {
    const [quickly, slowly] = [await startTimed(() => 5), await startTimed((n) => (n < 4 ? 5 : 30_000))];
    const { model, messages } = await openPool([quickly.url, slowly.url]);
    const startMs = performance.now();
    await askAll(model);
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect(messages.join()).toMatch(/takes more than 0\.\d+ s for what usually takes 0\.\d+ s/);
    expect(messages.join()).toContain(slowly.url);
  });

  it('use one again that has been down', async () => {
    let isDown = false;
    const [steady, shaky] = [
      await start(),
      await start(servers.completions, (response) => {
        if (isDown) response.destroy();
        return isDown;
      }),
    ];
    const { model, messages } = await openPool([steady.url, shaky.url]);
    isDown = true;
    await askAll(model);
    expect(model.callsAtOnce).toBe(4);
    isDown = false;
    await until(() => messages.some((message) => message.includes('answers again')));
    const before = completionsAt(shaky);
    await askAll(model);
    expect(completionsAt(shaky)).toBeGreaterThan(before + 10);
  });

  it('are not taken out by being busy, or by a question that none of them takes', async () => {
    const busy = new Set([5, 20, 35]);
    const two = [
      await start(servers.completions, (response, _route, number) => {
        if (busy.has(number)) response.writeHead(429, { 'retry-after': '0' }).end('busy');
        return busy.has(number);
      }),
      await start({
        ...servers.completions,
        'POST /v1/completions': (asked) => {
          if (asked.prompt === 'no') throw new Refused(400, 'not this one');
          return completion(asked);
        },
      }),
    ];
    const { model, messages } = await openPool(two.map(({ url }) => url));
    await askAll(model);
    await expect(
      Promise.all(Array.from({ length: 8 }, () => model.generate('no', { maxTokens: 2 }))),
    ).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_REFUSED' });
    expect([model.callsAtOnce, messages]).toEqual([8, []]);
  });

  it('do not go round for ever with a call that breaks each of them', async () => {
    const deadly = (): Promise<LanguageModelServer> =>
      start({
        ...servers.completions,
        'POST /v1/completions': (asked) => {
          if (asked.max_tokens === 7) throw new Refused(500, 'out of memory');
          return completion(asked);
        },
      });
    const { model } = await openPool([(await deadly()).url, (await deadly()).url]);
    await expect(model.generate('a', { maxTokens: 7 })).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_UNREACHABLE',
    });
    await askAll(model);
  });

  it('are refused by name if they do not all have the same model', async () => {
    const good = await start(servers['llama.cpp']);
    const entry = { id: 'm.gguf', owned_by: 'llamacpp' };
    for (const [data, words] of [
      [
        { ...entry, meta: { n_ctx: 512, n_vocab: 98, ftype: 'Q4_0' } },
        /quantization Q[48]_0 instead of Q[48]_0/,
      ],
      [{ ...entry, meta: { n_ctx: 128, n_vocab: 98, ftype: 'Q8_0' } }, /context \d+ instead of \d+/],
      [
        { ...entry, id: 'other.gguf', meta: { n_ctx: 512, n_vocab: 98, ftype: 'Q8_0' } },
        /model ".*" instead of ".*"/,
      ],
    ] as const) {
      const other = await start({ ...servers['llama.cpp'], 'GET /v1/models': () => ({ data: [data] }) });
      await expect(openPool([good.url, other.url])).rejects.toMatchObject({
        code: 'LANGUAGE_MODEL_DIFFERS',
        message: expect.stringMatching(words),
      });
    }
    // With the model's name in the settings, the wrong server is known.
    const wrong = await start({ ...servers.completions, 'GET /v1/models': () => ({ data: [{ id: 'n' }] }) });
    await expect(openPool([(await start()).url, wrong.url], { endpointModel: 'm' })).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_NAME',
      message: expect.stringContaining(wrong.url),
    });
    const nameless = await start(servers.chat);
    await expect(openPool([nameless.url], { route: 'chat' })).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_REFUSED',
      message: expect.stringContaining('endpointModel'),
    });
  });

  it('start with those that answer, and end with a clear error if none does in time', async () => {
    const [up, down] = [await start(), `http://127.0.0.1:${await freePort()}`];
    const { model, messages } = await openPool([down, up.url]);
    await askAll(model);
    expect(messages).toEqual([expect.stringContaining(down)]);
    const said: string[] = [];
    const failure = openPool([down], { waitSeconds: 0.3 }, said);
    await expect(failure).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_NO_SERVER',
      message: expect.stringMatching(/within 0.3 s \(.*does not answer/),
    });
    expect(said.join()).toContain('waiting up to 0.3 s');
    // The same in the middle of the work.
    const last = await openPool([up.url], { waitSeconds: 0.3 });
    await up.close();
    await expect(ask(last.model, 'a', ['b'])).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_NO_SERVER' });
  });
});

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
    await until(() => model.callsAtOnce === 8);
    await askAll(model);
    expect(completionsAt(second)).toBeGreaterThan(10);
    await rm(join(folder, 'a'));
    await until(() => model.callsAtOnce === 4);
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
    expect(model.callsAtOnce).toBe(4);
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

async function startProcess(): Promise<{ url: string; child: ChildProcess }> {
  const script = fileURLToPath(new URL('./stand-in-process.js', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  open.push({ close: () => Promise.resolve(child.kill('SIGKILL')) });
  const [line] = await once(child.stdout, 'data');
  return { url: String(line).trim(), child };
}

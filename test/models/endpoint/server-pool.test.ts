// Several servers of one model: they share the work, fail, fall behind, and differ.

import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../free-port.ts';
import { until } from '../../until.ts';
import { completion } from './language-model-answers.ts';
import { type LanguageModelServer, Refused, type Routes } from './language-model-server.ts';
import { servers } from './language-model-servers.ts';
import { ask, openAt } from './open-at.ts';
import { askAll, closeAll, completionsAt, open, openPool, start } from './open-pool.ts';

afterEach(closeAll);

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

describe('several servers', () => {
  it('share the work, each with at most requestsAtOnce requests', async () => {
    let [now, most] = [0, 0];
    const counting = {
      ...servers.completions,
      'POST /v1/completions': async (asked) => {
        most = Math.max(most, ++now);
        await setTimeout(100);
        now--;
        return completion(asked);
      },
    } satisfies Routes;
    const three = [await start(counting), await start(counting), await start(counting)];
    const { model, messages } = await openPool(three.map(({ url }) => url));
    expect(model.callsAtOnce).toBe(24);
    await askAll(model);
    // A busy machine may be too slow to fill all three at the same time.
    expect(most).toBeGreaterThan(8);
    expect(most).toBeLessThanOrEqual(12);
    for (const server of three) expect(completionsAt(server)).toBeGreaterThan(6);
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
    expect(model.callsAtOnce).toBe(16);
  });

  it('move calls away from one that is stuck, and give it less when it is slow', async () => {
    const [quickly, slowly] = [await startTimed(() => 5), await startTimed((n) => (n < 4 ? 5 : 30_000))];
    const { model, messages } = await openPool([quickly.url, slowly.url]);
    const startMs = performance.now();
    await askAll(model);
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect(messages.join()).toMatch(/takes more than [\d.]+ s for what usually takes [\d.]+ s/);
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
    expect(model.callsAtOnce).toBe(8);
    isDown = false;
    await until(() => messages.some((message) => message.includes('answers again')));
    const before = completionsAt(shaky);
    await askAll(model);
    expect(completionsAt(shaky)).toBeGreaterThan(before + 6);
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
    expect([model.callsAtOnce, messages]).toEqual([16, []]);
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

async function startProcess(): Promise<{ url: string; child: ChildProcess }> {
  const script = fileURLToPath(new URL('./stand-in-process.js', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  open.push({ close: () => Promise.resolve(child.kill('SIGKILL')) });
  const line = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(data.toString())),
  );
  return { url: line.trim(), child };
}

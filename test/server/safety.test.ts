import { readFile, stat, writeFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { listCalibrations } from '../../ranking/budget/calibrations.ts';
import { readRanking } from '../../ranking/generation.ts';
import { withScores } from '../../ranking/scores.ts';
import { Gate } from '../../ranking/why/gate.ts';
import { makeKey } from '../../server/keys.ts';
import { serveRun } from '../../server/listen.ts';
import { makeRows, rankRows, withRun } from '../ranking/synthetic.ts';
import { startServer } from './real-run.ts';
import { shareServer, withServer } from './serve.ts';
import { longTest } from '../long.ts';
import { until } from '../until.ts';

const server = shareServer();
const json = { 'Content-Type': 'application/json' };
const trials = [1e19, 1e20, 1e21].flatMap((flops, i) =>
  [0.01, 0.03, 0.1, 0.3].map((keep) => ({
    flops,
    keep,
    loss: (Math.log(keep) - Math.log(0.03 * (1 + i / 2))) ** 2,
  })),
);

function responseTo(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve) => asked.once('response', (response) => resolve(response.resume())));
}

describe('every answer', () => {
  it.each(['/rank?budget=1e21', '/rank?budget=0', '/nothing', '/', '/docs', '/openapi.json', '/metrics'])(
    'keeps browsers to themselves: %s',
    async (path) => {
      const { headers } = await server().ask(path);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      for (const absent of ['x-powered-by', 'access-control-allow-origin', 'server'])
        expect(headers.get(absent)).toBeNull();
    },
  );

  it('is for the host that the server is, and no other', async () => {
    const { url } = server();
    const statusFor = async (host: string): Promise<number | undefined> => {
      const asked = request(`${url}/rank?budget=1e21`, { headers: { Host: host } });
      asked.end();
      return (await responseTo(asked)).statusCode;
    };
    expect(await statusFor('evil.example')).toBe(421);
    expect(await statusFor('127.0.0.1.evil.example:80')).toBe(421);
    for (const own of ['localhost', 'LOCALHOST:1', '127.0.0.1:8080', '[::1]:8080'])
      expect(await statusFor(own)).toBe(200);
    await withServer(
      async (other) => {
        expect((await other.ask('/healthz', {})).status).toBe(200);
      },
      [],
      { allowHosts: ['betr.example'] },
    );
  });
});

describe('a body', () => {
  it.each<[string, RequestInit, number, string]>([
    ['of 10 MB', { headers: json, body: JSON.stringify({ name: 'x'.repeat(1e7) }) }, 413, 'BODY_TOO_LARGE'],
    [
      'of 10 MB of CSV',
      { headers: { 'Content-Type': 'text/csv' }, body: '1,2,3\n'.repeat(2e6) },
      413,
      'BODY_TOO_LARGE',
    ],
    ['that is no JSON', { headers: json, body: '{"name":' }, 400, 'BODY_INVALID'],
    [
      'of a type that a form could send',
      { headers: { 'Content-Type': 'text/plain' }, body: '{}' },
      415,
      'BODY_KIND',
    ],
    ['without a type', { body: new Uint8Array([123, 125]) }, 415, 'BODY_KIND'],
    [
      'with a field too many',
      { headers: json, body: JSON.stringify({ name: 'a', runs: trials, more: 1 }) },
      400,
      'BODY_INVALID',
    ],
    [
      'with a name that is a path',
      { headers: json, body: JSON.stringify({ name: '../../x', runs: trials }) },
      400,
      'BODY_INVALID',
    ],
    [
      "with the name of the paper's law",
      { headers: json, body: JSON.stringify({ name: 'nemotron-cc', runs: trials }) },
      400,
      'BODY_INVALID',
    ],
    [
      'that cannot carry a law',
      { headers: json, body: JSON.stringify({ name: 'a', runs: trials.slice(0, 4) }) },
      422,
      'CALIBRATION_REFUSED',
    ],
    [
      'of prototype tricks',
      { headers: json, body: '{"__proto__": {"name": "a"}, "constructor": {}}' },
      400,
      'BODY_INVALID',
    ],
  ])('%s is refused', async (_name, init, status, code) => {
    const reply = await server().ask('/calibrations', { method: 'POST', ...init });
    expect(reply).toMatchObject({ status, json: { code } });
  });

  it.each<[string, unknown, string[]]>([
    ['nothing', {}, ['name is missing, and has to be a text', 'runs is missing, and has to be a list']],
    ['a list', [1, 2], ['the body is [1,2], but it has to be an object with the fields name, runs']],
    [
      'runs that are none',
      {
        name: '../x',
        runs: [
          { flops: 0, keep: 3, seed: 1 },
          { flops: '1', keep: 0.1 },
        ],
      },
      [
        'name is "../x", but it has to be up to 64 letters, digits, "_" or "-", starting with a letter or digit',
        'runs[0].flops is 0, but it has to be a number above 0',
        'runs[0].keep is 3, but it has to be a number of at most 1',
        'runs[0] has the unknown field "seed" (known: flops, keep, loss, accuracy)',
        'runs[1].flops is "1", but it has to be a number',
      ],
    ],
  ])('of %s is told every problem by its field', async (_name, body, problems) => {
    expect(
      (await server().ask('/calibrations', { method: 'POST', headers: json, body: JSON.stringify(body) }))
        .json,
    ).toMatchObject({ code: 'BODY_INVALID', values: { problems } });
  });

  it('of runs becomes a law that can be asked for, as JSON or CSV', async () => {
    const { ask, run } = server();
    const before = (await ask('/rank?budget=1e21')).headers.get('etag');
    const made = await ask('/calibrations', {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ name: 'mine', runs: trials }),
    });
    expect(made).toMatchObject({ status: 201, json: { name: 'mine', fit: { measure: 'loss' } } });
    const csv = [
      'flops,keep,loss',
      ...trials.map(({ flops, keep, loss }) => `${flops},${keep},${loss}`),
    ].join('\n');
    expect(
      (
        await ask('/calibrations?name=csv', {
          method: 'POST',
          headers: { 'Content-Type': 'text/csv' },
          body: csv,
        })
      ).status,
    ).toBe(201);
    expect(await ask('/calibrations')).toMatchObject({
      json: { calibrations: [{ name: 'csv' }, { name: 'mine' }] },
    });
    expect(await ask('/rank?budget=1e20&pool=mine&poolTokens=1T')).toMatchObject({
      status: 200,
      json: { law: { name: 'mine' } },
    });
    expect(await ask('/compare?budgets=1e20&pool=csv&poolTokens=1T')).toMatchObject({ status: 200 });
    // An answer may have come from the law of that name before.
    expect((await ask('/rank?budget=1e21')).headers.get('etag')).not.toBe(before);
    expect(JSON.parse(await readFile(join(run.folder, 'calibrations', 'mine.json'), 'utf8'))).toMatchObject({
      name: 'mine',
    });
  });

  it.each([
    ['POST', '/rank', 'GET, HEAD'],
    ['DELETE', '/calibrations', 'POST, GET, HEAD'],
    ['PUT', '/jobs', 'POST, GET, HEAD'],
    ['OPTIONS', '/jobs', 'POST, GET, HEAD'],
  ])('%s %s is not taken', async (method, path, allowed) => {
    const reply = await server().ask(path, { method });
    expect(reply).toMatchObject({ status: 405, json: { code: 'METHOD_NOT_ALLOWED' } });
    expect(reply.headers.get('allow')).toBe(allowed);
  });
});

describe('API keys', () => {
  it('are asked for where there are any, by kind, and count no more once they are taken out', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(50));
      const path = run.files.apiKeys;
      const [read, jobs] = [await makeKey(path, 'read'), await makeKey(path, 'jobs')];
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      for (const { key } of [read, jobs]) expect(await readFile(path, 'utf8')).not.toContain(key);
      const own = await serveRun(run, { host: '127.0.0.1', port: 0 });
      const statusOf = async (route: string, key?: string, method = 'GET'): Promise<number> =>
        (
          await fetch(own.url + route, {
            method,
            headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
          })
        ).status;
      try {
        expect(await statusOf('/rank?keep=0.1')).toBe(401);
        expect((await fetch(`${own.url}/rank?keep=0.1`)).headers.get('www-authenticate')).toBe('Bearer');
        expect(await statusOf('/rank?keep=0.1', 'betr_read_wrong')).toBe(403);
        expect(await statusOf('/rank?keep=0.1', read.key)).toBe(200);
        expect(await statusOf('/rank?keep=0.1', jobs.key)).toBe(200);
        // Without the key nobody learns anything, not even what is wrong with the question.
        expect(await statusOf('/rank?budget=0')).toBe(401);
        expect(await statusOf('/calibrations', read.key, 'POST')).toBe(403);
        expect(await statusOf('/calibrations', jobs.key, 'POST')).toBe(415);
        for (const open of ['/healthz', '/readyz', '/docs', '/openapi.json', '/'])
          expect(await statusOf(open)).toBe(200);
        expect(await statusOf('/metrics')).toBe(401);
        await writeFile(path, JSON.stringify({ keys: [] }));
        await makeKey(path, 'read');
        await new Promise((resolve) => setTimeout(resolve, 1100));
        expect(await statusOf('/rank?keep=0.1', read.key)).toBe(403);
        await writeFile(path, 'no keys');
        await new Promise((resolve) => setTimeout(resolve, 1100));
        expect(await statusOf('/rank?keep=0.1', read.key)).toBe(403);
      } finally {
        await own.stop(0);
      }
    });
  });

  it('are needed wherever others can reach', async () => {
    await withRun(async (run) => {
      await expect(serveRun(run, { host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
        code: 'KEYS_NEEDED',
      });
      await makeKey(run.files.apiKeys, 'read');
      await (await serveRun(run, { host: '0.0.0.0', port: 0 })).stop(0);
    });
  });
});

describe('limits', () => {
  it('refuse who asks too often', async () => {
    await withServer(
      async ({ ask }) => {
        const statuses = [];
        for (let i = 0; i < 7; i++) statuses.push((await ask('/healthz')).status);
        expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
        const refused = await ask('/healthz');
        expect(refused).toMatchObject({ json: { code: 'TOO_MANY_REQUESTS' } });
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      },
      [],
      { requestsPerMinute: 5 },
    );
  });

  it('let only so much heavy work in at a time, in turn', async () => {
    const gate = new Gate(2, 2);
    const order: string[] = [];
    const ends: (() => void)[] = [];
    const enter = (name: string): Promise<void> =>
      gate.enter(async () => {
        order.push(name);
        await new Promise<void>((resolve) => ends.push(resolve));
      });
    const all = [enter('a'), enter('b'), enter('c'), enter('d')];
    await expect(enter('e')).rejects.toMatchObject({ code: 'BUSY' });
    expect(gate.load()).toEqual({ working: 2, waiting: 2 });
    while (order.length < 4) {
      ends.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const end of ends) end();
    await Promise.all(all);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    expect(gate.load()).toEqual({ working: 0, waiting: 0 });
    await expect(gate.enter(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(gate.load().working).toBe(0);
  });

  it('cut off 1,000 clients that never finish asking, while others are answered', async () => {
    await withServer(async ({ url, ask }) => {
      const { hostname, port } = new URL(url);
      const closed: Promise<unknown>[] = [];
      const slow: Socket[] = [];
      for (let i = 0; i < 1000; i++) {
        const socket = connect(Number(port), hostname);
        socket.on('error', () => undefined);
        closed.push(new Promise((resolve) => socket.once('close', resolve)));
        socket.write(`GET /rank?budget=1e21 HTTP/1.1\r\nHost: ${hostname}\r\nX-Slow: `);
        slow.push(socket);
      }
      const dripping = setInterval(
        () => slow.forEach((socket) => socket.writable && socket.write('x')),
        1000,
      );
      try {
        for (let i = 0; i < 20; i++) expect((await ask('/rank?budget=1e21')).status).toBe(200);
        await Promise.all(closed);
        expect((await ask('/rank?budget=1e21')).status).toBe(200);
      } finally {
        clearInterval(dripping);
        for (const socket of slow) socket.destroy();
      }
    });
  }, 60_000);
});

describe("a server's queries", () => {
  it('reach nothing but the run', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(30));
      const ranking = await readRanking(run);
      const ask = (sql: string): Promise<unknown> =>
        withScores({ ...run, confined: true }, ranking, async (connection) =>
          (await connection.runAndReadAll(sql)).getRows(),
        );
      await expect(ask(`SELECT * FROM read_text('${run.settingsPath}')`)).rejects.toThrow(
        /disabled by configuration/,
      );
      await expect(ask(`COPY (SELECT 1) TO '${join(run.settingsFolder, 'out.csv')}'`)).rejects.toThrow(
        /disabled by configuration/,
      );
      await expect(ask('INSTALL httpfs')).rejects.toThrow();
      await expect(ask("SET memory_limit = '100GB'")).rejects.toThrow(/locked/);
      await expect(ask('SET enable_external_access = true')).rejects.toThrow(/locked/);
      await expect(
        ask(`SELECT count(*) FROM read_parquet('${join(run.files.scores, '*.parquet')}')`),
      ).resolves.toEqual([[30n]]);
    });
  });
});

describe('a server that is told to stop', () => {
  it('ends what is under way, takes nothing new, and is gone within 10 s', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(50));
      const { url, end } = await startServer(run);
      const body = JSON.stringify({ name: 'late', runs: trials });
      const asked = request(`${url}/calibrations`, {
        method: 'POST',
        headers: { ...json, 'Content-Length': Buffer.byteLength(body), Expect: '100-continue' },
      });
      // The server has begun with it once it says so.
      await new Promise((resolve) => asked.once('continue', resolve));
      asked.write(body.slice(0, 20));
      const startedMs = performance.now();
      const ended = end('SIGTERM');
      await until(
        () =>
          fetch(`${url}/healthz`).then(
            () => false,
            () => true,
          ),
        { what: 'that it takes nothing new' },
      );
      asked.end(body.slice(20));
      expect((await responseTo(asked)).statusCode).toBe(201);
      expect(await ended).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
    });
  });

  longTest('goes on after being killed as if nothing had been', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(50));
      for (let round = 0; round < 3; round++) {
        const { url, end } = await startServer(run);
        expect(await (await fetch(`${url}/rank?keep=0.3`)).json()).toMatchObject({
          cutoff: { ofDocuments: 50 },
        });
        const asking = [
          fetch(`${url}/calibrations`, {
            method: 'POST',
            headers: json,
            body: JSON.stringify({ name: 'killed', runs: trials }),
          }),
          fetch(`${url}/compare?budgets=1e20&poolTokens=1T`),
        ];
        await end('SIGKILL');
        await Promise.allSettled(asking);
      }
      // What was being written is whole or not there.
      for (const { name } of await listCalibrations(run)) expect(name).toBe('killed');
    });
  });
});

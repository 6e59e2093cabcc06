// Corpora on the web, S3 and endpoints go through a real proxy, and to where NO_PROXY says without it.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { freePort } from '../../free-port.ts';
import { askedRange } from './loopback.ts';
import { longTest } from '../../long.ts';

const run = promisify(execFile);
const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
);
const line = '{"id":"x","text":"Over the bar at high water."}\n';

let folder: string;
let plain: number;
let secure = 0;
const servers: Server[] = [];
let proxies: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-proxy-'));
  plain = await listen(createServer(answer));
  if (!hasOpenssl) return;
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    '2',
    '-subj',
    '/CN=corpus.test',
    '-addext',
    'subjectAltName=DNS:*.corpus.test',
  ]);
  secure = await listen(createTlsServer({ key: await readFile(key), cert: await readFile(cert) }, answer));
});
afterEach(() => {
  for (const proxy of proxies) proxy.kill();
  proxies = [];
});
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A file at every address, for the web and S3 alike, and an endpoint for embedding. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume().on('end', () => {
    if (request.method === 'POST') response.writeHead(200).end('{"data":[{"index":0,"embedding":[3,4]}]}');
    else if (request.method === 'GET') {
      const [first, last] = askedRange(request, line.length);
      response
        .writeHead(206, {
          'content-length': last + 1 - first,
          'content-range': `bytes ${first}-${last}/${line.length}`,
        })
        .end(line.slice(first, last + 1));
    } else response.writeHead(200, { etag: '"v"' }).end();
  });
}

interface Proxy {
  port: number;
  /** What it was asked for. */
  asked: string[];
}

async function startProxy(): Promise<Proxy> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'proxy-process.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  proxies.push(child);
  const asked: string[] = [];
  const lines = createInterface({ input: child.stdout });
  const [port] = z.tuple([z.string()]).parse(await once(lines, 'line'));
  lines.on('line', (one) => asked.push(one.trim()));
  return { port: Number(port), asked };
}

type Step = { what: 'read' | 'write' | 'embed'; url: string; noProxy?: string };

/** What comes of the steps in a process with these variables, and no others about proxies. */
async function ask(steps: readonly Step[], variables: Record<string, string>): Promise<string[]> {
  const others = Object.entries(process.env).filter(
    ([name]) => !/_proxy$|^AWS_|^NODE_EXTRA|^NODE_OPTIONS/i.test(name),
  );
  const env = {
    ...Object.fromEntries(others),
    TMPDIR: folder,
    AWS_ACCESS_KEY_ID: 'name',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...variables,
  };
  const { stdout, stderr } = await run(
    process.execPath,
    [join(import.meta.dirname, 'ask-once.js'), ...steps.map((step) => JSON.stringify(step))],
    { env },
  );
  expect(stderr).toBe('');
  return stdout
    .trim()
    .split('\n')
    .map((said) => z.string().parse(JSON.parse(said)));
}

const everything = (scheme: string, port: number): Step[] => [
  { what: 'read', url: `${scheme}://data.corpus.test:${port}/a.jsonl` },
  { what: 'write', url: `${scheme}://data.corpus.test:${port}/out.jsonl` },
  { what: 'read', url: 's3://bucket/a.jsonl' },
  { what: 'write', url: 's3://bucket/out.jsonl' },
  { what: 'embed', url: `${scheme}://embed.corpus.test:${port}/v1` },
];
const allWell = [line, 'put and removed', line, 'put and removed', '2 dimensions'];

describe('a proxy', () => {
  it('receives http requests directly, with its credentials', async () => {
    const proxy = await startProxy();
    const said = await ask(everything('http', plain), {
      HTTP_PROXY: `http://alice:pass%20word@127.0.0.1:${proxy.port}`,
      AWS_ENDPOINT_URL_S3: `http://store.corpus.test:${plain}`,
    });
    expect(said).toEqual(allWell);
    expect(proxy.asked.map((one) => one.replace(/\?\S*/, ''))).toEqual(
      [
        `GET http://data.corpus.test:${plain}/a.jsonl`,
        `GET http://data.corpus.test:${plain}/a.jsonl`,
        `PUT http://data.corpus.test:${plain}/out.jsonl`,
        `DELETE http://data.corpus.test:${plain}/out.jsonl`,
        `GET http://store.corpus.test:${plain}/bucket/a.jsonl`,
        `GET http://store.corpus.test:${plain}/bucket/a.jsonl`,
        `PUT http://store.corpus.test:${plain}/bucket/out.jsonl`,
        `DELETE http://store.corpus.test:${plain}/bucket/out.jsonl`,
        `POST http://embed.corpus.test:${plain}/v1/embeddings`,
      ].map((one) => `${one} alice:pass word`),
    );
  });

  (hasOpenssl ? it : it.skip)(
    'leads tunnels to what goes by https, in which certificates are checked',
    async () => {
      const proxy = await startProxy();
      // The variable in lower case comes first, and a scheme may be left out.
      const variables = {
        HTTPS_PROXY: 'http://127.0.0.1:1',
        https_proxy: `alice:secret@127.0.0.1:${proxy.port}`,
        AWS_ENDPOINT_URL_S3: `https://store.corpus.test:${secure}`,
      };
      expect(
        await ask(everything('https', secure), {
          ...variables,
          NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'),
        }),
      ).toEqual(allWell);
      expect(new Set(proxy.asked)).toEqual(
        new Set(
          ['data', 'store', 'embed'].map((name) => `CONNECT ${name}.corpus.test:${secure} alice:secret`),
        ),
      );
      const distrusted = await ask(
        [
          { what: 'read', url: `https://data.corpus.test:${secure}/a.jsonl` },
          { what: 'read', url: 's3://bucket/a.jsonl' },
        ],
        variables,
      );
      for (const said of distrusted)
        expect(said).toMatch(
          /after 1 attempt: the server's certificate is not trusted .*NODE_EXTRA_CA_CERTS/,
        );
    },
  );

  longTest('is bypassed for the hosts in NO_PROXY by every client', async () => {
    const proxy = await startProxy();
    const cases: [noProxy: string, host: string, isProxied: boolean][] = [
      ['', 'data.corpus.test', true],
      ['', '127.0.0.1', true],
      ['*', '127.0.0.1', false],
      ['127.0.0.1', '127.0.0.1', false],
      ['example.org, 127.0.0.1', '127.0.0.1', false],
      [`127.0.0.1:${plain}`, '127.0.0.1', false],
      ['127.0.0.1:1', '127.0.0.1', true],
      ['corpus.test', 'data.corpus.test', false],
      ['.corpus.test', 'data.corpus.test', false],
      ['*.corpus.test', 'data.corpus.test', false],
      ['CORPUS.test', 'data.corpus.test', false],
      ['pus.test', 'data.corpus.test', true],
      ['other.corpus.test', 'data.corpus.test', true],
    ];
    const steps = cases.flatMap(([noProxy, host], i): Step[] => [
      { what: 'read', url: `http://${host}:${plain}/${i}`, noProxy },
      { what: 'embed', url: `http://${host}:${plain}/${i}` },
    ]);
    const forStore = [...cases.entries()]
      .filter(([, [, host]]) => host === 'data.corpus.test')
      .map(([i, [noProxy]]): Step => ({ what: 'read', url: `s3://bucket/${i}`, noProxy }));
    const said = await ask([...steps, ...forStore], {
      HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
      AWS_ENDPOINT_URL_S3: `http://data.corpus.test:${plain}`,
    });
    const proxied = (pattern: RegExp): number[] =>
      [...new Set(proxy.asked.flatMap((one) => pattern.exec(one)?.[1] ?? []))].map(Number);
    const expected = (host?: string): number[] =>
      [...cases.entries()]
        .filter(([, [, of, isProxied]]) => isProxied && (host === undefined || host === of))
        .map(([i]) => i);
    expect(proxied(/^GET http:\S+?\d\/(\d+) *$/)).toEqual(expected());
    expect(proxied(/^POST \S+\/(\d+)\/v1/)).toEqual(expected());
    expect(proxied(/^GET \S+\/bucket\/(\d+)\?/)).toEqual(expected('data.corpus.test'));
    for (const [i, [, host]] of cases.entries())
      if (host === '127.0.0.1') expect(said.slice(2 * i, 2 * i + 2)).toEqual([line, '2 dimensions']);
  });

  it('is named in the error if it refuses, without its password', async () => {
    const proxy = await startProxy();
    const refusals: [url: string, reason: RegExp][] = [
      ['http://407.corpus.test/a.jsonl', /after 1 attempt: the proxy requires a username and password/],
      ['https://407.corpus.test/a.jsonl', /after 1 attempt: the proxy requires a username and password/],
      ['s3://bucket/a.jsonl', /after 1 attempt: the proxy requires a username and password/],
      ['http://403.corpus.test/a.jsonl', /denied \(status 403/],
      ['https://403.corpus.test/a.jsonl', /after 1 attempt: the proxy .* did not connect \(status 403\)/],
      ['http://502.corpus.test/a.jsonl', /after 8 attempts: status 502, Bad Gateway/],
      ['https://502.corpus.test/a.jsonl', /after 8 attempts: the proxy .* did not connect \(status 502\)/],
    ];
    const said = await ask(
      refusals.map(([url]) => ({ what: 'read', url })),
      {
        HTTP_PROXY: `http://alice:topsecret@127.0.0.1:${proxy.port}`,
        AWS_ENDPOINT_URL_S3: 'https://407.corpus.test',
      },
    );
    for (const [i, [, reason]] of refusals.entries()) expect(said[i]).toMatch(reason);
    expect(said.join('')).not.toContain('topsecret');
  });

  it('is named in the error if it is unreachable or invalid, without its password', async () => {
    const steps: Step[] = [{ what: 'read', url: `http://data.corpus.test:${plain}/a.jsonl` }];
    const port = await freePort();
    const gone = await ask(steps, { HTTP_PROXY: `http://alice:topsecret@127.0.0.1:${port}` });
    expect(gone).toEqual([
      expect.stringMatching(new RegExp(`after 8 attempts: connect ECONNREFUSED 127.0.0.1:${port}`)),
    ]);
    for (const value of ['socks5://alice:topsecret@127.0.0.1:1', 'http://alice:topsecret@:1']) {
      const [said] = await ask(steps, { HTTPS_PROXY: value });
      expect(said).toMatch(/^HTTPS_PROXY is .*must be the address of an HTTP proxy/);
      expect(said).not.toContain('topsecret');
    }
  });
});

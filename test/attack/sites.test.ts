import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { isLoopback } from '../../server/guard.ts';
import { shareServer } from '../server/serve.ts';

const server = shareServer();

/** Fetch of Node sets Sec-Fetch-Mode itself. */
function statusOf(
  path: string,
  headers: Record<string, string>,
  method = 'GET',
  body = '',
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(server().url + path, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

const navigation = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };

describe('a page of another site', () => {
  it.each(['cross-site', 'same-site', 'something new'])(
    'may link to the page and the docs, and do no more (%s)',
    async (site) => {
      const from = { 'Sec-Fetch-Site': site };
      for (const path of ['/', '/?budget=1e21', '/docs'])
        expect(await statusOf(path, { ...from, ...navigation })).toBe(200);
      for (const path of [
        '/rank?budget=1e21',
        '/healthz',
        '/openapi.json',
        '/page/main.js',
        '/selection?keep=0.1',
        '/nothing',
      ]) {
        expect(await statusOf(path, { ...from, ...navigation })).toBe(403);
        expect(await statusOf(path, { ...from, 'Sec-Fetch-Mode': 'no-cors' })).toBe(403);
      }
      // Not in a frame, not as an image, not with another method.
      expect(await statusOf('/', { ...from, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' })).toBe(
        403,
      );
      expect(await statusOf('/', { ...from, 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' })).toBe(
        403,
      );
      expect(await statusOf('/', { ...from, ...navigation }, 'HEAD')).toBe(403);
      expect(
        await statusOf('/jobs', { ...from, 'Content-Type': 'application/json' }, 'POST', '{"kind":"run"}'),
      ).toBe(403);
    },
  );

  it('is told apart from the own page, from what a reader types, and from programs', async () => {
    for (const headers of [{ 'Sec-Fetch-Site': 'same-origin' }, { 'Sec-Fetch-Site': 'none' }, {}])
      expect(await statusOf('/rank?budget=1e21', headers)).toBe(200);
  });
});

describe('header lines', () => {
  it('are bounded in all, however many there are', async () => {
    const lines = (count: number, length: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, 'v'.repeat(length)]));
    expect(await statusOf('/healthz', lines(20, 300))).toBe(200);
    expect(await statusOf('/healthz', lines(900, 1))).toBe(431);
    expect(await statusOf('/healthz', lines(30, 270))).toBe(431);
    expect(await statusOf('/healthz', lines(1, 9_000))).toBe(431);
    expect(await statusOf('/healthz', lines(1900, 10))).toBe(431);
  });

  /** Sends the lines raw, as clients of Node.js would join those of the same name. */
  const statusOfLines = async (lines: readonly string[]): Promise<number> => {
    const { hostname, port, host } = new URL(server().url);
    const socket = connect({ host: hostname, port: Number(port) }).setEncoding('utf8');
    socket.write(['GET /rank?keep=0.1 HTTP/1.1', `Host: ${host}`, ...lines, '', ''].join('\r\n'));
    const data: unknown[] = await once(socket, 'data');
    socket.destroy();
    return Number(/^HTTP\/1\.1 (\d+)/.exec(String(data[0]))?.[1]);
  };

  it('are all checked, however short they are', async () => {
    const short = (count: number): string[] => Array.from({ length: count }, () => 'a:');
    expect(await statusOfLines(short(1_200))).toBe(200);
    expect(await statusOfLines([...short(1_200), 'Sec-Fetch-Site: cross-site'])).toBe(403);
    expect(await statusOfLines(short(1_800))).toBe(431);
  });
});

describe('loopback', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['localhost', true],
    ['127.999.1.1', false],
    ['127.0.0.1.example.org', false],
    ['128.0.0.1', false],
  ])('%s: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});

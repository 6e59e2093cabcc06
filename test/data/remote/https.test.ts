import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { readPieces } from '../../../data/files/files.ts';
import { pace } from '../../../data/remote/retry.ts';
import { listShards } from '../../../data/shards.ts';
import { startWebServer, type WebServer } from './web-server.ts';

let web: WebServer;

beforeAll(() => void jest.replaceProperty(pace, 'firstWaitMs', 2));

beforeEach(async () => {
  web = await startWebServer();
});

afterEach(() => web.close());

const noise = (bytes: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 2654435761) >>> 13));

async function read(path: string, start?: number, end?: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readPieces(`${web.url}${path}`, start, end)) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

describe('reading from a web server', () => {
  it('gives the same bytes wherever the connection breaks, and asks for what is missing only', async () => {
    const file = noise(300_000);
    web.files.set('/a.jsonl', file);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(file.length),
        fc.nat(file.length),
        fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 3 }),
        async (a, b, breaks) => {
          const [start, end] = [Math.min(a, b), Math.max(a, b)];
          const left = [...breaks];
          let asked = 0;
          web.misbehave = (request) => {
            asked++;
            expect(request.headers.range).toMatch(new RegExp(`-${end - 1}$`));
            return left.pop();
          };
          expect((await read('/a.jsonl', start, end)).equals(file.subarray(start, end))).toBe(true);
          expect(asked).toBeGreaterThanOrEqual(start === end ? 0 : 1);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('tries again what may pass', async () => {
    web.files.set('/a.jsonl', noise(1000));
    const statuses = [503, 429, 500, 424, 408];
    web.misbehave = () => {
      const status = statuses.pop();
      return status === undefined ? undefined : { status, headers: { 'retry-after': '0' } };
    };
    expect((await read('/a.jsonl')).equals(noise(1000))).toBe(true);
    expect(statuses).toEqual([]);
  });

  it('gives up on a server that only ever fails, and on what will not pass at once', async () => {
    web.files.set('/a.jsonl', noise(1000));
    web.misbehave = () => ({ status: 503, headers: { 'retry-after': '0' } });
    await expect(read('/a.jsonl')).rejects.toMatchObject({
      code: 'REMOTE_FAILED',
      message: expect.stringMatching(/after 8 attempts: status 503.*run the same command again/),
    });
    web.misbehave = () => ({ status: 400 });
    const before = web.requests;
    await expect(read('/a.jsonl')).rejects.toMatchObject({
      code: 'REMOTE_FAILED',
      message: expect.stringMatching(/after 1 attempt: status 400.*will not help/),
    });
    expect(web.requests - before).toBe(2); // length, then bytes
    await expect(read('/none.jsonl')).rejects.toMatchObject({ code: 'REMOTE_NOT_FOUND' });
  });

  it('does not put two versions of a file together', async () => {
    web.files.set('/a.jsonl', noise(200_000));
    let asked = 0;
    web.misbehave = () => {
      if (asked++ > 0) return undefined;
      web.files.set('/a.jsonl', Buffer.alloc(200_000, 1));
      return 50_000;
    };
    await expect(read('/a.jsonl')).rejects.toMatchObject({ code: 'SHARD_CHANGED' });
  });

  it('shows neither the query of an address nor a password in it', async () => {
    web.files.set('/a.jsonl', noise(10));
    web.misbehave = () => ({ status: 403 });
    const error: unknown = await read('/a.jsonl?signature=topsecret').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'REMOTE_DENIED',
      message: expect.stringContaining('a signed address'),
    });
    expect(String(error)).not.toContain('topsecret');
    const named: unknown = await listShards(
      [web.url.replace('//', '//alice:topsecret@') + '/a.jsonl'],
      '/',
    ).catch((thrown: unknown) => thrown);
    expect(named).toMatchObject({ code: 'REMOTE_FAILED', message: expect.stringContaining('1 attempt') });
    expect(String(named)).not.toContain('topsecret');
  });
});

import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { pace } from '../../../data/remote/retry.ts';
import { askedRange } from './loopback.ts';
import { type Behavior, read, refused, serve, text, total } from './file-server.ts';

describe('a range', () => {
  it.each<[string, Record<string, string | number | undefined>, RegExp]>([
    [
      'of another place',
      { 'content-range': `bytes 0-${total - 11}/${total}` },
      /sent bytes 0-\d+ instead of bytes 10-/,
    ],
    [
      'of more than was asked for',
      { 'content-range': `bytes 10-${total}/${total}` },
      /sent bytes 10-\d+ instead of bytes 10-/,
    ],
    [
      'that goes backwards',
      { 'content-range': `bytes 10-5/${total}` },
      /sent bytes 10-5 instead of bytes 10-/,
    ],
    [
      'of another length than its body',
      { 'content-range': `bytes 10-20/${total}` },
      /sent \d+ bytes as bytes 10-20/,
    ],
    [
      'of a file of unknown length',
      { 'content-range': `bytes 10-${total - 1}/*` },
      /does not say which part/,
    ],
    ['that is not named', { 'content-range': undefined }, /does not say which part.*Content-Range: none/],
    ['in another unit', { 'content-range': `lines 10-${total - 1}/${total}` }, /does not say which part/],
  ])('%s is refused', async (_, get, reason) => {
    const { url } = await serve({ get });
    await expect(read(`${url}/a.jsonl`, 10)).rejects.toEqual(refused(reason));
  });

  it('may be shorter than requested; the rest is requested at once', async () => {
    const { url, requests } = await serve({
      answer: (request, response, body) => {
        const [first] = askedRange(request, total);
        const part = body.subarray(0, 4000);
        response
          .writeHead(206, {
            'content-length': part.length,
            'content-range': `bytes ${first}-${first + part.length - 1}/${total}`,
          })
          .end(part);
      },
    });
    const startMs = performance.now();
    Object.assign(pace, { firstWaitMs: 5000 });
    expect((await read(`${url}/a.jsonl`)).equals(text)).toBe(true);
    Object.assign(pace, { firstWaitMs: 2 });
    expect(performance.now() - startMs).toBeLessThan(2000);
    expect(requests).toHaveLength(1 + Math.ceil(total / 4000));
  });

  it('is not made conditional on a date instead of an ETag', async () => {
    const { url, requests } = await serve({
      answer: (request, response, body) => {
        const [first, last] = askedRange(request, total);
        response.writeHead(206, {
          'content-length': body.length,
          'content-range': `bytes ${first}-${last}/${total}`,
          'last-modified': new Date(1e12).toUTCString(),
        });
        response.write(body.subarray(0, 6000), () =>
          first === 0 ? response.destroy() : response.end(body.subarray(6000)),
        );
      },
    });
    expect((await read(`${url}/a.jsonl`)).equals(text)).toBe(true);
    expect(requests.map(({ headers }) => headers['if-match'])).toEqual([undefined, undefined, undefined]);
  });
});

describe('a body in place of a range', () => {
  const whole = (write: (response: ServerResponse) => void): Behavior => ({
    answer: (_, response) => {
      response.writeHead(200);
      write(response);
    },
  });

  it('is read from its start, completely or as far as needed', async () => {
    const { url } = await serve(whole((response) => response.end(text)));
    expect((await read(`${url}/a.jsonl`)).equals(text)).toBe(true);
    expect((await read(`${url}/a.jsonl`, 0, 100)).equals(text.subarray(0, 100))).toBe(true);
  });

  it('is not read from another offset', async () => {
    const { url } = await serve(whole((response) => response.end(text)));
    await expect(read(`${url}/a.jsonl`, 10, 20)).rejects.toEqual(
      refused(/does not support range requests \(status 200 for bytes 10-19\)/),
    );
  });

  it('must have the announced length', async () => {
    const longer = await serve(
      whole((response) => {
        response.write(text);
        response.end('{"id":"more","text":"One line more."}\n');
      }),
    );
    await expect(read(`${longer.url}/a.jsonl`)).rejects.toEqual(
      refused(new RegExp(`more than the ${total} bytes it announced`)),
    );
    const shorter = await serve(whole((response) => response.end(text.subarray(0, 1000))));
    await expect(read(`${shorter.url}/a.jsonl`)).rejects.toEqual(
      refused(/does not support range requests \(status 200 for bytes 1000-/),
    );
    const never = await serve(whole((response) => response.end()));
    await expect(read(`${never.url}/a.jsonl`)).rejects.toEqual(
      refused(new RegExp(`after 8 attempts: the connection ended ${total} bytes early`)),
    );
  });
});

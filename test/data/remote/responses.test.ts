// Responses of web servers: all the bytes, or an error that says what was wrong, but never fewer bytes
// without an error.

import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { statFile } from '../../../data/files/files.ts';
import { pace } from '../../../data/remote/retry.ts';
import { until } from '../../until.ts';
import { askedRange, startLoopback } from './loopback.ts';
import { type Behavior, read, refused, serve, text, total, servers } from './file-server.ts';

describe('the time of change of a file', () => {
  it('differs between versions if the server only sends ETags', async () => {
    const stateOf = async (etag: string | undefined): Promise<number> =>
      (await statFile(`${(await serve({ first: { etag, 'last-modified': undefined } })).url}/a.jsonl`))
        .modifiedMs;
    const [one, same, other] = [await stateOf('"one"'), await stateOf('"one"'), await stateOf('"two"')];
    expect(same).toBe(one);
    expect(other).not.toBe(one);
    expect(await stateOf(undefined)).toBe(0);
  });
});

describe('the length of a file', () => {
  it.each<[string, Behavior]>([
    ['the answer to a request for its first byte, whatever HEAD says', { head: { 'content-length': 99 } }],
    ['that answer, where it is the whole file', { first: 'whole' }],
    ['HEAD, where that answer leaves it out', { first: 200, head: {} }],
    [
      'HEAD, where that answer says that it is unknown',
      { first: { 'content-range': 'bytes 0-0/*' }, head: {} },
    ],
  ])('is reported by %s', async (_, behavior) => {
    const { url } = await serve(behavior);
    expect((await statFile(`${url}/a.jsonl`)).bytes).toBe(total);
    expect((await read(`${url}/a.jsonl`)).equals(text)).toBe(true);
  });

  it('is reported by a server without ranges, which sends the file only once', async () => {
    const bytes = 50 << 20;
    let isOver = false;
    const server = await startLoopback((_, response) => {
      response.writeHead(200, { 'content-length': bytes }).write(Buffer.alloc(1 << 20));
      response.on('close', () => (isOver = true));
    });
    servers.push(server);
    expect((await statFile(`${server.url}/a.jsonl`)).bytes).toBe(bytes);
    await until(() => isOver);
  });

  it('may be 0 if both requests agree', async () => {
    const { url, requests } = await serve({ file: Buffer.alloc(0), head: {} });
    expect(await read(`${url}/a.jsonl`)).toHaveLength(0);
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
    const oddly = await serve({
      file: Buffer.alloc(0),
      first: { 'content-range': 'bytes 0--1/0' },
      head: {},
    });
    expect(await read(`${oddly.url}/a.jsonl`)).toHaveLength(0);
    const doubtful = await serve({ first: 416, head: {} });
    await expect(read(`${doubtful.url}/a.jsonl`)).rejects.toEqual(
      refused(/does not report the file's length \(status 416/),
    );
    const bodiless = await serve({ first: 200, head: { 'content-length': 0 } });
    await expect(read(`${bodiless.url}/a.jsonl`)).rejects.toEqual(
      refused(/does not report the file's length \(status 200/),
    );
  });

  it.each([400, 401, 403, 405, 501])('must be reported (HEAD: status %i)', async (head) => {
    const { url } = await serve({ first: 200, head });
    await expect(read(`${url}/a.jsonl`)).rejects.toEqual(
      refused(
        /after 1 attempt: the server does not report the file's length \(status 200 without Content-Length\)/,
      ),
    );
  });

  it.each([total - 100, total + 100])('must not change between responses (%i)', async (wrong) => {
    const reason = refused(new RegExp(`a length of ${wrong} bytes and now reports ${total} bytes`));
    const first = { 'content-range': `bytes 0-0/${wrong}` };
    const { url } = await serve({ first });
    await expect(read(`${url}/a.jsonl`)).rejects.toEqual(reason);
    const byHead = await serve({ first: 200, head: { 'content-length': wrong } });
    await expect(read(`${byHead.url}/a.jsonl`)).rejects.toEqual(reason);
    const whole = await serve({
      first,
      answer: (_, response) => void response.writeHead(200, { 'content-length': total }).end(text),
    });
    await expect(read(`${whole.url}/a.jsonl`)).rejects.toEqual(reason);
  });
});

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

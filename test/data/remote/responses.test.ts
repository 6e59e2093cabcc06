// Responses of web servers: all the bytes, or an error that says what was wrong, but never fewer bytes
// without an error.

import { describe, expect, it } from '@jest/globals';
import { statFile } from '../../../data/files/files.ts';
import { until } from '../../until.ts';
import { startLoopback } from './loopback.ts';
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

import { describe, expect, it } from '@jest/globals';
import { openEndpoint } from '../../../models/endpoint/embedder.ts';
import { type Answer, openServer, pace, send } from './embedding-endpoint.ts';

describe('an endpoint that fails for a while', () => {
  it.each<[string, Answer]>([
    ['429', (response) => send(response, 429, 'slow down')],
    ['408', (response) => send(response, 408, { error: 'timeout' })],
    [
      '424',
      (response) => send(response, 424, { message: 'unhandled CUDA error', code: 424, type: 'Backend' }),
    ],
    ['500', (response) => send(response, 500, 'oops')],
    ['503', (response) => send(response, 503, 'loading')],
    ['a connection that breaks', (response) => (response.destroy(), true)],
    ['no answer in time', () => true],
    ['an answer that never ends', (response) => response.writeHead(200).write('{"data": [') || true],
    [
      'half an answer',
      (response) => (
        response.writeHead(200, { 'content-length': '1000' }).write('{"data": ['),
        setTimeout(() => response.destroy(), 20),
        true
      ),
    ],
  ])('is asked again after %s', async (_what, failure) => {
    let failures = 2;
    const { settings, asked } = await openServer(
      (response, number, one) => number > 0 && failures-- > 0 && failure(response, number, one),
    );
    const embedder = await openEndpoint({ ...settings, timeoutSeconds: 1 }, pace);
    expect((await embedder.embed(['abc'])).length).toBe(3);
    expect(asked.length).toBe(4);
  });

  it('gets longer pauses after each failure, or the pause that it requests', async () => {
    const { settings, asked } = await openServer((response, number) => {
      if (number === 0 || number > 3) return false;
      return send(response, 429, 'slow down', number === 3 ? { 'retry-after': '0.3' } : {});
    });
    await (await openEndpoint(settings, pace)).embed(['abc']);
    const waits = asked.slice(2).map(({ atMs }, i) => atMs - (asked[i + 1]?.atMs ?? 0));
    // 20 and 40 ms, of which at least half passes; then the requested pause.
    expect(waits[0]).toBeGreaterThanOrEqual(9);
    expect(waits[1]).toBeGreaterThanOrEqual(19);
    expect(waits[2]).toBeGreaterThanOrEqual(299);
  });

  it('gets the normal pause after "Retry-After: 0", and waits until a date', async () => {
    const until = Math.ceil((Date.now() + 1000) / 1000) * 1000;
    const { settings, asked } = await openServer((response, number) => {
      if (number === 0 || number > 3) return false;
      return send(response, 429, 'slow down', {
        'retry-after': number === 3 ? new Date(until).toUTCString() : '0',
      });
    });
    await (await openEndpoint(settings, pace)).embed(['abc']);
    const waits = asked.slice(2).map(({ atMs }, i) => atMs - (asked[i + 1]?.atMs ?? 0));
    expect(waits[0]).toBeGreaterThanOrEqual(9);
    expect(waits[1]).toBeGreaterThanOrEqual(19);
    expect(Date.now()).toBeGreaterThanOrEqual(until - 5);
  });
});

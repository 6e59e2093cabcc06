import { afterEach, describe, expect, it } from '@jest/globals';
import { fail } from '../../../run/errors/errors.ts';
import { countAttempts, pace, retry } from '../../../data/remote/retry.ts';
import { problemOfStatus, type RemoteProblem } from '../../../data/remote/store.ts';

const usual = { ...pace };
afterEach(() => void Object.assign(pace, usual));

async function waitAfter(problem: RemoteProblem): Promise<number> {
  const startMs = performance.now();
  await countAttempts('https://host/a').failed(problem);
  return performance.now() - startMs;
}

describe('the wait before another attempt', () => {
  it('is the backoff, or a longer Retry-After, up to a limit', async () => {
    Object.assign(pace, { firstWaitMs: 200, longestWaitMs: 600 });
    for (const header of [undefined, '0', 'soon'])
      expect(await waitAfter(problemOfStatus(503, '', header))).toBeGreaterThanOrEqual(99);
    for (const header of ['1', '3600', new Date(Date.now() + 60_000).toUTCString()]) {
      const waitedMs = await waitAfter(problemOfStatus(503, '', header));
      expect(waitedMs).toBeGreaterThanOrEqual(599);
      expect(waitedMs).toBeLessThan(5000);
    }
  });

  it('grows from attempt to attempt', async () => {
    Object.assign(pace, { firstWaitMs: 40, attempts: 4 });
    const startMs = performance.now();
    await expect(
      retry('https://host/a', () => Promise.reject(problemOfStatus(503, '', '0'))),
    ).rejects.toMatchObject({ code: 'REMOTE_FAILED' });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual((40 + 80 + 160) / 2 - 5);
  });
});

describe('what is tried again', () => {
  it.each([408, 424, 425, 429, 500, 502, 503, 504])('status %i is', (status) =>
    expect(problemOfStatus(status, '').kind).toBe('passing'),
  );
  it.each([400, 401, 403, 404, 405, 410, 412, 413, 416, 501])('status %i is not', (status) =>
    expect(problemOfStatus(status, '').kind).not.toBe('passing'),
  );

  it('an error of the catalog is not', async () => {
    let attempts = 0;
    const error = fail('OPTION_INVALID', { option: 'HTTPS_PROXY', got: 'x', allowed: 'y' });
    await expect(
      retry('https://host/a', () => {
        attempts++;
        return Promise.reject(error);
      }),
    ).rejects.toBe(error);
    expect(attempts).toBe(1);
  });
});

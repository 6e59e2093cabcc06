// Limits against clients that send too much, ask too often, or never finish.

import { connect, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { withServer } from '../serve.ts';
import { longTest } from '../../long.ts';

describe('limits', () => {
  it('refuse an address that sends too many requests', async () => {
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

  longTest(
    'disconnect 1,000 clients that never finish their requests, while others get answers',
    async () => {
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
    },
    60_000,
  );
});

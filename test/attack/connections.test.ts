// Connections of many clients, or with unfinished requests, take no more than their share.

import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { makeRows, rankRows, withRun } from '../ranking/synthetic.ts';
import { startServer } from '../server/real-run.ts';
import { withServer } from '../server/serve.ts';
import { longTest } from '../long.ts';
import { readRss } from './load.ts';

const json = { 'Content-Type': 'application/json' };

describe('unfinished bodies', () => {
  longTest(
    'of 200 clients are not all kept in memory, and other clients are answered',
    async () => {
      await withRun(async (run) => {
        await rankRows(run, makeRows(100));
        const { url, child, end } = await startServer(run);
        const { hostname, port } = new URL(url);
        const sockets: Socket[] = [];
        try {
          const before = (await readRss(child.pid ?? 0)) ?? 0;
          const most = 4 << 20;
          const piece = Buffer.alloc(most / 2, 0x20);
          for (let i = 0; i < 200; i++) {
            const socket = connect(Number(port), hostname);
            socket.on('error', () => undefined);
            socket.write(
              `POST /score HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: ` +
                `application/json\r\nContent-Length: ${most}\r\n\r\n`,
            );
            socket.write(piece);
            sockets.push(socket);
          }
          let highest = 0;
          for (let i = 0; i < 20; i++) {
            expect((await fetch(`${url}/rank?keep=0.${i + 10}`)).status).toBe(200);
            // A small body goes past those that wait.
            expect(
              (await fetch(`${url}/jobs`, { method: 'POST', headers: json, body: '{"kind":"nothing"}' }))
                .status,
            ).toBe(400);
            highest = Math.max(highest, (await readRss(child.pid ?? 0)) ?? 0);
            await setTimeout(100);
          }
          expect(highest - before).toBeLessThan(200e6);
        } finally {
          for (const socket of sockets) socket.destroy();
          await end('SIGTERM');
        }
      });
    },
    60_000,
  );
});

describe('connections', () => {
  longTest(
    'of one address do not block those of others',
    async () => {
      if (process.platform !== 'linux') {
        console.log('skipped: elsewhere than on Linux a test has one loopback address');
        return;
      }
      await withServer(
        async ({ url, ask }) => {
          const { hostname, port } = new URL(url);
          const flood: Socket[] = [];
          for (let i = 0; i < 2_100; i++) {
            const socket = connect({ port: Number(port), host: hostname, localAddress: '127.0.0.2' });
            socket.on('error', () => undefined);
            flood.push(socket);
          }
          try {
            for (let i = 0; i < 20; i++)
              expect((await ask('/rank?keep=0.5', { headers: { Connection: 'close' } })).status).toBe(200);
            expect((await ask('/metrics')).text).toMatch(/betr_connections_refused_total [1-9]\d+\n/);
          } finally {
            for (const socket of flood) socket.destroy();
          }
        },
        makeRows(50),
        { connectionsPerAddress: 100 },
      );
    },
    60_000,
  );

  it('of a proxy are not counted; it names the client of each request', async () => {
    await withServer(
      async ({ url, ask }) => {
        const { hostname, port } = new URL(url);
        const kept = Array.from({ length: 20 }, () =>
          connect(Number(port), hostname).on('error', () => undefined),
        );
        try {
          const statuses: number[] = [];
          for (const client of ['10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.2', 'nonsense'])
            statuses.push((await ask('/healthz', { headers: { 'X-Forwarded-For': client } })).status);
          expect(statuses).toEqual([200, 200, 429, 200, 200]);
        } finally {
          for (const socket of kept) socket.destroy();
        }
      },
      makeRows(50),
      { connectionsPerAddress: 5, requestsPerMinute: 2, proxies: ['127.0.0.0/8'] },
    );
    await withServer(
      async ({ ask }) => {
        const statuses: number[] = [];
        for (const client of ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
          statuses.push((await ask('/healthz', { headers: { 'X-Forwarded-For': client } })).status);
        expect(statuses).toEqual([200, 200, 429]);
      },
      makeRows(50),
      { requestsPerMinute: 2 },
    );
    await expect(
      withServer(() => Promise.resolve(), makeRows(50), { proxies: ['proxy.example'] }),
    ).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});

// Stopping and killing the server.

import { request } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { listCalibrations } from '../../../ranking/budget/calibrations.ts';
import { longTest } from '../../long.ts';
import { makeRows, rankRows, withRun } from '../../ranking/synthetic.ts';
import { until } from '../../until.ts';
import { startServer } from '../real-run.ts';
import { jsonHeaders, responseTo, trials } from './fixtures.ts';

describe('a server', () => {
  it('finishes its requests on SIGTERM, accepts no new ones, and ends within 10 s', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(50));
      const { url, end } = await startServer(run);
      const body = JSON.stringify({ name: 'late', runs: trials });
      const sent = request(`${url}/calibrations`, {
        method: 'POST',
        headers: { ...jsonHeaders, 'Content-Length': Buffer.byteLength(body), Expect: '100-continue' },
      });
      // The server has begun to handle the request.
      await new Promise((resolve) => sent.once('continue', resolve));
      sent.write(body.slice(0, 20));
      const startedMs = performance.now();
      const ended = end('SIGTERM');
      await until(
        () =>
          fetch(`${url}/healthz`).then(
            () => false,
            () => true,
          ),
        { what: 'that it accepts no connection' },
      );
      sent.end(body.slice(20));
      expect((await responseTo(sent)).statusCode).toBe(201);
      expect(await ended).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
    });
  });

  longTest('continues after SIGKILL without a trace', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(50));
      for (let round = 0; round < 3; round++) {
        const { url, end } = await startServer(run);
        expect(await (await fetch(`${url}/rank?keep=0.3`)).json()).toMatchObject({
          cutoff: { ofDocuments: 50 },
        });
        const pending = [
          fetch(`${url}/calibrations`, {
            method: 'POST',
            headers: jsonHeaders,
            body: JSON.stringify({ name: 'killed', runs: trials }),
          }),
          fetch(`${url}/compare?budgets=1e20&poolTokens=1T`),
        ];
        await end('SIGKILL');
        await Promise.allSettled(pending);
      }
      // A file is complete or absent.
      for (const { name } of await listCalibrations(run)) expect(name).toBe('killed');
    });
  });
});

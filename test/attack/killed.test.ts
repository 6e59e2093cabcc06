import { readdir } from 'node:fs/promises';
import { describe, expect } from '@jest/globals';
import { makeRows, rankRows, withRun } from '../ranking/synthetic.ts';
import { makeRankedRun, startServer } from '../server/real-run.ts';
import { until } from '../until.ts';
import { longTest } from '../long.ts';

describe('a server that is killed while it streams selections', () => {
  longTest(
    'leaves folders that the next one removes',
    async () => {
      await withRun(async (run) => {
        await rankRows(run, makeRows(900));
        const spills = async (): Promise<string[]> =>
          (await readdir(run.folder)).filter((name) => name.startsWith('spill-'));
        const killed = await startServer(run);
        const asked = Array.from({ length: 3 }, (_, i) =>
          fetch(`${killed.url}/selection?keep=0.${i + 5}`).then((response) => response.arrayBuffer()),
        );
        await until(async () => (await spills()).length > 0, {
          everyMs: 1,
          what: 'that a selection is written',
        });
        await killed.end('SIGKILL');
        await Promise.allSettled(asked);
        const left = await spills();
        expect(left.length).toBeGreaterThan(0);
        const next = await startServer(run);
        expect((await fetch(`${next.url}/selection?keep=0.5`)).status).toBe(200);
        const now = await spills();
        expect(now.filter((name) => left.includes(name))).toEqual([]);
        await next.end('SIGTERM');
        expect(await spills()).toEqual([]);
      });
    },
    60_000,
  );
});

describe('a server that is told to end while it reads texts ahead', () => {
  longTest(
    'ends in order',
    async () => {
      const made = await makeRankedRun();
      try {
        for (let attempt = 0; attempt < 3; attempt++) {
          const server = await startServer(made.run);
          // Of every shard; those are then read whole, behind the answer.
          expect((await fetch(`${server.url}/documents?keep=0.5`)).status).toBe(200);
          expect({ code: await server.end('SIGTERM'), complaints: server.complaints() }).toEqual({
            code: 0,
            complaints: '',
          });
        }
      } finally {
        await made.close();
      }
    },
    60_000,
  );
});

import { readdir } from 'node:fs/promises';
import { describe, expect } from '@jest/globals';
import { readRanking } from '../../ranking/generation.ts';
import { removeUnheld } from '../../ranking/order/retargeted-files.ts';
import { rankRows, withRun } from '../ranking/synthetic.ts';
import { startServer } from '../server/real-run.ts';
import { longTest } from '../long.ts';
import { makeGeneration, mixLoad } from './load.ts';

describe('a server under mixed load', () => {
  longTest(
    'answers every request by 60 sets of benchmarks while generations are published',
    async () => {
      await withRun(async (run) => {
        await rankRows(run, makeGeneration(0));
        const server = await startServer(run);
        try {
          const { answers, failures, published } = await mixLoad(run, server.url, {
            seconds: 12,
            publications: 8,
            clients: 8,
            seed: 1,
          });
          expect(failures.slice(0, 5)).toEqual([]);
          expect(server.complaints()).toBe('');
          expect(published).toBe(8);
          expect(answers).toBeGreaterThan(50);
        } finally {
          expect(await server.end('SIGTERM')).toBe(0);
        }
        // The server has let go of everything. This process still holds the sets that it made of every
        // generation; of the others, only the most recently used sets of the published one may stay.
        const ranking = await readRanking(run);
        await removeUnheld(run, ranking);
        const { held, holders, unheld } = await listRetargeted(run.files.retargeted);
        expect([...holders]).toEqual([process.pid]);
        expect(held.size).toBeGreaterThan(0);
        expect(unheld.filter((set) => !set.startsWith(`${ranking.generation}-`))).toEqual([]);
        expect(unheld.length).toBeLessThanOrEqual(16);
        expect((await readdir(run.folder)).filter((name) => name.startsWith('spill-'))).toEqual([]);
      });
    },
    90_000,
  );
});

/** The sets with scores in the folder, by whether a process holds them, and the ids of these processes. */
async function listRetargeted(
  folder: string,
): Promise<{ held: Set<string>; holders: Set<number>; unheld: string[] }> {
  const files = await readdir(folder);
  const marks = files.filter((file) => file.endsWith('.use'));
  const held = new Set(marks.map((file) => file.slice(0, file.indexOf('.'))));
  const holders = new Set(marks.map((file) => Number(/\.[0-9a-f]{8}-(\d+)-/.exec(file)?.[1])));
  const sets = files
    .filter((file) => file.endsWith('.parquet'))
    .map((file) => file.slice(0, -'.parquet'.length));
  return { held, holders, unheld: sets.filter((set) => !held.has(set)) };
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readRanking } from '../../ranking/generation.ts';
import { removeUnheld } from '../../ranking/order/retargeted-files.ts';
import { rankRows, withRun } from '../ranking/synthetic.ts';
import { startServer } from '../server/real-run.ts';
import { makeGeneration, mixLoad } from './load.ts';

describe('a server under mixed load', () => {
  it('answers every request by 60 sets of benchmarks while generations are published', async () => {
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
      // The server holds nothing any more; this process, which published, holds as many sets as are kept.
      await removeUnheld(run, await readRanking(run));
      const kept = (await readdir(join(run.folder, 'retargeted'))).filter((file) =>
        file.endsWith('.parquet'),
      );
      expect(kept.length).toBeLessThanOrEqual(16 + 16);
      expect((await readdir(run.folder)).filter((name) => name.startsWith('spill-'))).toEqual([]);
    });
  }, 90_000);
});

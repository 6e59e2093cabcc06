import { describe, expect, it } from '@jest/globals';
import { readIndexCard } from '../../../indexer/index-card.ts';
import { runIndex } from '../../../indexer/index.ts';
import { silent } from '../../../run/progress.ts';
import { examplesSchema } from '../../../server/routes/examples.ts';
import { serveRun } from '../../../server/listen.ts';
import { makeRealRun } from '../real-run.ts';
import { ask, withServer } from '../serve.ts';

describe('GET /examples', () => {
  it('gives what the index says of every benchmark', async () => {
    const real = await makeRealRun();
    await runIndex(real.run, silent);
    const server = await serveRun(real.run, { host: '127.0.0.1', port: 0 });
    try {
      const reply = await ask(server.url, '/examples');
      expect(reply.status).toBe(200);
      const { benchmarks, recipeNames } = examplesSchema.parse(reply.json);
      expect(recipeNames).toEqual({ general: 'the general rules' });
      expect(benchmarks).toEqual((await readIndexCard(real.run)).examples);
      expect(benchmarks[0]).toMatchObject({
        benchmark: 'cooking',
        examples: 12,
        recipes: [{ recipe: 'general', rows: 12 }],
        refused: [],
        unused: [],
      });
      expect(benchmarks[0]?.shown.map(({ text }) => text)).toEqual(
        Array.from({ length: 3 }, () => expect.stringMatching(/^What of .*\?\nthat$/)),
      );
    } finally {
      await server.stop(0);
      await real.close();
    }
  });

  it('says what to do where there is no index', async () => {
    await withServer(async ({ ask: asked }) => {
      expect(await asked('/examples')).toMatchObject({
        status: 409,
        json: { code: 'STEP_MISSING', detail: 'There is no index yet. Run "betr index" first.' },
      });
    });
  });
});

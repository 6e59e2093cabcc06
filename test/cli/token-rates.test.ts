// How many tokens a byte of text has, as measured on the corpus by whoever ranks first, or on the sample of an index.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rankingRun, readScorer } from '../../scoring/scorers/list.ts';
import { openRun, type Run } from '../../run/run.ts';
import { readTokenRates, type TokenRates } from '../../indexer/sample/tokens.ts';
import { readRanking } from '../../ranking/generation.ts';
import { serveRun } from '../../server/listen.ts';
import { plainShape, writeModel } from '../classifier/fasttext/write-model.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { ask } from '../server/serve.ts';
import { longTest } from '../long.ts';
import { betr } from './betr.ts';
import { errorOf, writeSettings } from './project.ts';
import { make, nowhere, rank, tests } from './no-index-project.ts';

jest.setTimeout(300_000);

let folder: string;
let bag: BagOfWords;
let run: Run;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-token-rates-'));
  bag = await openBagOfWords();
  run = await make(folder);
  writeModel(join(folder, 'quality.bin'), { ...plainShape, words: ['</s>', 'bake', 'star'] });
  for (const scorer of ['random', 'length']) await rank(folder, scorer);
});
afterAll(async () => {
  await bag.close();
  await rm(folder, { recursive: true });
});

/** What they come to, whatever the state of the files is that they were measured on. */
const without = (rates: TokenRates): unknown => ({ ...rates, sample: '' });

describe('token rates', () => {
  longTest(
    "of an index take the place of the corpus's, and what was ranked by these is not " +
      'compared with what is ranked by those',
    async () => {
      const before = await readFile(run.files.tokens, 'utf8');
      await writeSettings(folder, bag.url, { benchmarks: tests });
      expect((await betr(folder, ['run'])).code).toBe(0);
      const rates = await readTokenRates(run);
      expect(rates.corpusFields).toBeUndefined();
      expect(await readFile(run.files.tokens, 'utf8')).not.toBe(before);
      // The rankings stay as they were published, until they are made anew.
      expect((await betr(folder, ['cutoff', '--scorer', 'length', '--keep', '0.1'])).code).toBe(0);
      const differ = await betr(folder, [
        'evaluate',
        '--scorers',
        'length',
        '--keep',
        '30%',
        '--words',
        '2k',
        '--json',
      ]);
      expect(errorOf(differ.stdout)).toMatchObject({
        code: 'TOKENS_DIFFER',
        message: expect.stringContaining('"betr rank --scorer length"'),
      });
      expect((await betr(folder, ['rank', '--scorer', 'length'])).code).toBe(0);
      const evaluated = await betr(folder, [
        'evaluate',
        '--scorers',
        'betr,random,length',
        '--keep',
        '30%',
        '--words',
        '2k',
        '--json',
      ]);
      expect(JSON.parse(evaluated.stdout)).toMatchObject({
        rankings: [
          { scorer: 'betr', by: 'cross-fit:betr', fitting: 'cross-fitted' },
          { scorer: 'random', by: 'random', fitting: 'learns nothing' },
          { scorer: 'length', by: 'length', fitting: 'learns nothing' },
        ],
      });
      const tokens = await Promise.all(
        ['betr', 'random', 'length'].map(
          async (scorer) => (await readRanking(rankingRun(run, scorer))).tokens,
        ),
      );
      expect(new Set(tokens).size).toBe(1);
      expect(without(await readTokenRates(run))).toEqual(without(rates));
    },
  );

  longTest(
    'an evaluation makes cross-fitted rankings, keeps them, and makes them again for another classifier',
    async () => {
      const evaluate = (...options: string[]): ReturnType<typeof betr> =>
        betr(folder, ['evaluate', '--keep', '30%', '--words', '2k', ...options]);
      const readBoth = async (): Promise<{
        plain: string;
        crossFitted: string;
        crossFits: string | undefined;
      }> => {
        const own = rankingRun(run, 'cross-fit:betr');
        return {
          plain: (await readRanking(run)).scorer.sha256,
          crossFitted: (await readRanking(own)).publishedAt,
          crossFits: (await readScorer(own)).crossFits,
        };
      };
      const before = await readBoth();
      expect(before.crossFits).toBe(before.plain);
      const again = await evaluate();
      expect(again.stdout).toMatch(/Cross-fitted, [^]*: betr\. Learns nothing from the corpus: random\./);
      expect(again.stdout).not.toMatch(/Note: betr/);
      expect(await readBoth()).toEqual(before);
      const inSample = await evaluate('--in-sample', '--scorers', 'betr,cross-fit:betr');
      expect(inSample.stdout).toMatch(/learned from it: cross-fit:betr\.[^]*Note: betr: not cross-fitted\./);
      await rank(folder, 'fasttext:quality.bin');
      expect((await evaluate('--scorers', 'fasttext:quality.bin')).stdout).toMatch(
        /Note: fasttext:quality\.bin: betr does not know what this model learned from/,
      );
      await writeSettings(folder, bag.url, { benchmarks: tests, classifier: { seed: 3 } });
      expect((await betr(folder, ['run'])).code).toBe(0);
      const { stderr } = await evaluate();
      expect(stderr).toMatch(/rank by cross-fit:betr: score/);
      const after = await readBoth();
      expect(after.plain).not.toBe(before.plain);
      expect(after.crossFits).toBe(after.plain);
      expect((await betr(folder, ['cutoff', '--scorer', 'cross-fit:betr', '--keep', '0.1'])).code).toBe(0);
      const server = await serveRun(rankingRun(run, 'cross-fit:betr'), { host: '127.0.0.1', port: 0 });
      try {
        expect((await ask(server.url, '/rank?keep=0.1')).status).toBe(200);
      } finally {
        await server.stop(0);
      }
    },
  );

  it('are the same whoever measures them, and others for other fields', async () => {
    const measured: TokenRates[] = [];
    for (const name of ['one', 'two']) {
      const other = await make(join(folder, name));
      expect(
        (await betr(join(folder, name), ['rank', '--scorer', name === 'one' ? 'random' : 'length'])).code,
      ).toBe(0);
      measured.push(await readTokenRates(other));
    }
    expect(without(measured[0] ?? (await readTokenRates(run)))).toEqual(
      without(measured[1] ?? (await readTokenRates(run))),
    );
    await writeSettings(join(folder, 'two'), nowhere, {
      benchmarks: tests,
      corpus: { files: ['corpus/*'], fields: { source: 'id' } },
    });
    // All tokens are of other sources, which is drift.
    expect((await betr(join(folder, 'two'), ['rank', '--scorer', 'length'])).code).toBe(4);
    expect(
      Object.keys((await readTokenRates(await openRun(join(folder, 'two', 'betr.yaml')))).sources).length,
    ).toBeGreaterThan(100);
    await writeSettings(join(folder, 'two'), nowhere, {
      benchmarks: tests,
      corpus: { files: ['corpus/*'], fields: { source: 'sorce' } },
    });
    expect(
      errorOf((await betr(join(folder, 'two'), ['rank', '--scorer', 'length', '--json'])).stdout),
    ).toMatchObject({ code: 'FIELD_MISSING', values: { found: ['source', 'id', 'text'] } });
  });
});

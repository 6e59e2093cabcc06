// Rankings by scorers that need no index and no embedding, through the real commands: there is no endpoint
// that could embed anything, until there is one.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
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
import { errorOf, jsonl, makeDocuments, makeProject, writeSettings } from './project.ts';

jest.setTimeout(300_000);

const nowhere = 'http://127.0.0.1:1/v1';
const documents = makeDocuments(1200);
const tests = [
  { name: 'cooking', files: ['cooking.jsonl'], tests: ['held-out.jsonl'] },
  { name: 'astronomy', files: ['astronomy.jsonl'] },
];
let folder: string;
let bag: BagOfWords;
let run: Run;

async function make(
  into: string,
  shards = { 'a.jsonl': jsonl(documents.slice(0, 700)), 'b.jsonl.gz': gzipSync(jsonl(documents.slice(700))) },
): Promise<Run> {
  await makeProject(into, nowhere, { shards, settings: { benchmarks: tests } });
  await writeFile(
    join(into, 'held-out.jsonl'),
    jsonl(
      Array.from({ length: 30 }, (_, i) => ({
        question: `How do I bake and stir number ${i}?`,
        answer: 'with butter, flour and salt',
      })),
    ),
  );
  return openRun(join(into, 'betr.yaml'));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-no-index-'));
  bag = await openBagOfWords();
  run = await make(folder);
  writeModel(join(folder, 'quality.bin'), { ...plainShape, words: ['</s>', 'bake', 'star'] });
});
afterAll(async () => {
  await bag.close();
  await rm(folder, { recursive: true });
});

const summary = z.object({
  ranking: z.object({ documents: z.number(), tokens: z.number(), estimatedDocuments: z.number() }),
  notes: z.array(z.string()),
  scores: z.unknown().optional(),
});

async function rank(scorer: string): Promise<z.output<typeof summary>['ranking']> {
  const { code, stdout, stderr } = await betr(folder, ['rank', '--scorer', scorer, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('embed') });
  return summary.parse(JSON.parse(stdout)).ranking;
}

/** What they come to, whatever the state of the files is that they were measured on. */
const without = (rates: TokenRates): unknown => ({ ...rates, sample: '' });

describe('without an index', () => {
  it('scorers that need none rank the corpus, and count the same tokens', async () => {
    const random = await rank('random');
    expect(random).toMatchObject({ documents: 1200, estimatedDocuments: 1200 });
    for (const scorer of ['length', 'fasttext:quality.bin']) expect(await rank(scorer)).toEqual(random);
    const rates = await readTokenRates(run);
    expect(Object.keys(rates.sources)).toEqual(['kitchen', 'space']);
    expect(rates.overall.documents).toBeGreaterThan(300);
    // Within a few parts in a hundred of what the tokenizer gives for all of it.
    const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
    const all = documents.reduce((sum, { text }) => sum + countTokens(text), 0);
    expect(Math.abs(random.tokens / all - 1)).toBeLessThan(0.03);
    // Nor do they need a benchmark, as an index does.
    await writeSettings(folder, nowhere, { benchmarks: [] });
    expect(await rank('random')).toEqual(random);
    expect(errorOf((await betr(folder, ['index', '--json'])).stdout)).toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining('benchmarks: missing'),
    });
    await writeSettings(folder, nowhere, { benchmarks: tests });
    // Those that learn from a sample say what they need.
    for (const scorer of ['dsir', 'head:judge', 'betr'])
      expect(errorOf((await betr(folder, ['rank', '--scorer', scorer, '--json'])).stdout)).toMatchObject({
        code: 'STEP_MISSING',
      });
  });

  it('everything that reads a ranking works', async () => {
    expect((await betr(folder, ['cutoff', '--scorer', 'length', '--keep', '0.1'])).stdout).toMatch(
      /score ≥ \d+/,
    );
    expect((await betr(folder, ['cutoff', '--scorer', 'random', '--budget', '1e20'])).code).toBe(0);
    expect((await betr(folder, ['verify', '--scorer', 'random', '--corpus'])).stdout).toMatch(
      /complete and unaltered/,
    );
    expect((await betr(folder, ['status', '--scorer', 'random'])).stdout).toMatch(
      /Index {7}none yet[^]*Ranking {5}generation[^]*To score {4}nothing/,
    );
    expect(
      (
        await betr(folder, [
          'select',
          '--scorer',
          'fasttext:quality.bin',
          '--keep',
          '0.2',
          '--out',
          'kept',
          '--format',
          'documents',
        ])
      ).code,
    ).toBe(0);
    expect(existsSync(join(folder, 'kept', 'manifest.json'))).toBe(true);
    expect((await betr(folder, ['rank', '--scorer', 'random', '--dry-run'])).code).toBe(0);
    const server = await serveRun(rankingRun(run, 'length'), { host: '127.0.0.1', port: 0 });
    try {
      for (const path of [
        '/',
        '/rank?keep=0.1',
        '/rankings',
        '/readyz',
        '/documents?keep=0.1&limit=3',
        '/curve',
        '/histogram',
        '/composition?keep=0.1',
        '/benchmarks',
      ])
        expect({ path, status: (await ask(server.url, path)).status }).toEqual({ path, status: 200 });
    } finally {
      await server.stop(0);
    }
  });

  it('new shards are scored alone, and drift is told, as the rates stay', async () => {
    const rates = await readTokenRates(run);
    await writeFile(
      join(folder, 'corpus', 'c.jsonl'),
      jsonl(makeDocuments(100, 5000).map((row) => ({ ...row, source: 'other' }))),
    );
    const { stdout } = await betr(folder, ['rank', '--scorer', 'random', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      ranking: { documents: 1300 },
      drift: expect.any(Object),
      shardsScored: 1,
      shardsReused: 2,
    });
    expect(await readTokenRates(run)).toEqual(rates);
    expect((await betr(folder, ['rank', '--scorer', 'random'])).stdout).toMatch(/unchanged/);
    expect((await betr(folder, ['rank', '--scorer', 'length'])).code).toBe(0);
  });

  it('an evaluation makes the random ranking that it needs', async () => {
    await rm(join(folder, 'run', 'rankings', 'random'), { recursive: true });
    const evaluated = await betr(folder, [
      'evaluate',
      '--scorers',
      'length',
      '--keep',
      '30%',
      '--words',
      '2k',
      '--json',
    ]);
    expect(evaluated.code).toBe(0);
    expect(JSON.parse(evaluated.stdout)).toMatchObject({
      rankings: [{ scorer: 'length' }, { scorer: 'random' }],
      fidelity: null,
    });
    expect(await readRanking(rankingRun(run, 'random'))).toMatchObject({ documents: 1300 });
    // Of others it says what is missing.
    expect((await betr(folder, ['evaluate', '--scorers', 'length:x=1', '--keep', '30%'])).stderr).toMatch(
      /no ranking by length:x=1 yet\. Run "betr rank --scorer length:x=1" first/,
    );
    expect((await betr(folder, ['evaluate', '--keep', '30%'])).stderr).toMatch(/Run "betr run" first/);
  });

  it(
    "the rates of an index take the place of the corpus's, and what was ranked by these is not " +
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
      await rank('fasttext:quality.bin');
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

  it('the rates are the same whoever measures them, and others for other fields', async () => {
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

// Rankings by scorers that need no index and no embedding, through the real commands: there is no endpoint
// that could embed anything.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rankingRun } from '../../scoring/scorers/list.ts';
import { type Run } from '../../run/run.ts';
import { readTokenRates } from '../../indexer/sample/tokens.ts';
import { readRanking } from '../../ranking/generation.ts';
import { serveRun } from '../../server/listen.ts';
import { plainShape, writeModel } from '../classifier/fasttext/write-model.ts';
import { ask } from '../server/serve.ts';
import { betr } from './betr.ts';
import { errorOf, jsonl, makeDocuments, writeSettings } from './project.ts';
import { documents, make, nowhere, rank, tests } from './no-index-project.ts';

jest.setTimeout(300_000);

let folder: string;
let run: Run;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-no-index-'));
  run = await make(folder);
  writeModel(join(folder, 'quality.bin'), { ...plainShape, words: ['</s>', 'bake', 'star'] });
});
afterAll(() => rm(folder, { recursive: true }));

describe('without an index', () => {
  it('scorers that need none rank the corpus, and count the same tokens', async () => {
    const random = await rank(folder, 'random');
    expect(random).toMatchObject({ documents: 1200, estimatedDocuments: 1200 });
    for (const scorer of ['length', 'fasttext:quality.bin'])
      expect(await rank(folder, scorer)).toEqual(random);
    const rates = await readTokenRates(run);
    expect(Object.keys(rates.sources)).toEqual(['kitchen', 'space']);
    expect(rates.overall.documents).toBeGreaterThan(300);
    // Within a few parts in a hundred of what the tokenizer gives for all of it.
    const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
    const all = documents.reduce((sum, { text }) => sum + countTokens(text), 0);
    expect(Math.abs(random.tokens / all - 1)).toBeLessThan(0.03);
    // Nor do they need a benchmark, as an index does.
    await writeSettings(folder, nowhere, { benchmarks: [] });
    expect(await rank(folder, 'random')).toEqual(random);
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
});

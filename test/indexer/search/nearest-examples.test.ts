import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silent } from '../../../run/progress.ts';
import { openRun, type Run } from '../../../run/run.ts';
import { runIndex } from '../../../indexer/index.ts';
import { openExampleSearch } from '../../../indexer/search/nearest-examples.ts';
import { type BagOfWords, openBagOfWords } from '../bag-of-words.ts';

let root: string;
let bag: BagOfWords;
let run: Run;
const topics = [
  ['boil', 'bake', 'flour', 'oven', 'butter'],
  ['star', 'orbit', 'planet', 'comet', 'galaxy'],
];
const words = (topic: number, i: number): string =>
  Array.from({ length: 6 }, (_, at) => topics[topic]?.[(i * (at + 2) + at) % 5]).join(' ');

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-near-'));
  bag = await openBagOfWords();
  const write = (name: string, rows: readonly object[]): Promise<void> =>
    writeFile(join(root, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await write(
    'corpus.jsonl',
    Array.from({ length: 40 }, (_, i) => ({ id: `d${i}`, text: `${words(i % 2, i)} ${i}` })),
  );
  await write(
    'cooking.jsonl',
    Array.from({ length: 8 }, (_, i) => ({
      id: `c${i}`,
      text: `${words(0, i)} kitchen ${'a'.repeat(i + 1)}`,
    })),
  );
  await write(
    'space.jsonl',
    Array.from({ length: 8 }, (_, i) => ({ id: `s${i}`, text: `${words(1, i)} sky ${'b'.repeat(i + 1)}` })),
  );
  const benchmarks = ['cooking', 'space'].map((name) => ({ name, files: [`${name}.jsonl`] }));
  await writeFile(
    join(root, 'betr.yaml'),
    JSON.stringify({
      corpus: { files: ['corpus.jsonl'] },
      benchmarks,
      embedding: { model: bag.url, endpointModel: 'bag' },
    }),
  );
  run = await openRun(join(root, 'betr.yaml'));
});
afterAll(async () => {
  await bag.close();
  await rm(root, { recursive: true });
});

describe('the nearest examples of a text', () => {
  it('do not exist before the index', async () => {
    await expect(openExampleSearch(run)).rejects.toMatchObject({ code: 'STEP_MISSING' });
  });

  it('are found by meaning, and only the text is embedded', async () => {
    await runIndex(run, silent);
    bag.texts = [];
    const search = await openExampleSearch(run);
    const near = await search.nearest('planet comet orbit', 16);
    expect(bag.texts).toEqual(['dimensions', 'planet comet orbit']);
    expect(near).toHaveLength(16);
    expect(near.slice(0, 8).map(({ benchmark }) => benchmark)).toEqual(
      Array.from({ length: 8 }, () => 'space'),
    );
    expect(near.map(({ cosine }) => cosine)).toEqual(
      near.map(({ cosine }) => cosine).toSorted((a, b) => b - a),
    );
    const [same] = await search.nearest(near[5]?.text ?? '', 1);
    expect(same).toMatchObject({ example: near[5]?.example, cosine: expect.closeTo(1, 5) });
    await search.close();
  });

  it('are an error if the embedder changed or its vectors are gone', async () => {
    const other = {
      ...run,
      settings: { ...run.settings, embedding: { ...run.settings.embedding, endpointModel: 'other' } },
    };
    await expect(openExampleSearch(other)).rejects.toMatchObject({
      code: 'STEP_MISSING',
      message: expect.stringContaining('betr index'),
    });
    await rm(run.files.vectors, { recursive: true });
    await expect(openExampleSearch(run)).rejects.toMatchObject({
      code: 'STEP_MISSING',
      message: expect.stringContaining('vector'),
    });
  });
});

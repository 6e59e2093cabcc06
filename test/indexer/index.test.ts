import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  access,
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';
import { runIndex } from '../../indexer/index.ts';
import { estimateTokens, readTokenRates } from '../../indexer/sample/tokens.ts';
import { type BagOfWords, openBagOfWords } from './bag-of-words.ts';

const kitchen = [
  'boil',
  'bake',
  'stir',
  'salt',
  'flour',
  'oven',
  'butter',
  'pan',
  'soup',
  'dough',
  'knife',
  'dish',
];
const space = [
  'star',
  'orbit',
  'planet',
  'comet',
  'galaxy',
  'moon',
  'rocket',
  'light',
  'sun',
  'probe',
  'dust',
  'field',
];

/** A few words, in a different order for each number. */
function words(of: readonly string[], number: number): string {
  return Array.from({ length: 8 }, (_, i) => of[(number * (i + 3) + i * i) % of.length]).join(' ');
}

const documents = [
  ...Array.from({ length: 30 }, (_, i) => ({
    id: `kitchen-${i}`,
    source: 'kitchen',
    text: `${words(kitchen, i)} number${'x'.repeat(i % 7)} ${i}`,
  })),
  ...Array.from({ length: 30 }, (_, i) => ({
    id: `space-${i}`,
    source: 'space',
    text: `${words(space, i)} number${'y'.repeat(i % 7)} ${i}`,
  })),
];
const cooking = Array.from({ length: 6 }, (_, i) => ({
  id: `c${i}`,
  question: `How to ${words(kitchen, i + 40)}?`,
  answer: 'slowly',
}));
const astronomy = Array.from({ length: 9 }, (_, i) => ({
  id: `a${i}`,
  question: `Where is ${words(space, i + 50)}?`,
  choices: ['here', 'far'],
  gold: 1,
}));

function lines(rows: readonly unknown[]): string {
  return rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

let root: string;
let bag: BagOfWords;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-index-'));
  bag = await openBagOfWords();
});
afterAll(async () => {
  await bag.close();
  await rm(root, { recursive: true });
});

let number = 0;
beforeEach(() => {
  bag.texts = [];
  bag.failAfter = Infinity;
});

interface Inputs {
  shards?: Readonly<Record<string, readonly unknown[]>>;
  benchmarks?: Readonly<Record<string, readonly unknown[]>>;
  settings?: Readonly<Record<string, unknown>>;
}

/** A run in a temporary folder, with files made of these rows. */
async function makeRun({
  shards = { a: documents.slice(0, 35), b: documents.slice(35) },
  benchmarks = { cooking, astronomy },
  settings = {},
}: Inputs = {}): Promise<Run> {
  const folder = join(root, `run${number++}`);
  await mkdir(join(folder, 'corpus'), { recursive: true });
  for (const [name, rows] of Object.entries(shards))
    await writeFile(join(folder, 'corpus', `${name}.jsonl`), lines(rows));
  for (const [name, rows] of Object.entries(benchmarks))
    await writeFile(join(folder, `${name}.jsonl`), lines(rows));
  const all = {
    corpus: { files: ['corpus/*.jsonl'] },
    benchmarks: Object.keys(benchmarks).map((name) => ({ name, files: [`${name}.jsonl`] })),
    embedding: { model: bag.url, endpointModel: 'bag' },
    ...settings,
  };
  // JSON is YAML.
  await writeFile(join(folder, 'betr.yaml'), JSON.stringify(all));
  return openRun(join(folder, 'betr.yaml'));
}

const row = z.record(z.string(), z.unknown());

async function readRows(path: string, columns = '*'): Promise<z.output<typeof row>[]> {
  return withDuckDb({}, async (connection) =>
    z
      .array(row)
      .parse(
        (
          await connection.runAndReadAll(`SELECT ${columns} FROM read_parquet(${sqlString(path)})`)
        ).getRowObjectsJS(),
      ),
  );
}

describe('betr index', () => {
  it('scores every sampled document and names the example it is for', async () => {
    const run = await makeRun();
    const card = await runIndex(run, silent);
    expect(card).toMatchObject({
      fresh: false,
      corpus: { shards: 2, documents: 60, countedDocuments: 0, quarantined: 0 },
      sample: { documents: 60, duplicateKeys: 0, duplicateTexts: 0 },
      examples: [
        { benchmark: 'cooking', examples: 6, found: 6, duplicates: 0, quarantined: 0 },
        { benchmark: 'astronomy', examples: 6, found: 9, duplicates: 0, quarantined: 0 },
      ],
      embedding: { dimensions: 32, embedded: 72, reused: 0 },
      search: {
        method: 'exact',
        approximate: false,
        nearest: 60,
        hnsw: { recall: 1, nearest: 60, examples: 12 },
      },
      ranks: { documentsPerExample: 5, listed: 60 },
    });
    expect(card.warnings).toEqual([expect.stringContaining('only 5.0 sampled documents per example')]);
    const targets = await readRows(run.files.targets);
    expect(Object.keys(targets[0] ?? {})).toEqual([
      'document',
      'score',
      'best_rank',
      'benchmark',
      'example',
      'cosine',
      'score_cooking',
      'score_astronomy',
    ]);
    expect(targets.map(({ document }) => document)).toEqual(
      (await readRows(run.files.sample)).map(({ document }) => document),
    );
    expect(
      targets
        .map(({ score }) => Number(score))
        .sort((a, b) => b - a)
        .map((score) => Math.round((1 - score) * 60)),
    ).toEqual([...targets.keys()]);
    const won = targets.filter(
      ({ document, benchmark }) => String(document).startsWith('kitchen') === (benchmark === 'cooking'),
    );
    expect(won.length).toBeGreaterThan(54);
    const top = [...targets]
      .sort((a, b) => Number(b['score_astronomy']) - Number(a['score_astronomy']))
      .slice(0, 20);
    expect(top.filter(({ document }) => String(document).startsWith('space')).length).toBeGreaterThan(18);
  });

  it('does nothing if nothing changed, and otherwise only what changed', async () => {
    const run = await makeRun();
    const first = await runIndex(run, silent);
    const asked = bag.texts.length;
    expect(await runIndex(run, silent)).toEqual({ ...first, fresh: true });
    expect(bag.texts.length).toBe(asked);

    await appendFile(
      join(run.settingsFolder, 'corpus', 'b.jsonl'),
      lines([{ id: 'new', source: 'space', text: 'a wholly new comet' }]),
    );
    const second = await runIndex(run, silent);
    expect(second).toMatchObject({
      fresh: false,
      sample: { documents: 61 },
      embedding: { embedded: 1, reused: 72 },
    });
    expect(second.inputs.examples).toBe(first.inputs.examples);
    expect(second.outputs.targets).not.toBe(first.outputs.targets);
    expect(second.outputs.examples).toBe(first.outputs.examples);
  });

  it('gives the same bytes again, in another folder', async () => {
    const [one, two] = [await makeRun(), await makeRun()];
    const first = await runIndex(one, silent);
    const second = await runIndex(two, silent);
    expect(await readRows(two.files.targets)).toEqual(await readRows(one.files.targets));
    expect(second.outputs.index).toBe(first.outputs.index);
    expect(second.outputs.examples).toBe(first.outputs.examples);
  });

  it('continues after a stop', async () => {
    const run = await makeRun();
    // Enough for the twelve examples, but not for the documents.
    bag.failAfter = 30;
    await expect(runIndex(run, silent)).rejects.toThrow();
    expect(await exists(run.files.indexCard)).toBe(false);
    expect(await exists(run.files.targets)).toBe(false);
    bag.failAfter = Infinity;
    expect((await runIndex(run, silent)).embedding).toMatchObject({ embedded: 60, reused: 12 });
    expect(
      (await readdir(run.folder)).filter((name) => name.includes('spill') || name.endsWith('.tmp')),
    ).toEqual([]);
  });

  it('keeps the old index until the new one is complete', async () => {
    const run = await makeRun();
    await runIndex(run, silent);
    const outputs = [
      run.files.indexCard,
      run.files.sample,
      run.files.examples,
      run.files.tokens,
      run.files.index,
      run.files.targets,
    ];
    const readAll = (): Promise<string[]> => Promise.all(outputs.map((path) => readFile(path, 'base64')));
    const before = await readAll();
    await appendFile(
      join(run.settingsFolder, 'corpus', 'a.jsonl'),
      lines(
        Array.from({ length: 40 }, (_, i) => ({
          id: `more-${i}`,
          source: 'space',
          text: `${words(space, i)} more ${i}`,
        })),
      ),
    );
    bag.texts = [];
    bag.failAfter = 10;
    await expect(runIndex(run, silent)).rejects.toThrow();
    expect(await readAll()).toEqual(before);
    bag.failAfter = Infinity;
    expect(await runIndex(run, silent)).toMatchObject({ fresh: false, corpus: { documents: 100 } });
    expect((await runIndex(run, silent)).fresh).toBe(true);
    expect(await readdir(run.folder)).not.toContain('index-next');
  });

  it('makes a damaged file again', async () => {
    const run = await makeRun();
    const first = await runIndex(run, silent);
    for (const path of [
      run.files.index,
      run.files.sample,
      run.files.targets,
      run.files.tokens,
      run.files.indexCard,
    ]) {
      await writeFile(path, (await readFile(path)).subarray(0, 100));
      const again = await runIndex(run, silent);
      expect(again.fresh).toBe(false);
      expect(again.outputs).toEqual(first.outputs);
    }
  });

  it('searches by HNSW if the settings say so, and reports it', async () => {
    const run = await makeRun({ settings: { search: { method: 'hnsw', nearest: 10 } } });
    const card = await runIndex(run, silent);
    expect(card.search).toMatchObject({
      method: 'hnsw',
      approximate: true,
      why: 'search.method in the settings',
    });
    expect(card.warnings).toContainEqual(expect.stringContaining('approximate'));
    const exact = await makeRun({ settings: { search: { method: 'exact', nearest: 10 } } });
    await runIndex(exact, silent);
    expect(await readRows(run.files.targets, 'document, score, best_rank')).toEqual(
      await readRows(exact.files.targets, 'document, score, best_rank'),
    );
  });
});

describe('the sample', () => {
  it('is the same for any order of files and rows', async () => {
    const settings = { sample: { documents: 20, seed: 3 } };
    const straight = await makeRun({ settings });
    const shuffled = await makeRun({
      settings,
      shards: { c: [...documents.slice(20)].reverse(), z: documents.slice(0, 20) },
    });
    const other = await makeRun({ settings: { sample: { documents: 20, seed: 4 } } });
    for (const run of [straight, shuffled, other]) await runIndex(run, silent);
    const sampled = await readRows(straight.files.sample, 'document, source, text');
    expect(sampled.length).toBe(20);
    expect(await readRows(shuffled.files.sample, 'document, source, text')).toEqual(sampled);
    expect(await readRows(other.files.sample, 'document, source, text')).not.toEqual(sampled);
    expect(await readRows(shuffled.files.targets)).toEqual(await readRows(straight.files.targets));
  });

  it('drops and counts later rows of a key and later documents of a text', async () => {
    const shards = {
      a: [...documents, { id: 'kitchen-0', text: 'the same key again', source: 'late' }],
      b: [{ id: 'copy', source: 'late', text: documents[5]?.text }],
    };
    const run = await makeRun({ shards });
    const card = await runIndex(run, silent);
    expect(card).toMatchObject({
      corpus: { documents: 62 },
      sample: { documents: 60, duplicateKeys: 1, duplicateTexts: 1 },
    });
    const sampled = await readRows(run.files.sample);
    expect(new Set(sampled.map(({ text }) => text)).size).toBe(60);
    expect(sampled.find(({ document }) => document === 'kitchen-0')).toMatchObject({
      shard: 'corpus/a.jsonl',
      text: documents[0]?.text,
    });
  });

  it('counts invalid rows and continues; without a usable row it fails', async () => {
    const bad = ['{"id": "half', { id: 'empty', text: '' }, { id: 'number', text: 5 }];
    const card = await runIndex(await makeRun({ shards: { a: [...documents, ...bad] } }), silent);
    expect(card.corpus).toMatchObject({
      documents: 60,
      quarantined: 3,
      withoutDocuments: { unusable: 0, empty: 0, first: [] },
    });
    const reason = 'field "text" is empty';
    await expect(
      runIndex(await makeRun({ shards: { a: bad.slice(1), b: [] } }), silent),
    ).rejects.toMatchObject({
      code: 'NO_DOCUMENTS',
      values: { files: 2, quarantined: 2, reasons: [`corpus/a.jsonl (row 0: ${reason})`] },
    });
    const some = await runIndex(
      await makeRun({ shards: { a: documents, b: bad.slice(1), c: [], d: [], e: bad.slice(1) } }),
      silent,
    );
    expect(some.corpus.withoutDocuments).toEqual({
      unusable: 2,
      empty: 2,
      first: ['b', 'e'].map((name) => ({ shard: `corpus/${name}.jsonl`, badRows: 2, row: 0, reason })),
    });
    expect(some.warnings).toEqual(
      expect.arrayContaining([
        `2 shards have no usable row: corpus/b.jsonl (row 0: ${reason}), corpus/e.jsonl (row 0: ${reason})`,
      ]),
    );
  });

  it("keeps the documents' own token counts, and measures rates by source for the others", async () => {
    const shards = { a: [...documents, { id: 'own', source: 'counted', text: 'ten bytes.', tokens: 5 }] };
    const run = await makeRun({ shards });
    const card = await runIndex(run, silent);
    expect(card.corpus).toMatchObject({ countedDocuments: 1, countedTokens: 5 });
    const own = (await readRows(run.files.sample)).filter(({ tokens }) => tokens !== null);
    expect(own).toMatchObject([{ document: 'own', tokens: 5 }]);
    const rates = await readTokenRates(run);
    // By the tokenizer, whatever the document's own count is.
    expect(rates.sources['counted']).toEqual({ documents: 1, bytes: 10, tokens: 3, tokensPerByte: 0.3 });
    expect(rates.sources['kitchen']?.tokensPerByte).toBeGreaterThan(0.15);
    expect(rates.sources['kitchen']?.tokensPerByte).toBeLessThan(0.6);
    expect(estimateTokens(rates, 'counted', 1000)).toBe(300);
    expect(estimateTokens(rates, 'constructor', 1000)).toBe(Math.round(1000 * rates.overall.tokensPerByte));
    expect(estimateTokens(rates, 'counted', 0)).toBe(1);
  });
});

describe('the examples', () => {
  it('are equally many for each benchmark, the same for any order of rows, and each text once', async () => {
    const one = await makeRun({
      benchmarks: { cooking: [...cooking, { ...cooking[0], id: 'z' }], astronomy },
    });
    const two = await makeRun({
      benchmarks: { cooking: [...cooking].reverse(), astronomy: [...astronomy].reverse() },
    });
    const card = await runIndex(one, silent);
    await runIndex(two, silent);
    expect(card.examples).toMatchObject([
      { examples: 6, found: 7, duplicates: 1 },
      { examples: 6, found: 9 },
    ]);
    expect(await readRows(two.files.examples)).toEqual(await readRows(one.files.examples));
    expect((await readRows(one.files.examples))[0]).toMatchObject({
      benchmark: 'cooking',
      text: expect.stringMatching(/^How to .*\?\nslowly$/),
    });
  });

  it('are all of them, up to the cap, if the settings say so', async () => {
    const run = await makeRun({ settings: { examples: { equal: false, perBenchmark: 8 } } });
    expect((await runIndex(run, silent)).examples).toMatchObject([{ examples: 6 }, { examples: 8 }]);
  });

  it('leave out invalid rows and report the reason', async () => {
    const run = await makeRun({
      benchmarks: {
        cooking: [
          ...cooking,
          { question: 'Why?' },
          'not json',
          { question: 'Which?', choices: ['a'], gold: 7 },
        ],
        astronomy,
      },
    });
    expect((await runIndex(run, silent)).examples[0]).toMatchObject({ examples: 6, quarantined: 3 });
    const files = (await readdir(run.files.quarantine, { recursive: true })).filter((name) =>
      name.endsWith('.jsonl'),
    );
    const text = (
      await Promise.all(files.map((name) => readFile(join(run.files.quarantine, name), 'utf8')))
    ).join('');
    expect(text).toMatch(/gold is \\"7\\"/);
    expect(text).toMatch(/no answer/);
  });

  it('fail if a benchmark has none, or if a template uses a field that no row has', async () => {
    await expect(
      runIndex(await makeRun({ benchmarks: { cooking, none: [{ question: 'Why?' }] } }), silent),
    ).rejects.toMatchObject({ code: 'NO_EXAMPLES', values: { benchmark: 'none', quarantined: 1 } });
    const template = await makeRun({
      settings: {
        benchmarks: [{ name: 'cooking', files: ['cooking.jsonl'], template: '{question}\n{reply}' }],
      },
    });
    await expect(runIndex(template, silent)).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining(
        'benchmarks[0].template: no row has a field "reply"; they have answer, id, question',
      ),
    });
  });
});

describe('with the default model', () => {
  const model = resolve(
    process.env['BETR_SHARED'] ?? join(dirname(process.cwd()), 'shared'),
    'models',
    'Xenova',
    'all-MiniLM-L6-v2',
  );
  it('ranks cooking texts near cooking questions', async () => {
    if (!(await exists(model))) {
      process.stdout.write(`skipped: no model at ${model}\n`);
      return;
    }
    const run = await makeRun({ settings: { embedding: { model, device: 'cpu', dtype: 'q8' } } });
    const card = await runIndex(run, silent);
    expect(card.embedding.dimensions).toBe(384);
    const top = (await readRows(run.files.targets))
      .sort((a, b) => Number(b['score_cooking']) - Number(a['score_cooking']))
      .slice(0, 10);
    expect(top.map(({ document }) => String(document).replace(/-.*/, ''))).toEqual(top.map(() => 'kitchen'));
    await rename(run.files.vectors, `${run.files.vectors}-moved`);
    expect((await runIndex(run, silent)).fresh).toBe(true);
  });
});

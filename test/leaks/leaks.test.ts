import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { openRandom } from '../../data/seeded-random.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';
import { readLeaks } from '../../leaks/leaks-card.ts';
import { findLeaks } from '../../leaks/leaks.ts';
import { longTest } from '../long.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-leaks-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Row = Record<string, unknown>;
const lines = (rows: readonly Row[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const run13 = 'which of these planets is the largest in our own solar system today';

async function makeRun(
  name: string,
  shards: Record<string, Buffer | string>,
  tests: readonly Row[],
  train: readonly Row[] = [{ question: 'Q?', answer: 'A' }],
): Promise<Run> {
  const place = join(folder, name);
  await mkdir(place, { recursive: true });
  for (const [file, content] of Object.entries(shards)) await writeFile(join(place, file), content);
  await writeFile(join(place, 'test.jsonl'), lines(tests));
  await writeFile(join(place, 'train.jsonl'), lines(train));
  await writeFile(
    join(place, 'betr.yaml'),
    'corpus: {files: ["corpus*"]}\nbenchmarks: [{name: quiz, files: [train.jsonl]}]\nworkers: ' +
      '2\nscoring: {chunkMegabytes: 0.002}\n',
  );
  return openRun(join(place, 'betr.yaml'));
}

const leakRow = z.object({
  shard: z.string(),
  row: z.number(),
  document: z.string(),
  benchmark: z.string(),
  item: z.string(),
  passage: z.string(),
});

async function readTable(run: Run): Promise<z.output<typeof leakRow>[]> {
  return withDuckDb({}, async (connection) =>
    z
      .array(leakRow)
      .parse(
        (
          await connection.runAndReadAll(
            `SELECT * REPLACE ("row"::DOUBLE AS "row") FROM read_parquet(${sqlString(run.files.leakTable)})`,
          )
        ).getRowObjects(),
      ),
  );
}

describe('betr leaks', () => {
  const filler = (i: number): string =>
    `Document ${i} tells of other things, such as gardens, rivers and the weather of the north in winter.`;
  const tests = [
    {
      id: 't1',
      benchmark: 'quiz',
      question: 'Tell me: which of these planets is the largest in our own solar system today?',
      answer: 'Jupiter',
    },
    { id: 't2', benchmark: 'quiz', question: 'Why do cats purr at night near us?', answer: 'warmth' },
    { id: 't3', benchmark: 'quiz', question: 'Short?', answer: 'yes' },
    {
      id: 't4',
      benchmark: 'secret',
      question: 'a question whose answer is kept secret by those who made the whole test',
    },
    { id: 't5', benchmark: 'secret', note: 'nothing that is a question' },
  ];
  const rows = (name: string, count: number, leaks: Record<number, string>): Row[] =>
    Array.from({ length: count }, (_, i) => ({
      id: `${name}-${i}`,
      text: leaks[i] === undefined ? filler(i) : `${filler(i)} ${leaks[i]} ${filler(i)}`,
    }));
  const shards = {
    'corpus-1.jsonl': lines(
      rows('plain', 40, { 7: run13.toUpperCase(), 9: 'Why do cats purr? At night... near us! Warmth' }),
    ),
    'corpus-2.jsonl.gz': gzipSync(
      lines(
        rows('packed', 30, {
          0: `${run13}, ${run13.slice(0, -6)}`,
          29: 'a question whose answer is kept secret by those who made the test',
        }),
      ),
    ),
  };

  it('finds exactly the planted items, in any format', async () => {
    const run = await makeRun('planted', shards, tests, [
      { id: 'e1', question: 'Why do cats PURR at night near us', answer: 'Warmth' },
      { id: 'e2', question: 'Other?', answer: 'yes' },
    ]);
    await withDuckDb({}, (connection) =>
      connection.run(
        `COPY (SELECT 'table-' || i AS id, CASE WHEN i = 3 THEN 'So: ${run13}!' ELSE 'row ' || i END AS ` +
          `text FROM range(10) t(i)) TO ${sqlString(join(folder, 'planted', 'corpus-3.parquet'))}`,
      ),
    );
    const result = await findLeaks(run, { tests: ['test.jsonl'] }, silent);
    expect(
      (await readTable(run)).map(({ shard, row, document, item }) => [shard, row, document, item]),
    ).toEqual([
      ['corpus-1.jsonl', 7, 'plain-7', 't1'],
      ['corpus-1.jsonl', 9, 'plain-9', 't2'],
      ['corpus-2.jsonl.gz', 0, 'packed-0', 't1'],
      ['corpus-3.parquet', 3, 'table-3', 't1'],
    ]);
    expect(result).toMatchObject({
      documents: 4,
      passages: 4,
      corpus: { documents: 80 },
      testRowsQuarantined: 1,
    });
    expect(result.benchmarks).toMatchObject([
      {
        benchmark: 'quiz',
        items: 3,
        unchecked: 1,
        touched: 2,
        documents: 4,
        identical: 1,
        identicalPairs: [{ item: 't2', benchmark: 'quiz', example: 'e1' }],
      },
      { benchmark: 'secret', items: 1, unchecked: 0, touched: 0, documents: 0, worst: [], identical: 0 },
    ]);
    expect(result.benchmarks[0]?.worst[0]).toMatchObject({ words: 13 });
    const { scan, ...card } = result;
    expect(scan).toMatchObject({ chunksScanned: 4, chunksReused: 0 });
    expect(await readLeaks(run)).toEqual(card);
  });

  longTest('scans only new chunks, and everything for other tests', async () => {
    const run = await makeRun('again', shards, tests);
    const first = await findLeaks(run, { tests: ['test.jsonl'] }, silent);
    const table = readFileSync(run.files.leakTable);
    const second = await findLeaks(run, { tests: ['test.jsonl'] }, silent);
    expect(second.scan).toMatchObject({ chunksScanned: 0, chunksReused: 3 });
    expect({ ...second, scan: undefined }).toEqual({ ...first, scan: undefined });
    expect(readFileSync(run.files.leakTable).equals(table)).toBe(true);
    await writeFile(join(folder, 'again', 'corpus-0.jsonl'), lines([{ id: 'new', text: `x ${run13} y` }]));
    expect(await findLeaks(run, { tests: ['test.jsonl'] }, silent)).toMatchObject({
      documents: first.documents + 1,
      scan: { chunksScanned: 1, chunksReused: 3 },
    });
    expect((await findLeaks(run, { tests: ['test.jsonl'], runWords: 8 }, silent)).scan.chunksScanned).toBe(4);
    expect((await readdir(run.files.leakParts)).length).toBe(4);
  });

  it('names missing test files, and tests without text', async () => {
    const run = await makeRun('none', shards, [{ note: 'no text' }]);
    await expect(findLeaks(run, { tests: ['test.jsonl'] }, silent)).rejects.toMatchObject({
      code: 'NO_EXAMPLES',
    });
    await expect(findLeaks(run, { tests: ['gone.jsonl'] }, silent)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    const unusable = await makeRun(
      'unusable',
      { 'corpus-1.jsonl': lines([{ content: run13 }, { text: '' }]) },
      tests,
    );
    await expect(findLeaks(unusable, { tests: ['test.jsonl'] }, silent)).rejects.toMatchObject({
      code: 'NO_DOCUMENTS',
      values: { files: 1, quarantined: 2 },
    });
    await expect(readLeaks(run)).rejects.toMatchObject({ code: 'STEP_MISSING' });
  });
});

const shared = resolve(process.env['BETR_SHARED'] ?? '../shared', 'data');
if (!existsSync(shared)) console.log(`${shared} is absent: leaks are not planted among real documents.`);

(existsSync(shared) ? describe : describe.skip)('on real documents', () => {
  longTest(
    'finds exactly the planted items',
    async () => {
      const random = openRandom(11);
      const pick = (count: number): number => Math.floor(random() * count);
      const rowSchema = z.object({ id: z.string(), text: z.string() });
      const itemSchema = z.object({ id: z.string(), benchmark: z.string(), text: z.string() });
      const names = (await readdir(join(shared, 'benchmarks'))).sort();
      const items = names.flatMap((name) =>
        readFileSync(join(shared, 'benchmarks', name, 'test.jsonl'), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => itemSchema.parse(JSON.parse(line))),
      );
      const wordCount = (text: string): number => text.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
      const checkable = items.filter(({ text }) => wordCount(text) >= 8);
      const documents = (await readdir(join(shared, 'pool')))
        .filter((file) => file.endsWith('.jsonl.gz'))
        .sort()
        .slice(0, 2)
        .flatMap((file) =>
          gunzipSync(readFileSync(join(shared, 'pool', file)))
            .toString()
            .trimEnd()
            .split('\n')
            .map((line) => rowSchema.parse(JSON.parse(line))),
        );
      const planted = new Map<string, string>();
      for (let i = 0; i < 200; i++) {
        const item = checkable[pick(checkable.length)];
        const document = documents[pick(documents.length)];
        if (item === undefined || document === undefined || planted.has(document.id)) continue;
        // Between two words, so no word is created or broken.
        const at = document.text.indexOf(' ', pick(document.text.length)) + 1;
        const planting = item.text.toUpperCase().toLowerCase();
        document.text = `${document.text.slice(0, at)} ${planting} ${document.text.slice(at)}`;
        planted.set(document.id, item.id);
      }
      const run = await makeRun(
        'pool',
        { 'corpus.jsonl.gz': gzipSync(lines(documents), { level: 1 }) },
        items,
      );
      const result = await findLeaks(run, { tests: ['test.jsonl'] }, silent);
      const table = await readTable(run);
      const foundIn = new Set(table.map(({ document }) => document));
      expect([...planted.keys()].filter((document) => !foundIn.has(document))).toEqual([]);
      expect([...foundIn].filter((document) => !planted.has(document))).toEqual([]);
      for (const [document, item] of planted)
        expect(table.some((row) => row.document === document && row.item === item)).toBe(true);
      console.log(
        `${documents.length} documents, ${items.length} test items (${items.length - checkable.length} ` +
          `too short): ${planted.size} planted, ${foundIn.size} found`,
      );
      expect(result.benchmarks.reduce((sum, { unchecked }) => sum + unchecked, 0)).toBe(
        items.length - checkable.length,
      );
    },
    600_000,
  );
});

import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { readLeaks } from '../../leaks/leaks-card.ts';
import { findLeaks } from '../../leaks/leaks.ts';
import { longTest } from '../long.ts';
import { folder, lines, makeRun, readTable, type Row } from './leak-run.ts';

const run13 = 'which of these planets is the largest in our own solar system today';

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

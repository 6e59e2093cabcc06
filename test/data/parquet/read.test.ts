import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parquetSource, sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { readParquet } from '../../../data/parquet/read.ts';
import { openQuarantine } from '../../../data/files/quarantine.ts';
import { defaultFields, readAll, withFolder } from '../collect.ts';
import { longTest, rounds } from '../../long.ts';

/** Writes the rows of a query as Parquet. */
async function writeRows(path: string, query: string, options = 'ROW_GROUP_SIZE 2048'): Promise<void> {
  await withDuckDb({}, async (connection) => {
    await connection.run(`COPY (${query}) TO ${sqlString(path)} (FORMAT parquet, ${options})`);
  });
}

async function withParquet<T>(query: string, use: (path: string) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const path = join(folder, 'a.parquet');
    await writeRows(path, query);
    return use(path);
  });
}

const value = (text: string | null): string => (text === null ? 'NULL' : sqlString(text));

describe('the Parquet reader', () => {
  longTest(
    'reads books, of which a row group does not fit into the memory that most files need',
    async () => {
      const books =
        `SELECT 'book ' || i AS id, i || repeat(chr((65 + i % 26)::INTEGER) || ' page', ` +
        '150_000) AS text FROM range(120) t(i)';
      await withParquet(books, async (path) => {
        await withDuckDb({ threads: 1, memoryMb: 128 }, async (connection) => {
          const { size, mtimeMs } = await stat(path);
          const quarantine = openQuarantine(`${path}.bad`);
          const documents: string[] = [];
          let bytes = 0;
          for await (const batch of readParquet(
            { name: 'books', path, format: 'parquet', bytes: size, modifiedMs: mtimeMs },
            defaultFields,
            { quarantine, connection },
          )) {
            documents.push(...batch.documents);
            bytes += batch.text.length;
          }
          await quarantine.close();
          expect(documents).toEqual(Array.from({ length: 120 }, (_, i) => `book ${i}`));
          expect(bytes).toBeGreaterThan(100e6);
        });
      });
    },
  );

  it('reads what is in the columns, and quarantines rows without a text or with a count that is none', async () => {
    const text = fc.oneof(
      { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
      { weight: 1, arbitrary: fc.constantFrom(null, '', ' \n', 'a\0b') },
    );
    const id = fc.option(fc.string({ unit: 'grapheme', maxLength: 30 }), { freq: 4 });
    const tokens = fc.option(
      fc.oneof(
        { weight: 5, arbitrary: fc.nat({ max: 1000 }) },
        { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, 1e9, 1e9 + 1, 2 ** 60) },
      ),
      { freq: 4 },
    );
    const rows = fc.array(fc.record({ id, text, source: id, tokens }), { minLength: 1, maxLength: 12 });
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await fc.assert(
        fc.asyncProperty(rows, async (all) => {
          const values = all.map(
            (row) =>
              `(${value(row.id)}::VARCHAR, ${value(row.text)}::VARCHAR, ${value(row.source)}::VARCHAR, ` +
              `${row.tokens ?? 'NULL'}::DOUBLE)`,
          );
          await writeRows(path, `SELECT * FROM (VALUES ${values.join(', ')}) t(id, "text", source, tokens)`);
          const bad = all.map((row) => {
            if (row.text === null) return 'field "text" is missing';
            if (Buffer.from(row.text).every((byte) => byte <= 0x20)) return 'field "text" is empty';
            if (row.tokens !== null && row.tokens > 1e9)
              return `field "tokens" is ${row.tokens}, but a document can have at most 1000000000 tokens`;
            return row.tokens === null || (Number.isInteger(row.tokens) && row.tokens >= 0)
              ? undefined
              : 'field "tokens" is not a whole number of tokens';
          });
          const { documents, quarantined } = await readAll(path);
          expect(quarantined).toEqual(
            bad.flatMap((reason, position) => (reason === undefined ? [] : [{ position, reason }])),
          );
          const good = all.flatMap((row, at) =>
            bad[at] === undefined
              ? [
                  {
                    row: at,
                    document: row.id === null || row.id === '' ? `shard#${at}` : row.id,
                    source: row.source ?? '',
                    tokens: row.tokens,
                    text: row.text,
                  },
                ]
              : [],
          );
          expect(documents).toEqual(good);
        }),
        { numRuns: rounds(80), seed: 20260103 },
      );
    });
  });

  it('goes over many row groups, in order', async () => {
    await withParquet(
      `SELECT 'd' || range AS id, 'the text of ' || range AS text FROM range(20000)`,
      async (path) => {
        const { documents, batches } = await readAll(path);
        expect(documents.length).toBe(20_000);
        expect(
          documents.every(
            ({ row, document, text }, i) => row === i && document === `d${i}` && text === `the text of ${i}`,
          ),
        ).toBe(true);
        expect(batches).toBeGreaterThan(4);
      },
    );
  });

  it.each([
    ['TINYINT', '7'],
    ['UBIGINT', '7'],
    ['HUGEINT', '7'],
    ['DECIMAL(9, 2)', '7'],
    ['FLOAT', '7'],
  ])('takes %s for a count, and whole numbers, UUIDs and dates for names', async (type, count) => {
    await withParquet(
      `SELECT 12345678901234567::BIGINT AS id, DATE '2026-01-02' AS source, ${count}::${type} AS ` +
        `tokens, encode('bytes') AS text`,
      async (path) => {
        expect((await readAll(path)).documents).toEqual([
          { row: 0, document: '12345678901234567', source: '2026-01-02', tokens: 7, text: 'bytes' },
        ]);
      },
    );
  });

  it('finds fields inside structs, and columns whose very name has a dot', async () => {
    await withParquet(`SELECT {'text': 'inside', 'n': 4} AS doc, 'dotted' AS "a.b"`, async (path) => {
      const fields = { ...defaultFields, text: 'doc.text', tokens: 'doc.n', id: 'a.b' };
      expect((await readAll(path, { fields })).documents).toEqual([
        { row: 0, document: 'dotted', source: '', tokens: 4, text: 'inside' },
      ]);
    });
    await withParquet(
      `SELECT {'c.d': {'text': 'deep', 'n': 4}, 'c': {'d': {'n': 5, 'id': 'short key'}}} AS "a.b", ` +
        `{'b': {'c': {'d': {'n': 6}}}} AS a`,
      async (path) => {
        const fields = { id: 'a.b.c.d.id', text: 'a.b.c.d.text', source: 'a.b.c.d.n', tokens: 'a.b.c.d.n' };
        expect((await readAll(path, { fields })).documents).toEqual([
          { row: 0, document: 'short key', source: '4', tokens: 4, text: 'deep' },
        ]);
      },
    );
  });

  it.each<[string, string, Partial<typeof defaultFields>, RegExp]>([
    ['no text', `SELECT 'x' AS content, 1 AS id`, {}, /no column "text"; it has content, id/],
    [
      'no column of the name set',
      `SELECT 'x' AS text`,
      { tokens: 'n_tokens' },
      /no column "n_tokens"; it has text/,
    ],
    [
      'no such field in a struct',
      `SELECT {'a': 'x'} AS doc`,
      { text: 'doc.text' },
      /no column "doc.text"; it has doc/,
    ],
    ['a text that is a number', 'SELECT 5 AS text', {}, /"text" of .* has type INTEGER/],
    ['a text that is a list', `SELECT ['a'] AS text`, {}, /"text" of .* has type VARCHAR\[\]/],
    ['counts that are words', `SELECT 'x' AS text, 'many' AS tokens`, {}, /"tokens" of .* has type VARCHAR/],
    ['names that are structs', `SELECT 'x' AS text, {'a': 1} AS id`, {}, /"id" of .* has type STRUCT/],
  ])('refuses a file with %s', async (_what, query, fields, message) => {
    await withParquet(query, async (path) => {
      await expect(readAll(path, { fields: { ...defaultFields, ...fields } })).rejects.toMatchObject({
        code: expect.stringMatching(/^COLUMN_(MISSING|TYPE)$/),
        message: expect.stringMatching(message),
      });
    });
  });

  it('quarantines bytes that are not UTF-8', async () => {
    await withParquet(`SELECT unnest([encode('good'), '\\xFF\\xFE'::BLOB]) AS text`, async (path) => {
      expect(await readAll(path)).toMatchObject({
        documents: [{ text: 'good' }],
        quarantined: [{ position: 1, reason: 'not valid UTF-8' }],
      });
    });
  });

  it('refuses a file that is cut short anywhere, or is none', async () => {
    await withParquet(
      `SELECT 'd' || range AS id, 'the text of ' || range AS text FROM range(300)`,
      async (path) => {
        const whole = await readFile(path);
        for (let length = 0; length < whole.length; length += 101) {
          await writeFile(path, whole.subarray(0, length));
          await expect(readAll(path)).rejects.toMatchObject({
            code: 'FILE_UNREADABLE',
            message: expect.stringContaining(path),
          });
        }
        await writeFile(path, 'PAR1 but no more than that PAR1');
        await expect(readAll(path)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
      },
    );
  });

  it('refuses a file that is damaged in any place of its texts, however much of it is whole before', async () => {
    await withParquet(
      `SELECT 'd' || range AS id, repeat(md5(range::VARCHAR), 10) AS text FROM range(30000)`,
      async (path) => {
        const whole = await readFile(path);
        for (const part of [0.1, 0.35, 0.6, 0.85]) {
          const at = Math.floor(part * whole.length);
          await writeFile(
            path,
            Buffer.concat([whole.subarray(0, at), Buffer.alloc(6000, 0x5a), whole.subarray(at + 6000)]),
          );
          await expect(readAll(path)).rejects.toMatchObject({
            code: 'FILE_UNREADABLE',
            message: expect.stringContaining(path),
          });
        }
      },
    );
  });

  it('takes paths for what they are: brackets are no patterns, and folders named a=b are no columns', async () => {
    await withFolder(async (folder) => {
      const deep = join(folder, 'source=elsewhere', 'part[12]*');
      await mkdir(deep, { recursive: true });
      const path = join(deep, 'a[1].parquet');
      await writeRows(path, `SELECT 'x' AS text, 'own' AS source`);
      await writeRows(join(deep, 'a1.parquet'), `SELECT 'another file' AS text`);
      expect((await readAll(path)).documents).toMatchObject([{ text: 'x', source: 'own' }]);
      const both = await withDuckDb({}, async (connection) =>
        (await connection.runAndReadAll(`SELECT source FROM ${parquetSource([path, path])}`)).getRows(),
      );
      expect(both).toEqual([['own'], ['own']]);
    });
  });
});

it('a string in SQL is that string, whatever it holds', async () => {
  await withDuckDb({}, async (connection) => {
    for (const text of ["it's", '', '\0', 'a\0b\0', "'; DROP TABLE x; --\0", '🦉\u2028\\n']) {
      expect((await connection.runAndReadAll(`SELECT ${sqlString(text)} AS text`)).getRows()).toEqual([
        [text],
      ]);
    }
  });
});

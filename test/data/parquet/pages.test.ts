import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { findColumn } from '../../../data/parquet/columns.ts';
import { readFooter } from '../../../data/parquet/footer.ts';
import { findTextPages, largePageBytes, openPageTexts, type TextPages } from '../../../data/parquet/pages.ts';
import type { Text } from '../../../data/parquet/values.ts';
import { readAll, withFolder } from '../collect.ts';
import {
  allThere,
  type Page,
  pageHeader,
  pageOf,
  plainValues,
  varInt,
  writeParquet,
  type WrittenColumn,
} from './write.ts';
import { rounds } from '../../long.ts';

const codecs = ['snappy', 'zstd', 'gzip', 'uncompressed'];

async function write(path: string, query: string, options: string): Promise<void> {
  await withDuckDb({ threads: 1 }, async (connection) => {
    await connection.run(`COPY (${query}) TO ${sqlString(path)} (FORMAT parquet, ${options})`);
  });
}

/** The pages of the file's row groups, however small they are. */
async function findPages(path: string, column = 'text', minBytes = 0): Promise<TextPages[]> {
  const footer = await readFooter(path);
  const leaf = findColumn(footer.root, column)?.at(-1);
  return leaf === undefined ? [] : findTextPages(footer, leaf, minBytes);
}

/** All texts of a row group, taken so many at once. */
async function takeAll(
  path: string,
  pages: TextPages,
  most = 1000,
  { passed = 0, maxBytes = 1e6 } = {},
): Promise<(string | undefined)[]> {
  const reader = openPageTexts(path, [pages], passed, maxBytes);
  const texts: Text[] = [];
  while (texts.length < pages.rows - passed)
    texts.push(
      ...(await reader.take(most)).map((text) => (text instanceof Uint8Array ? Uint8Array.from(text) : text)),
    );
  await reader.close();
  return texts.map((text) => (text instanceof Uint8Array ? Buffer.from(text).toString() : text));
}

describe('texts of Parquet pages, piece by piece', () => {
  it('are those that DuckDB reads, whichever are missing and however they are compressed', async () => {
    const text = fc.oneof(
      fc.constant(null),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.nat({ max: 3000 }).map((length) => 'abcdefg'.repeat(length)),
    );
    // Runs of one kind, and of mixed ones: levels come as runs or as bits.
    const run = fc
      .tuple(text, fc.integer({ min: 1, max: 30 }))
      .map(([value, times]) =>
        Array.from({ length: times }, (_, i) => (value === null ? null : `${value} ${i}`)),
      );
    const texts = fc
      .array(
        fc.oneof(
          run,
          text.map((value) => [value]),
        ),
        { maxLength: 40 },
      )
      .map((runs) => [...runs.flat(), 'two texts at least,', 'of which DuckDB makes no dictionary']);
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await fc.assert(
        fc.asyncProperty(
          texts,
          fc.constantFrom(...codecs),
          fc.integer({ min: 1, max: 50 }),
          fc.nat(),
          async (all, codec, most, passed) => {
            const rows = all.map(
              (value, row) => `(${row}, ${value === null ? 'NULL' : sqlString(`${row} ${value}`)})`,
            );
            await write(
              path,
              `SELECT "text"::VARCHAR AS "text" FROM (VALUES ${rows.join(', ')}) t(i, "text") ORDER BY i`,
              `COMPRESSION ${codec}, DICTIONARY_SIZE_LIMIT 1`,
            );
            const [pages] = await findPages(path);
            if (pages === undefined) throw new Error('the pages are not found');
            const first = passed % all.length;
            expect(await takeAll(path, pages, most, { passed: first })).toEqual(
              all.map((value, row) => (value === null ? undefined : `${row} ${value}`)).slice(first),
            );
          },
        ),
        { numRuns: rounds(60), seed: 20261129 },
      );
    });
  });

  it('too long ones are told, not held, wherever they are cut', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      const lengths = [10, 3_000_000, 99, 100, 101, 0, 2_000_000];
      await write(
        path,
        `SELECT repeat('x', n) AS text FROM (VALUES ${lengths.map((n) => `(${n})`).join(', ')}) t(n)`,
        'COMPRESSION uncompressed',
      );
      const [pages] = await findPages(path);
      if (pages === undefined) throw new Error('the pages are not found');
      expect(await takeAll(path, pages, 2, { maxBytes: 100 })).toEqual(
        lengths.map((n) => (n > 100 ? 'too long' : 'x'.repeat(n))),
      );
    });
  });
});

describe('a Parquet file of large pages', () => {
  const count = 15_000;
  const hash = (i: number): string => createHash('md5').update(String(i)).digest('hex');
  const expected = (i: number): { row: number; document: string; source: string; text: string } => ({
    row: i,
    document: `d${i}`,
    source: `s${i % 3}`,
    text: hash(i).repeat(50),
  });
  const isMissing = (i: number): boolean => i % 10 === 7;
  const rows =
    `SELECT 'd' || i AS id, 's' || i % 3 AS source, CASE WHEN i % 10 <> 7 THEN ` +
    `repeat(md5(i::VARCHAR), 50) END AS text FROM range(${count}) t(i)`;

  it.each(codecs)('is read whole and in chunks: %s', async (codec) => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await write(path, rows, `COMPRESSION ${codec}`);
      expect(await findPages(path, 'text', largePageBytes)).toMatchObject([
        { codec: { snappy: 1, zstd: 6, gzip: 2, uncompressed: 0 }[codec], rows: count, optional: true },
      ]);
      for (const [first, end] of [
        [0, count],
        [4321, 9999],
      ] as const) {
        const { documents, quarantined } = await readAll(
          path,
          first === 0 ? {} : { chunk: { firstRow: first, endRow: end } },
        );
        const all = Array.from({ length: end - first }, (_, i) => first + i);
        expect(quarantined).toEqual(
          all.filter(isMissing).map((position) => ({ position, reason: 'field "text" is missing' })),
        );
        expect(documents.map((document) => ({ ...document, tokens: undefined }))).toEqual(
          all.filter((i) => !isMissing(i)).map(expected),
        );
      }
    });
  });

  it('may have row groups of another kind between: small ones, and dictionaries', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      // Row groups of 10,240: of large pages, of the same text all over, of large pages, and the rest.
      await write(
        path,
        `SELECT 'd' || i AS id, CASE WHEN i // 10240 = 1 THEN repeat(md5((i % 5)::VARCHAR), 60) ELSE ` +
          'repeat(md5(i::VARCHAR), 60) END AS text FROM range(31000) t(i)',
        'ROW_GROUP_SIZE 10240',
      );
      expect((await findPages(path, 'text', largePageBytes)).map(({ group }) => group)).toEqual([0, 2]);
      const { documents, quarantined } = await readAll(path, { chunk: { firstRow: 100, endRow: 30_900 } });
      expect(quarantined).toEqual([]);
      expect(documents.length).toBe(30_800);
      for (const [i, { row, document, text }] of documents.entries()) {
        const at = 100 + i;
        if (
          row !== at ||
          document !== `d${at}` ||
          text !== hash(Math.floor(at / 10_240) === 1 ? at % 5 : at).repeat(60)
        )
          throw new Error(`row ${at} is not as it was written`);
      }
    });
  });

  const large = (name: string, count = 17): string[] =>
    Array.from({ length: count }, (_, i) => `${name} ${i} ${'x'.repeat(1 << 20)}`);
  const textsOf = async (path: string, field = 'text'): Promise<string[]> =>
    (
      await readAll(path, { fields: { id: 'id', text: field, source: 'source', tokens: 'tokens' } })
    ).documents.map(({ text }) => text);

  /** Writes one and hands it to `use`. */
  const withFile = async (
    rows: number,
    columns: WrittenColumn[],
    use: (path: string) => Promise<void>,
  ): Promise<void> =>
    withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await writeParquet(path, rows, columns);
      await use(path);
    });

  it('may have several of them, empty ones among them, and small ones after', async () => {
    const [first, second, small] = [large('first'), large('second'), ['a', '', 'b']];
    const empty = { values: 0, content: Buffer.alloc(0) };
    await withFile(
      37,
      [{ path: ['text'], pages: [pageOf(first), empty, pageOf(second), pageOf(small)] }],
      async (path) => {
        const [pages] = await findPages(path, 'text', largePageBytes);
        if (pages === undefined) throw new Error('the pages are not found');
        expect(await takeAll(path, pages, 10, { maxBytes: 2e6 })).toEqual([...first, ...second, ...small]);
        expect(await textsOf(path)).toEqual([...first, ...second, 'a', 'b']);
      },
    );
  });

  it('has no levels where no text may be missing', async () => {
    const texts = large('required');
    await withFile(
      17,
      [{ path: ['text'], required: true, pages: [{ values: 17, content: plainValues(texts) }] }],
      async (path) => {
        const [pages] = await findPages(path, 'text', largePageBytes);
        expect(pages).toMatchObject({ optional: false });
        expect(await textsOf(path)).toEqual(texts);
      },
    );
  });

  it.each<[string, WrittenColumn[], string]>([
    [
      'of a name that another has but for its case',
      [
        { path: ['TEXT'], pages: [pageOf(large('upper'))] },
        { path: ['text'], pages: [pageOf(large('right'))] },
        { path: ['text_1'], pages: [pageOf(large('one'))] },
      ],
      'text',
    ],
    [
      'that looks like a field of a struct',
      [
        { path: ['a', 'b'], pages: [pageOf(large('wrong'))] },
        { path: ['a, b'], pages: [pageOf(large('right'))] },
      ],
      'a, b',
    ],
  ])('a column %s is read as any other', async (_what, columns, field) => {
    await withFile(17, columns, async (path) => {
      expect(await findPages(path, field)).toHaveLength(1);
      expect(await textsOf(path, field)).toEqual(large('right'));
    });
  });

  it('a column of values of one length is left to DuckDB', async () => {
    const content = Buffer.concat([
      allThere(17),
      ...Array.from({ length: 17 }, () => Buffer.alloc(1 << 20, 'right ')),
    ]);
    await withFile(
      17,
      [{ path: ['text'], fixed: 1 << 20, pages: [{ values: 17, content }] }],
      async (path) => {
        expect(await findPages(path)).toEqual([]);
        expect((await textsOf(path)).map((text) => text.slice(0, 5))).toEqual(
          Array.from({ length: 17 }, () => 'right'),
        );
      },
    );
  });

  it('may have a text that is not UTF-8, which costs its row', async () => {
    const bad = {
      values: 17,
      content: Buffer.concat([
        allThere(17),
        Buffer.from([2, 0, 0, 0, 0xc3, 0x28]),
        plainValues(large('a', 16)),
      ]),
    };
    await withFile(17, [{ path: ['text'], pages: [bad] }], async (path) => {
      const { documents, quarantined } = await readAll(path);
      expect(quarantined).toEqual([{ position: 0, reason: 'not valid UTF-8' }]);
      expect(documents.map(({ text }) => text)).toEqual(large('a', 16));
    });
  });

  it('is read by DuckDB from where it is Snappy of another kind', async () => {
    const [first, second] = [large('first'), large('second')];
    const contents = [pageOf(first).content, pageOf(second).content];
    // The second page repeats what is far away, as some compressors do.
    const compressed = contents.map((content, i) => (i === 0 ? literals(content) : farCopies(content)));
    const pages = contents.map((content, i) => ({
      values: 17,
      content,
      compressed: compressed[i] ?? content,
    }));
    await withFile(34, [{ path: ['text'], codec: 'SNAPPY', pages }], async (path) => {
      const [found] = await findPages(path);
      if (found === undefined) throw new Error('the pages are not found');
      await expect(takeAll(path, found, 10, { maxBytes: 2e6 })).rejects.toThrow('damaged');
      expect(await textsOf(path)).toEqual([...first, ...second]);
    });
  });

  it.each<[string, Page]>([
    [
      'a header that promises endless lists',
      {
        ...pageOf(large('a')),
        header: Buffer.from([0x15, 0, 0x19, 0xf9, 255, 255, 255, 15, 0xf9, 255, 255, 255, 15, 0]),
      },
    ],
    ['a header of another page', { ...pageOf(large('a')), header: pageHeader(18, 17 << 20, 17 << 20) }],
    [
      'more levels than values',
      { values: 17, content: Buffer.concat([Buffer.from([255, 255, 255, 1]), Buffer.alloc(33 << 20)]) },
    ],
    [
      'levels of no values',
      { values: 17, content: Buffer.concat([Buffer.from([50, 0, 0, 0]), Buffer.alloc(17 << 20)]) },
    ],
    [
      'fewer bytes than its values have',
      {
        values: 17,
        content: Buffer.concat([allThere(17), plainValues(large('a', 16)), Buffer.from([0, 0, 16, 0])]),
      },
    ],
  ])('with %s is refused as DuckDB refuses it', async (_what, page) => {
    await withFile(17, [{ path: ['text'], pages: [page] }], async (path) => {
      await expect(textsOf(path)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining(path),
      });
    });
  });
});

/** As Snappy without a copy. */
function literals(content: Buffer): Buffer {
  const parts = [varInt(content.length)];
  for (let at = 0; at < content.length; at += 65_536) {
    const part = content.subarray(at, at + 65_536);
    parts.push(Buffer.from([61 << 2, (part.length - 1) & 255, (part.length - 1) >> 8]), part);
  }
  return Buffer.concat(parts);
}

/** As Snappy whose last element is a copy of 8 bytes from 4 MB before: the texts repeat one letter. */
function farCopies(content: Buffer): Buffer {
  const begun = literals(content.subarray(0, -8)).subarray(varInt(content.length - 8).length);
  const distance = Buffer.alloc(4);
  distance.writeUInt32LE(4_000_000);
  return Buffer.concat([varInt(content.length), begun, Buffer.from([(7 << 2) | 3]), distance]);
}

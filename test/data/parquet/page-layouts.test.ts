import { describe, expect, it } from '@jest/globals';
import { largePageBytes } from '../../../data/parquet/pages.ts';
import { readAll } from '../collect.ts';
import { findPages, readTexts, takeAll, withFile } from './page-texts.ts';
import { allThere, type Page, pageHeader, pageOf, plainValues, varInt, type WrittenColumn } from './write.ts';

const large = (name: string, count = 17): string[] =>
  Array.from({ length: count }, (_, i) => `${name} ${i} ${'x'.repeat(1 << 20)}`);

describe('a Parquet file with large pages written by hand', () => {
  it('may have several in a row group, also empty and small ones', async () => {
    const [first, second, small] = [large('first'), large('second'), ['a', '', 'b']];
    const empty = { values: 0, content: Buffer.alloc(0) };
    await withFile(
      37,
      [{ path: ['text'], pages: [pageOf(first), empty, pageOf(second), pageOf(small)] }],
      async (path) => {
        const [pages] = await findPages(path, 'text', largePageBytes);
        if (pages === undefined) throw new Error('no text pages found');
        expect(await takeAll(path, pages, 10, { maxBytes: 2e6 })).toEqual([...first, ...second, ...small]);
        expect(await readTexts(path)).toEqual([...first, ...second, 'a', 'b']);
      },
    );
  });

  it('has no levels if the column is required', async () => {
    const texts = large('required');
    await withFile(
      17,
      [{ path: ['text'], required: true, pages: [{ values: 17, content: plainValues(texts) }] }],
      async (path) => {
        const [pages] = await findPages(path, 'text', largePageBytes);
        expect(pages).toMatchObject({ optional: false });
        expect(await readTexts(path)).toEqual(texts);
      },
    );
  });

  it.each<[string, WrittenColumn[], string]>([
    [
      'whose name differs from another only in case',
      [
        { path: ['TEXT'], pages: [pageOf(large('upper'))] },
        { path: ['text'], pages: [pageOf(large('right'))] },
        { path: ['text_1'], pages: [pageOf(large('one'))] },
      ],
      'text',
    ],
    [
      'whose name looks like a struct field',
      [
        { path: ['a', 'b'], pages: [pageOf(large('wrong'))] },
        { path: ['a, b'], pages: [pageOf(large('right'))] },
      ],
      'a, b',
    ],
  ])('has a column %s, which is read like any other', async (_what, columns, field) => {
    await withFile(17, columns, async (path) => {
      expect(await findPages(path, field)).toHaveLength(1);
      expect(await readTexts(path, field)).toEqual(large('right'));
    });
  });

  it('has a column of fixed-length values, which DuckDB reads', async () => {
    const content = Buffer.concat([
      allThere(17),
      ...Array.from({ length: 17 }, () => Buffer.alloc(1 << 20, 'right ')),
    ]);
    await withFile(
      17,
      [{ path: ['text'], fixed: 1 << 20, pages: [{ values: 17, content }] }],
      async (path) => {
        expect(await findPages(path)).toEqual([]);
        expect((await readTexts(path)).map((text) => text.slice(0, 5))).toEqual(
          Array.from({ length: 17 }, () => 'right'),
        );
      },
    );
  });

  it('loses only the row of a text that is not UTF-8', async () => {
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

  it('is read by DuckDB from the first page whose Snappy copies reach too far back', async () => {
    const [first, second] = [large('first'), large('second')];
    const contents = [pageOf(first).content, pageOf(second).content];
    // Some compressors refer to data far back, as in the second page.
    const compressed = contents.map((content, i) => (i === 0 ? literals(content) : farCopies(content)));
    const pages = contents.map((content, i) => ({
      values: 17,
      content,
      compressed: compressed[i] ?? content,
    }));
    await withFile(34, [{ path: ['text'], codec: 'SNAPPY', pages }], async (path) => {
      const [found] = await findPages(path);
      if (found === undefined) throw new Error('no text pages found');
      await expect(takeAll(path, found, 10, { maxBytes: 2e6 })).rejects.toThrow('damaged');
      expect(await readTexts(path)).toEqual([...first, ...second]);
    });
  });

  it.each<[string, Page]>([
    [
      'a header with oversized lists',
      {
        ...pageOf(large('a')),
        header: Buffer.from([0x15, 0, 0x19, 0xf9, 255, 255, 255, 15, 0xf9, 255, 255, 255, 15, 0]),
      },
    ],
    ['the header of another page', { ...pageOf(large('a')), header: pageHeader(18, 17 << 20, 17 << 20) }],
    [
      'more levels than values',
      { values: 17, content: Buffer.concat([Buffer.from([255, 255, 255, 1]), Buffer.alloc(33 << 20)]) },
    ],
    [
      'levels without values',
      { values: 17, content: Buffer.concat([Buffer.from([50, 0, 0, 0]), Buffer.alloc(17 << 20)]) },
    ],
    [
      'fewer bytes than its values need',
      {
        values: 17,
        content: Buffer.concat([allThere(17), plainValues(large('a', 16)), Buffer.from([0, 0, 16, 0])]),
      },
    ],
  ])('cannot be read, by DuckDB either, with %s', async (_what, page) => {
    await withFile(17, [{ path: ['text'], pages: [page] }], async (path) => {
      await expect(readTexts(path)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining(path),
      });
    });
  });
});

/** Compresses with Snappy, as literals only. */
function literals(content: Buffer): Buffer {
  const parts = [varInt(content.length)];
  for (let at = 0; at < content.length; at += 65_536) {
    const part = content.subarray(at, at + 65_536);
    parts.push(Buffer.from([61 << 2, (part.length - 1) & 255, (part.length - 1) >> 8]), part);
  }
  return Buffer.concat(parts);
}

/** Compresses with Snappy; the last element copies 8 bytes from 4 MB back: the texts repeat one letter. */
function farCopies(content: Buffer): Buffer {
  const begun = literals(content.subarray(0, -8)).subarray(varInt(content.length - 8).length);
  const distance = Buffer.alloc(4);
  distance.writeUInt32LE(4_000_000);
  return Buffer.concat([varInt(content.length), begun, Buffer.from([(7 << 2) | 3]), distance]);
}

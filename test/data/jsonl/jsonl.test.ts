import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compress } from '../compression/zstd.ts';
import { readLine, readText } from '../../../data/jsonl/json-line.ts';
import { readJsonl } from '../../../data/jsonl/jsonl.ts';
import {
  collectQuarantined,
  defaultFields,
  type Document,
  listDocuments,
  readAll,
  withFolder,
} from '../collect.ts';
import { anyFile } from './json-lines.ts';
import { readObviously } from './json-oracle.ts';
import { rounds } from '../../long.ts';

const fieldNames = [
  defaultFields,
  { id: 'meta.id', text: 'text', source: 'meta.x', tokens: 'meta.tokens' },
  { id: 'id', text: 'meta.text', source: 'source', tokens: 'tokens' },
  { id: 'meta.in.id', text: 'text', source: 'meta.in', tokens: 'tokens' },
  { id: 'id', text: 'meta.text', source: 'meta.in.id', tokens: 'meta.in.tokens' },
  { id: 'text', text: 'text', source: 'text', tokens: 'meta.id' },
];

describe('the JSON Lines reader', () => {
  it('reads what JSON.parse line by line reads, and quarantines the same lines for the same reasons', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.jsonl');
      const cases = fc.tuple(
        anyFile,
        fc.constantFrom(...fieldNames),
        fc.oneof(
          { weight: 5, arbitrary: fc.constant(1 << 20) },
          { weight: 1, arbitrary: fc.integer({ min: 1, max: 200 }) },
        ),
      );
      let documents = 0;
      let quarantined = 0;
      await fc.assert(
        fc.asyncProperty(cases, async ([file, fields, limit]) => {
          // A file that is one JSON array is refused as a whole.
          fc.pre(!/^(?:\u{ef}\u{bb}\u{bf})?\s*\[/u.test(file.toString('latin1')));
          // A byte-order mark counts as part of its line.
          const maxLineBytes = file[0] === 0xef ? 1 << 20 : limit;
          await writeFile(path, file);
          const read = await readAll(path, { fields, maxLineBytes });
          documents += read.documents.length;
          quarantined += read.quarantined.length;
          expect({ documents: read.documents, quarantined: read.quarantined }).toEqual(
            readObviously(file, fields, maxLineBytes),
          );
        }),
        { numRuns: rounds(700), seed: 20260101 },
      );
      // The cases are of both kinds.
      expect(documents).toBeGreaterThan(rounds(800));
      expect(quarantined).toBeGreaterThan(rounds(800));
    });
  });

  it('parses invalid lines with long runs of spaces in linear time', () => {
    const spaces = ' '.repeat(3_000_000);
    expect(
      readLine(Buffer.from(`${spaces}{"text":${spaces}"a${spaces}b"${spaces}}${spaces}\r`), defaultFields),
    ).toMatchObject({ kind: 'document', text: `a${spaces}b` });
    expect(readLine(Buffer.from(`{"text": "a${spaces}b"${spaces}]`), defaultFields)).toMatchObject({
      kind: 'bad',
      reason: 'not valid JSON',
    });
    expect(readLine(Buffer.from(`${spaces}\r`), defaultFields)).toEqual({ kind: 'blank' });
  });

  it('reads the same through gzip and Zstandard, in any number of members and frames', async () => {
    await withFolder(async (folder) => {
      await fc.assert(
        fc.asyncProperty(anyFile, fc.array(fc.nat(), { maxLength: 3 }), async (file, cuts) => {
          const at = [0, ...cuts.map((cut) => cut % (file.length + 1)).sort((a, b) => a - b), file.length];
          const pieces = at.slice(1).map((end, i) => file.subarray(at[i], end));
          await writeFile(join(folder, 'a.jsonl'), file);
          await writeFile(join(folder, 'a.jsonl.gz'), Buffer.concat(pieces.map((piece) => gzipSync(piece))));
          await writeFile(join(folder, 'a.jsonl.zst'), Buffer.concat(pieces.map((piece) => compress(piece))));
          const plain = await readAll(join(folder, 'a.jsonl'));
          expect(await readAll(join(folder, 'a.jsonl.gz'))).toEqual(plain);
          expect(await readAll(join(folder, 'a.jsonl.zst'))).toEqual(plain);
        }),
        { numRuns: rounds(60), seed: 20260102 },
      );
    });
  });

  it('reads interleaved files like consecutive ones', async () => {
    await withFolder(async (folder) => {
      const paths = ['a', 'b', 'c'].map((name) => join(folder, `${name}.jsonl`));
      for (const [number, path] of paths.entries())
        await writeFile(
          path,
          Array.from({ length: 300 }, (_, row) =>
            JSON.stringify({ id: `${number} ${row}`, text: `${number} ${row} `.repeat(1 + (row % 300)) }),
          ).join('\n'),
        );
      const alone = await Promise.all(paths.map(async (path) => (await readAll(path)).documents));
      const readers = paths.map((path) =>
        readJsonl({ name: 'shard', path, format: 'jsonl', bytes: 0, modifiedMs: 0 }, defaultFields, {
          quarantine: collectQuarantined(),
          batchBytes: 2_000,
        }),
      );
      const inTurns: Document[][] = paths.map(() => []);
      for (let left = readers.length; left > 0;) {
        left = readers.length;
        for (const [i, reader] of readers.entries()) {
          const next = await reader.next();
          if (next.done === true) left--;
          else inTurns[i]?.push(...listDocuments(next.value));
        }
      }
      expect(inTurns).toEqual(alone);
    });
  });

  it('keeps every digit of integer ids, and quarantines those that JSON.parse would change', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.jsonl');
      await writeFile(
        path,
        '{"id": 12345678901234567890, "text": "a"}\n{"id": 12345678901234567891, "text": "b"}\n{"id": ' +
          '12345678901234567891, "text": "c", "text": "d"}\n',
      );
      const { documents, quarantined } = await readAll(path);
      expect(documents.map(({ document, text }) => [document, text])).toEqual([
        ['12345678901234567890', 'a'],
        ['12345678901234567891', 'b'],
      ]);
      expect(quarantined).toEqual([
        { position: 2, reason: expect.stringContaining('too large to be kept exactly') },
      ]);
    });
  });

  it('finds nested fields, but prefers keys that contain dots', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.jsonl');
      const fields = { id: 'a.b.c.d.e', text: 'text', source: 'metadata.language', tokens: 'tokens' };
      const rows = [
        { a: { b: { c: { d: { e: 'deep' } } } }, metadata: { language: 'en' } },
        { 'metadata.language': 'de', 'a.b.c.d.e': 'flat' },
        { metadata: { language: 'path' }, 'metadata.language': 'flat', a: { 'b.c': { 'd.e': 'mixed' } } },
        { 'metadata.language': 'flat', metadata: { language: 'path' }, 'a.b': { c: { 'd.e': 'other' } } },
        {
          metadata: { languages: 'no', x: { language: 'no' } },
          'a.b': { c: 7 },
          a: { b: { c: { d: { e: 'second' } } } },
        },
      ];
      await writeFile(path, rows.map((row, i) => `${JSON.stringify({ ...row, text: `t${i}` })}\n`).join(''));
      const { documents } = await readAll(path, { fields });
      expect(documents.map(({ document, source }) => [document, source])).toEqual([
        ['deep', 'en'],
        ['flat', 'de'],
        ['mixed', 'flat'],
        ['other', 'flat'],
        ['second', ''],
      ]);
    });
  });

  it('reads a long line with NaN as quickly as any other line', () => {
    const long = `"${'NaN \\"'.repeat(2_000_000)}"`;
    const startedMs = performance.now();
    expect(readText(Buffer.from(`{"x": NaN, "text": ${long}}`), 'text')).toHaveLength(10_000_000);
    expect(readText(Buffer.from(`{"x": NaN, "text": ${long.slice(0, -1)}}`), 'text')).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  it('yields batches of bounded size, in order, with every row once', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.jsonl');
      const texts = Array.from({ length: 9000 }, (_, i) => `text ${i} ${'x'.repeat((i * 37) % 900)}`);
      await writeFile(path, texts.map((text, i) => `${JSON.stringify({ id: `d${i}`, text })}\n`).join(''));
      const { documents, batches } = await readAll(path);
      expect(documents.map(({ text }) => text)).toEqual(texts);
      expect(documents.map(({ row }) => row)).toEqual([...texts.keys()]);
      expect(batches).toBeGreaterThan(3);
    });
  });
});

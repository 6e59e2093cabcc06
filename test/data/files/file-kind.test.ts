import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonDocumentKind } from '../../../data/files/file-kind.ts';
import { readAll, withFolder } from '../collect.ts';
import { compress } from '../compression/zstd.ts';

const row = '{"id": "a", "text": "some words"}\n';
const page = '<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n';
const pointer =
  'version https://git-lfs.github.com/spec/v1\noid ' +
  'sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n';
const tar = Buffer.concat([
  Buffer.from('a.jsonl'.padEnd(257, '\0')),
  Buffer.from('ustar\0'),
  Buffer.alloc(249),
  Buffer.from(row),
]);

/** Name, content, and reason of the error, beyond the cases in test/data/golden/documents. */
const foreign: readonly [string, string | Uint8Array, string][] = [
  ['a.jsonl.gz', page, 'it is an HTML page, not gzip'],
  ['a.jsonl.zst', `\ufeff\n  ${page}`, 'it is an HTML page, not Zstandard'],
  [
    'a.jsonl',
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
    'it is XML',
  ],
  ['a.jsonl.gz', pointer, 'it is a Git LFS pointer'],
  ['a.jsonl.zst', pointer, 'it is a Git LFS pointer'],
  ['a.parquet', pointer, 'it is a Git LFS pointer'],
  ['a.jsonl', '/annex/objects/SHA256E-s12--ab.jsonl\n', 'it is a git-annex pointer'],
  [
    'a.jsonl.zst',
    gzipSync(row),
    'it is gzip data, not Zstandard as its name says: rename it so that it ends in .jsonl.gz',
  ],
  ['a.jsonl', compress(Buffer.from(row)), 'it is Zstandard data'],
  [
    'a.jsonl.gz',
    compress(Buffer.from(row)),
    'it is Zstandard data, not gzip as its name says: rename it so that it ends in .jsonl.zst',
  ],
  ['a.parquet', compress(Buffer.from(row)), 'it is Zstandard data, not Parquet'],
  ['a.parquet', row, 'it is plain text (JSON), not Parquet'],
  [
    'a.jsonl.gz',
    gzipSync(gzipSync(row)),
    'its decompressed content is gzip data, not JSON Lines as its name says: decompress it',
  ],
  ['a.jsonl', 'PAR1\x15\x04', 'it is a Parquet file'],
  ['a.jsonl.gz', Buffer.concat([Buffer.from('PK\x03\x04'), deflateRawSync(row)]), 'it is a ZIP archive'],
  ['a.jsonl', 'BZh91AY&SY', 'it is bzip2 data'],
  ['a.jsonl', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]), 'it is xz data'],
  ['a.jsonl', tar, 'it is a tar archive'],
  ['a.jsonl.gz', gzipSync(tar), 'its decompressed content is a tar archive'],
  ['a.jsonl', Buffer.from(row, 'utf16le'), 'it is UTF-16 text'],
  ['a.json', `\ufeff\n[\n${row.trim()},\n${row.trim()}\n]\n`, 'it is one JSON array'],
  ['a.json', `[${row.trim()},\n ${row}]`, 'it is one JSON array'],
  ['a.json.gz', gzipSync(JSON.stringify([{ text: 'x' }], null, 2)), 'it is one JSON array'],
  ['a.jsonl', `[${`${row.trim()},`.repeat(9000)}`, 'it is one JSON array'],
  ['a.json', JSON.stringify({ data: [{ text: 'x' }] }, null, 2), 'its JSON objects span several lines'],
  [
    'a.json.zst',
    compress(Buffer.from(`{\n  "text": "x"\n}\n{\n  "text": "y"\n}\n`)),
    'its JSON objects span several lines',
  ],
  ['a.jsonl.zst', '', 'it is empty'],
];

/** JSON Lines with an unusual start: content, number of documents, and number of invalid rows. */
const lines: readonly [string, number, number][] = [
  [`[1, 2]\n${row}`, 1, 1],
  [`[{"text": "x"}]\n${row}`, 1, 1],
  [`[INFO] written by a logger\n${row}`, 1, 1],
  [`[2026-01-01 12:00] written by a logger\n${row}`, 1, 1],
  [`[\n${row}${row}]\n`, 2, 2],
  [`{\n${row}`, 1, 1],
  [`{"text": "cut in the mid\n${row}`, 1, 1],
  [`{"text": "x"} {"text": "y"}\n${row}`, 1, 1],
  [`{"text": ${JSON.stringify(page)}}\n`, 1, 0],
  [`{"text": "${'x'.repeat(247)}ustar"}\n`, 1, 0],
  ['{"text": "[\\n{"}\n', 1, 0],
  [`version https://git-lfs.example\n${row}`, 1, 1],
  [`<b>bold</b>\n${row}`, 1, 1],
  ['', 0, 0],
];

describe('a file whose content does not match its name', () => {
  it.each(
    foreign.map(([name, content, reason], i) => [`${i}, ${name}: ${reason}`, name, content, reason] as const),
  )('is refused with its kind: %s', async (_title, name, content, reason) => {
    await withFolder(async (folder) => {
      const path = join(folder, name);
      await writeFile(path, content);
      await expect(readAll(path)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining(`${path} cannot be read: ${reason}`),
      });
    });
  });

  it.each(lines.map(([content, documents, bad]) => [content.slice(0, 40), content, documents, bad] as const))(
    'is not JSON Lines with an unusual start: %j',
    async (_title, content, documents, bad) => {
      await withFolder(async (folder) => {
        for (const [ending, pack] of Object.entries({
          jsonl: (text: string) => text,
          'jsonl.gz': gzipSync,
          'jsonl.zst': (text: string) => compress(Buffer.from(text)),
        })) {
          await writeFile(join(folder, `a.${ending}`), pack(content));
          const read = await readAll(join(folder, `a.${ending}`));
          expect([read.documents.length, read.quarantined.length]).toEqual([documents, bad]);
        }
      });
    },
  );
});

describe('one JSON document', () => {
  it('is distinguished from lines by any part of its start', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0, 1, '\t'),
        fc.nat(),
        (rows, space, cut) => {
          const array = JSON.stringify(rows, null, space);
          // The first line alone does not show that a document has several lines.
          const length = (/\n\s*\S/.exec(array)?.[0].length ?? 0) + 1 + (cut % array.length);
          const isWhole = length >= array.length;
          expect(jsonDocumentKind(Buffer.from(array.slice(0, length)), isWhole)).toMatch(/one JSON array/);
          const rowsAsLines = rows.map((value) => JSON.stringify(value)).join('\n');
          expect(
            jsonDocumentKind(Buffer.from(rowsAsLines.slice(0, 1 + (cut % rowsAsLines.length))), isWhole),
          ).toBeUndefined();
        },
      ),
      { numRuns: 500, seed: 20261103 },
    );
  });
});

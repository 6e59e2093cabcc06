import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { compress } from '../compression/zstd.ts';
import { readAll, withFolder } from '../collect.ts';

describe('a damaged file', () => {
  const rows = Array.from({ length: 60 }, (_, i) => `{"id":"d${i}","text":"the text of document ${i}"}\n`);
  const whole = { gz: gzipSync(rows.join('')), zst: compress(Buffer.from(rows.join(''))) };

  it.each(['gz', 'zst'] as const)('that is cut short anywhere is refused: %s', async (ending) => {
    await withFolder(async (folder) => {
      const path = join(folder, `a.jsonl.${ending}`);
      for (let length = 0; length < whole[ending].length; length += 7) {
        await writeFile(path, whole[ending].subarray(0, length));
        await expect(readAll(path)).rejects.toMatchObject({
          code: 'FILE_UNREADABLE',
          message: expect.stringContaining(path),
        });
      }
    });
  });

  it('in gzip is refused if any content byte is changed', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.jsonl.gz');
      // The first ten bytes are the header, which holds a time and the system's name.
      for (let at = 10; at < whole.gz.length; at += 11) {
        const changed = Buffer.from(whole.gz);
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        await writeFile(path, changed);
        await expect(readAll(path)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
      }
    });
  });

  it.each(['a.jsonl', 'a.jsonl.gz', 'a.jsonl.zst', 'a.parquet'])(
    'that is missing is named: %s',
    async (name) => {
      await withFolder(async (folder) => {
        await expect(readAll(join(folder, name))).rejects.toMatchObject({
          code: 'FILE_NOT_FOUND',
          message: expect.stringContaining(name),
        });
      });
    },
  );
});

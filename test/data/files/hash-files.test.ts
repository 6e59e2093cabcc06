import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hashFiles } from '../../../data/files/hash-files.ts';
import { withFolder } from '../collect.ts';

describe('hashing files', () => {
  it.each([1, 2])(
    'gives the hash and the size of each, by %d threads, and says which cannot be read',
    async (threads) => {
      await withFolder(async (folder) => {
        // Of no byte, and of more than are read at once.
        const contents = Array.from({ length: 40 }, (_, i) => Buffer.alloc(i * 20_000, `content ${i} `));
        const paths = contents.map((_, i) => join(folder, String(i)));
        for (const [i, content] of contents.entries()) await writeFile(paths[i] ?? '', content);
        let bytes = 0;
        const hashes = await hashFiles([...paths, join(folder, 'none')], threads, (more) => {
          bytes += more;
        });
        expect(hashes.slice(0, -1)).toEqual(
          contents.map((content) => ({
            sha256: createHash('sha256').update(content).digest('hex'),
            bytes: content.length,
          })),
        );
        expect(hashes.at(-1)).toEqual({ problem: expect.stringMatching(/ENOENT/) });
        expect(bytes).toBe(contents.reduce((sum, { length }) => sum + length, 0));
      });
    },
  );
});

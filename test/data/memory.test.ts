import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { withFolder } from './collect.ts';
import { openCompressor } from './compression/zstd.ts';
import { longTest } from '../long.ts';

const script = fileURLToPath(new URL('./read-memory.js', import.meta.url));
const resultSchema = z.object({
  documents: z.number(),
  textBytes: z.number(),
  quarantined: z.array(z.object({ position: z.number(), reason: z.string() })),
  peakMb: z.number(),
});

/** Reads the file in a separate process. */
async function readApart(path: string): Promise<z.output<typeof resultSchema>> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, path], {});
  return resultSchema.parse(JSON.parse(stdout));
}

const before = Buffer.from('{"text":"before"}\n');
const after = Buffer.from('\n{"text":"after"}\n');
const gigabyte = 1 << 30;
/** Twice the longest line that is taken, some buffers, and Node itself: what a worker may take. */
const boundMb = 300;
/** Node and DuckDB, and not a page of 100 MB beside them. */
const pageBoundMb = 220;

function* longLine(bytes: number): Generator<Buffer> {
  const piece = Buffer.alloc(1 << 20, 'x');
  yield Buffer.concat([before, Buffer.from('{"text":"')]);
  for (let done = 0; done < bytes; done += piece.length) yield piece;
  yield Buffer.concat([Buffer.from('"}'), after]);
}

describe('memory does not grow with what is read', () => {
  longTest('skips a line of 1 GB', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.jsonl');
      const file = await open(path, 'w');
      await file.write(before);
      // A hole in the file: nothing to write, a gigabyte to read.
      await file.write(after, 0, after.length, gigabyte);
      await file.close();
      const { quarantined, documents, peakMb } = await readApart(path);
      expect(documents).toBe(2);
      expect(quarantined).toEqual([
        { position: 1, reason: expect.stringMatching(/^line longer than \d+ bytes$/) },
      ]);
      expect(peakMb).toBeLessThan(boundMb);
    });
  });

  longTest.each([
    ['gz', createGzip],
    ['zst', openCompressor],
  ] as const)('a line of 300 MB that is a small file as %s is passed over', async (ending, open) => {
    await withFolder(async (folder) => {
      const path = join(folder, `a.jsonl.${ending}`);
      await pipeline(Readable.from(longLine(300 << 20)), open(), createWriteStream(path));
      const { quarantined, documents, peakMb } = await readApart(path);
      expect(documents).toBe(2);
      expect(quarantined.map(({ position }) => position)).toEqual([1]);
      expect(peakMb).toBeLessThan(boundMb);
    });
  });

  longTest('400 MB of Parquet go by', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await withDuckDb({ memoryMb: 1024, threads: 1 }, async (connection) => {
        await connection.run(
          'COPY (SELECT repeat(md5(range::VARCHAR), 64) AS text FROM range(200000)) ' +
            `TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192)`,
        );
      });
      const { documents, textBytes, peakMb } = await readApart(path);
      expect({ documents, textBytes }).toEqual({ documents: 200_000, textBytes: 200_000 * 2048 });
      expect(peakMb).toBeLessThan(boundMb);
    });
  });

  it('streams a 100 MB page, as DuckDB writes them', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await withDuckDb({ memoryMb: 1024, threads: 1 }, async (connection) => {
        await connection.run(
          'COPY (SELECT repeat(md5(range::VARCHAR), 50) AS text FROM range(100000)) ' +
            `TO ${sqlString(path)} (FORMAT parquet)`,
        );
      });
      const { documents, textBytes, peakMb } = await readApart(path);
      expect({ documents, textBytes }).toEqual({ documents: 100_000, textBytes: 100_000 * 1600 });
      expect(peakMb).toBeLessThan(pageBoundMb);
    });
  });
});

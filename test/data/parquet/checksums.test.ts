import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { copyRows } from '../../../data/parquet/copy-rows.ts';
import { readFooter } from '../../../data/parquet/footer.ts';
import { readAll, withFolder } from '../collect.ts';

/** Hands a file with checksums to `use`, and the place of a byte in a page of each column. */
async function withChecksums(
  use: (path: string, placeOf: (column: string) => number) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const [plain, path] = [join(folder, 'plain.parquet'), join(folder, 'a.parquet')];
    await withDuckDb({}, (connection) =>
      connection.run(
        `COPY (SELECT 'd' || i AS id, 'text ' || i AS text, 'url ' || i AS url FROM range(5000) AS t ` +
          `(i)) TO ${sqlString(plain)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
      ),
    );
    await copyRows(
      plain,
      await readFooter(plain),
      Array.from({ length: 5000 }, (_, row) => row),
      path,
    );
    const { leaves, groups } = await readFooter(path);
    await use(path, (column) => {
      const chunk = groups[0]?.chunks[leaves.findIndex(({ name }) => name === column)];
      return Math.floor(((chunk?.start ?? 0) + (chunk?.end ?? 0)) / 2);
    });
  });
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 64;
  await writeFile(path, bytes);
}

describe('checksums of Parquet pages', () => {
  it.each(['text', 'id'])('are checked where DuckDB reads: a page of %s', async (column) => {
    await withChecksums(async (path, placeOf) => {
      expect((await readAll(path)).documents).toHaveLength(5000);
      await flip(path, placeOf(column));
      await expect(readAll(path)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringMatching(
          new RegExp(
            `the page at byte \\d+ \\(row group 0, column "${column}"\\) is damaged: it does not match its checksum`,
          ),
        ),
      });
    });
  });

  it('are not checked in a column that is not read', async () => {
    await withChecksums(async (path, placeOf) => {
      await flip(path, placeOf('url'));
      expect((await readAll(path)).documents).toHaveLength(5000);
    });
  });
});

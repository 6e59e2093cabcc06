import { readFileSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { openZstdCompressor } from '../../../data/compression/zstd.ts';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { silent } from '../../../run/progress.ts';
import { writeSelection } from '../../../ranking/selection/select.ts';
import { selectionManifestSchema } from '../../../ranking/selection/manifest.ts';
import { keepByPlainSort, makeRows, rankRows, sumTokens, withRun } from '../synthetic.ts';
import { sha256File } from '../../../data/files/hash-files.ts';
import { queryRows } from '../../../data/duckdb/rows.ts';

const question = { keep: 0.2 };
const rowsOnly = { format: 'rows' } as const;

const parquetRow = z.object({ shard: z.string(), row: z.number(), document: z.string(), score: z.number() });
const readRows = (path: string): Promise<z.output<typeof parquetRow>[]> =>
  withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT shard, "row"::DOUBLE AS "row", document, score FROM read_parquet(${sqlString(path)})`,
      parquetRow,
    ),
  );

/** Every file of a folder with its bytes. */
async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path).toString('base64')]),
  );
}

describe('a selection of rows', () => {
  it('lists exactly what a naive sort keeps, by shard and row, and describes it in the manifest', async () => {
    await withRun(async (run) => {
      const rows = makeRows(3000).toReversed();
      const ranking = await rankRows(run, rows);
      const out = join(run.folder, '../out');
      const manifest = await writeSelection(run, ranking, question, out, rowsOnly, silent);
      const kept = keepByPlainSort(rows, 0.2);
      const expected = kept.toSorted((a, b) =>
        a.shard < b.shard ? -1 : a.shard > b.shard ? 1 : a.row - b.row,
      );
      expect(await readRows(join(out, 'selection.parquet'))).toEqual(
        expected.map(({ shard, row, document, score }) => ({ shard, row, document, score })),
      );
      expect(
        selectionManifestSchema.parse(JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'))),
      ).toEqual(JSON.parse(JSON.stringify(manifest)));
      expect(manifest).toMatchObject({
        format: 'rows',
        generation: ranking.generation,
        documents: kept.length,
        tokens: sumTokens(kept),
        question,
      });
      expect(manifest.files).toEqual([
        {
          file: 'selection.parquet',
          documents: kept.length,
          bytes: (await stat(join(out, 'selection.parquet'))).size,
          sha256: await sha256File(join(out, 'selection.parquet')),
        },
      ]);
      expect((await readdir(out)).sort()).toEqual(['manifest.json', 'selection.parquet']);
    });
  });

  it('shows each source with no filter and after the cut', async () => {
    await withRun(async (run) => {
      const rows = makeRows(900);
      const { composition } = await writeSelection(
        run,
        await rankRows(run, rows),
        question,
        join(run.folder, 'out'),
        rowsOnly,
        silent,
      );
      const kept = keepByPlainSort(rows, 0.2);
      expect(composition.map(({ source }) => source).sort()).toEqual(['books', 'code', 'news', 'science']);
      for (const { source, before, after, kept: part, lift } of composition) {
        const [all, left] = [rows, kept].map((list) => list.filter((row) => row.source === source));
        expect(before).toEqual({
          documents: all?.length,
          tokens: sumTokens(all ?? []),
          share: sumTokens(all ?? []) / sumTokens(rows),
        });
        expect(after).toEqual({
          documents: left?.length,
          tokens: sumTokens(left ?? []),
          share: sumTokens(left ?? []) / sumTokens(kept),
        });
        expect(part).toBeCloseTo(after.tokens / before.tokens);
        expect(lift).toBeCloseTo(after.share / before.share);
      }
      expect(composition.map(({ lift }) => lift)).toEqual(
        composition.map(({ lift }) => lift).sort((a, b) => b - a),
      );
    });
  });

  it(
    'has the same bytes twice, in another folder, with any number of threads, and in place of another ' +
      'selection',
    async () => {
      await withRun(async (run) => {
        const ranking = await rankRows(run, makeRows(3000));
        const folders = ['one', 'two'].map((name) => join(run.folder, name));
        const [one = '', two = ''] = folders;
        await writeSelection(
          { ...run, settings: { ...run.settings, workers: 1 } },
          ranking,
          question,
          one,
          rowsOnly,
          silent,
        );
        await writeSelection(run, ranking, { keep: 0.9 }, two, rowsOnly, silent);
        await writeSelection(
          { ...run, settings: { ...run.settings, workers: 4 } },
          ranking,
          question,
          two,
          rowsOnly,
          silent,
        );
        expect(await contents(two)).toEqual(await contents(one));
      });
    },
  );

  it('blames the part that cannot be read, not the file it writes', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(3000));
      const part = join(run.files.scores, ranking.parts[0]?.file ?? '');
      // Only the selection reads the documents' names; the cutoff before it does not.
      const [column] = await withDuckDb({}, (connection) =>
        queryRows(
          connection,
          'SELECT data_page_offset::DOUBLE AS start, total_compressed_size::DOUBLE AS bytes ' +
            `FROM parquet_metadata(${sqlString(part)}) WHERE path_in_schema = 'document'`,
          z.object({ start: z.number(), bytes: z.number() }),
        ),
      );
      const bytes = await readFile(part);
      const { start = 0, bytes: length = 0 } = column ?? {};
      bytes.fill(0xff, start + (length >> 2), start + (length >> 1));
      await writeFile(part, bytes);
      const out = join(run.folder, '../out');
      await expect(writeSelection(run, ranking, question, out, rowsOnly, silent)).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
        values: { path: part, command: 'betr rank' },
      });
    });
  });

  it('of nothing is an empty table', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, [
        { shard: 's.jsonl', row: 0, document: 'd', source: '', tokens: 9, score: 1 },
      ]);
      expect(
        await writeSelection(run, ranking, { keep: 0.5 }, join(run.folder, 'out'), rowsOnly, silent),
      ).toMatchObject({ documents: 0, files: [{ documents: 0 }] });
      expect(await readRows(join(run.folder, 'out/selection.parquet'))).toEqual([]);
    });
  });
});

const canCompress = await openZstdCompressor().then(
  () => true,
  () => false,
);
if (!canCompress)
  console.log(
    `Node ${process.version} and this machine have nothing that writes Zstandard: selections as .zst are not tested.`,
  );

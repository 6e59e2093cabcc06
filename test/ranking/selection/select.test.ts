import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { openZstdCompressor } from '../../../data/compression/zstd.ts';
import { compress, decompress } from '../../data/compression/zstd.ts';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import { listShards } from '../../../data/shards.ts';
import { publishRanking, type Ranking } from '../../../ranking/generation.ts';
import { selectionManifestSchema, writeSelection } from '../../../ranking/selection/select.ts';
import { nameFiles } from '../../../ranking/selection/write-documents.ts';
import {
  keepByPlainSort,
  makeRows,
  rankRows,
  type Row,
  scorer,
  sumTokens,
  withRun,
  writeParts,
  writeShard,
} from '../synthetic.ts';
import { sha256File } from '../../../data/files/hash-files.ts';
import { queryRows } from '../../../data/duckdb/rows.ts';

const question = { keep: 0.2 };
const rowsOnly = { format: 'rows' } as const;
const withDocuments = { format: 'documents' } as const;

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
  it('lists exactly what a plain sort keeps, by shard and row, and says in the manifest what that is', async () => {
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

describe('the folder of a selection', () => {
  const foreign: [string, string][] = [
    ['notes.txt', 'mine'],
    ['manifest.json', '{"version": 3}'],
    ['selection.parquet', 'not ours'],
    ['documents/a.jsonl', '{}'],
  ];
  it.each(foreign)('is left untouched when it holds %s of somebody else', async (file, text) => {
    await withRun(async (run) => {
      const out = join(run.folder, 'out');
      await mkdir(join(out, 'documents'), { recursive: true });
      await writeFile(join(out, file), text);
      const before = await contents(out);
      await expect(
        writeSelection(run, await rankRows(run, makeRows(30)), question, out, rowsOnly, silent),
      ).rejects.toMatchObject({ code: 'OUT_NOT_EMPTY', message: expect.stringContaining(file) });
      expect(await contents(out)).toEqual(before);
    });
  });

  it('is left untouched when a file was added to an earlier selection, or when it is a file', async () => {
    await withRun(async (run) => {
      const out = join(run.folder, 'out');
      const ranking = await rankRows(run, makeRows(30));
      await writeSelection(run, ranking, question, out, rowsOnly, silent);
      await writeFile(join(out, 'notes.txt'), 'mine');
      const before = await contents(out);
      await expect(writeSelection(run, ranking, question, out, rowsOnly, silent)).rejects.toMatchObject({
        code: 'OUT_NOT_EMPTY',
      });
      expect(await contents(out)).toEqual(before);
      await expect(
        writeSelection(run, ranking, question, join(out, 'notes.txt'), rowsOnly, silent),
      ).rejects.toMatchObject({ code: 'OUT_NOT_EMPTY' });
    });
  });

  it('has no manifest after a failure, and takes the next attempt', async () => {
    await withRun(async (run) => {
      const out = join(run.folder, 'out');
      const rows = makeRows(300);
      const ranking = await rankRows(run, rows);
      await writeSelection(run, ranking, question, out, rowsOnly, silent);
      const lastPart = ranking.parts.at(-1);
      // Fails in the middle: rows of shards that do not exist.
      await expect(writeSelection(run, ranking, question, out, withDocuments, silent)).rejects.toMatchObject({
        code: expect.stringMatching(/NO_FILES|FILE_NOT_FOUND/),
      });
      expect(await contents(out)).toEqual({});
      // What a process that was killed leaves: the marker, a whole table, half a document file.
      await mkdir(join(out, 'documents/corpus'), { recursive: true });
      for (const file of [
        'selection.unfinished',
        'selection.parquet',
        'documents/corpus/.shard-0.jsonl.123.tmp',
      ])
        await writeFile(join(out, file), 'x');
      await writeSelection(run, ranking, question, out, rowsOnly, silent);
      expect((await readdir(out)).sort()).toEqual(['manifest.json', 'selection.parquet']);
      await rm(join(run.files.scores, lastPart?.file ?? ''));
      await expect(writeSelection(run, ranking, question, out, rowsOnly, silent)).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
      });
      expect((await readdir(out)).sort()).toEqual(['manifest.json', 'selection.parquet']);
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

describe('a selection of documents', () => {
  // 2 MB, so that the reader's blocks and the writer's are many.
  const lines = Array.from(
    { length: 100 },
    (_, index) =>
      `{"id": "d${index}", "text":"Zeile ${index} \u{1F600}",  "odd" : [1,2 ,"${String(index).repeat(10_000)}"]}`,
  );
  const all: [string, (text: string) => Uint8Array, (bytes: Uint8Array) => Uint8Array][] = [
    ['jsonl', (text) => Buffer.from(text), (bytes) => bytes],
    ['jsonl.gz', (text) => gzipSync(text), (bytes) => gunzipSync(bytes)],
    ['jsonl.zst', (text) => compress(Buffer.from(text)), (bytes) => decompress(Buffer.from(bytes))],
  ];

  const kinds = all.filter(([ending]) => ending !== 'jsonl.zst' || canCompress);

  /** A run whose ranking was made from the one file that `make` puts into corpus/. */
  async function withShard(
    name: string,
    make: (path: string) => Promise<void>,
    use: (run: Run, ranking: Ranking, rows: Row[]) => Promise<void>,
  ): Promise<void> {
    await withRun(async (run) => {
      await make(join(run.settingsFolder, 'corpus', name));
      const [shard] = await listShards(run.settings.corpus.files, run.settingsFolder);
      const rows = lines.map((_, row) => ({
        shard: shard?.name ?? '',
        row,
        document: `d${row}`,
        source: 'web',
        tokens: 5,
        score: Math.fround(Math.sin(row)),
      }));
      await use(run, await publishRanking(run, await writeParts(run, rows, 0, shard), scorer), rows);
    });
  }

  it.each(kinds)(
    'keeps the lines of a %s file byte for byte, compressed as they were',
    async (ending, pack, unpack) => {
      await withShard(
        `shard.${ending}`,
        (path) => writeShard(path, pack(lines.join('\n'))),
        async (run, ranking, rows) => {
          const out = join(run.folder, 'out');
          const manifest = await writeSelection(run, ranking, question, out, withDocuments, silent);
          const kept = keepByPlainSort(rows, 0.2)
            .map(({ row }) => row)
            .sort((a, b) => a - b);
          const path = join(out, `documents/shard.${ending}`);
          expect(Buffer.from(unpack(await readFile(path))).toString()).toBe(
            kept.map((row) => `${lines[row] ?? ''}\n`).join(''),
          );
          expect(manifest.files.map(({ file, documents }) => [file, documents])).toEqual([
            ['selection.parquet', kept.length],
            [`documents/shard.${ending}`, kept.length],
          ]);
          expect(manifest.files[1]?.sha256).toBe(await sha256File(path));
          const before = await contents(out);
          await writeSelection(run, ranking, question, out, withDocuments, silent);
          expect(await contents(out)).toEqual(before);
        },
      );
    },
  );

  it('keeps the rows of a Parquet file with all their columns', async () => {
    const make = async (path: string): Promise<void> => {
      await writeShard(path, '');
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT 'd' || i AS id, 'text ' || i AS text, [i, i + 1] AS extra FROM range(100) AS r ` +
            `(i)) TO ${sqlString(path)} (FORMAT parquet)`,
        ),
      );
    };
    await withShard('shard.parquet', make, async (run, ranking, rows) => {
      const out = join(run.folder, 'out');
      await writeSelection(run, ranking, question, out, withDocuments, silent);
      const kept = keepByPlainSort(rows, 0.2)
        .map(({ row }) => row)
        .sort((a, b) => a - b);
      const found = await withDuckDb({}, (connection) =>
        queryRows(
          connection,
          'SELECT id, text, extra::VARCHAR AS extra FROM ' +
            `read_parquet(${sqlString(join(out, 'documents/shard.parquet'))})`,
          z.object({ id: z.string(), text: z.string(), extra: z.string() }),
        ),
      );
      expect(found).toEqual(
        kept.map((row) => ({ id: `d${row}`, text: `text ${row}`, extra: `[${row}, ${row + 1}]` })),
      );
    });
  });

  it('is refused when a shard is not what was ranked', async () => {
    await withShard(
      'shard.jsonl',
      (path) => writeShard(path, lines.join('\n')),
      async (run, ranking) => {
        await writeFile(join(run.settingsFolder, 'corpus/shard.jsonl'), lines.toReversed().join('\n'));
        await expect(
          writeSelection(run, ranking, question, join(run.folder, 'out'), withDocuments, silent),
        ).rejects.toMatchObject({ code: 'SHARD_CHANGED', message: expect.stringContaining('betr rank') });
        await rm(join(run.settingsFolder, 'corpus/shard.jsonl'));
        await writeShard(join(run.settingsFolder, 'corpus/other.jsonl'), '{}');
        await expect(
          writeSelection(run, ranking, question, join(run.folder, 'out'), withDocuments, silent),
        ).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
      },
    );
  });

  it('names its files as the shards, less the folders they have in common, and never leaves its folder', () => {
    const name = (...shards: string[]): string[] => [...nameFiles(shards).values()];
    expect(name('corpus/a.jsonl')).toEqual(['a.jsonl']);
    expect(name('/pool/en/a.jsonl', '/pool/de/a.jsonl')).toEqual(['en/a.jsonl', 'de/a.jsonl']);
    const mixed = name('../a.jsonl', '/a.jsonl', '_/a.jsonl', '__/a.jsonl', 'a.jsonl');
    expect(mixed).toEqual(['__/a.jsonl', '_/a.jsonl', '___/a.jsonl', '____/a.jsonl', 'a.jsonl']);
  });
});

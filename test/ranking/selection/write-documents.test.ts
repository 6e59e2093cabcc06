import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
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
import { type Ranking } from '../../../ranking/generation.ts';
import { publishRanking } from '../../../ranking/publish.ts';
import { writeSelection } from '../../../ranking/selection/select.ts';
import { nameFiles } from '../../../ranking/selection/name-files.ts';
import { keepByPlainSort, type Row, scorer, withRun, writeParts, writeShard } from '../synthetic.ts';
import { sha256File } from '../../../data/files/hash-files.ts';
import { queryRows } from '../../../data/duckdb/rows.ts';

const question = { keep: 0.2 };
const withDocuments = { format: 'documents' } as const;

/** Every file of a folder with its bytes. */
async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path).toString('base64')]),
  );
}

const canCompress = await openZstdCompressor().then(
  () => true,
  () => false,
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

  it('names its files like the shards without their common folders, and never leaves its folder', () => {
    const name = (...shards: string[]): string[] => [...nameFiles(shards).values()];
    expect(name('corpus/a.jsonl')).toEqual(['a.jsonl']);
    expect(name('/pool/en/a.jsonl', '/pool/de/a.jsonl')).toEqual(['en/a.jsonl', 'de/a.jsonl']);
    const mixed = name('../a.jsonl', '/a.jsonl', '_/a.jsonl', '__/a.jsonl', 'a.jsonl');
    expect(mixed).toEqual(['__/a.jsonl', '_/a.jsonl', '___/a.jsonl', '____/a.jsonl', 'a.jsonl']);
  });
});

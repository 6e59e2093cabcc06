// Kept documents with one more field or column: how many times to repeat each.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { decompress } from 'fzstd';
import { parquetReadObjects } from 'hyparquet';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { queryRows } from '../../../data/duckdb/rows.ts';
import { listShards } from '../../../data/shards.ts';
import { type Ranking } from '../../../ranking/generation.ts';
import { publishRanking } from '../../../ranking/publish.ts';
import { addRepeat } from '../../../ranking/selection/repeat-field.ts';
import { parseSlices } from '../../../ranking/selection/repeat.ts';
import { writeSelection } from '../../../ranking/selection/select.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import { scorer, withRun, writeParts, writeShard } from '../synthetic.ts';

const compressors = {
  ZSTD: (bytes: Uint8Array, size: number): Uint8Array => decompress(bytes, new Uint8Array(size)),
};
const rowsOnly = { format: 'rows' } as const;

describe('documents with repetitions', () => {
  const count = 60;
  const repeat = parseSlices('--repeat', '0.75:3,0:1');
  const scoreOf = (row: number): number => Math.fround(Math.sin(row));

  async function withShard(
    name: string,
    make: (path: string) => Promise<void>,
    use: (run: Run, ranking: Ranking, out: string) => Promise<void>,
  ): Promise<void> {
    await withRun(async (run) => {
      await make(join(run.settingsFolder, 'corpus', name));
      const [shard] = await listShards(run.settings.corpus.files, run.settingsFolder);
      const rows = Array.from({ length: count }, (_, row) => ({
        shard: shard?.name ?? '',
        row,
        document: `d${row}`,
        source: 'web',
        tokens: 5,
        score: scoreOf(row),
      }));
      const ranking = await publishRanking(run, await writeParts(run, rows, 0, shard), scorer);
      await use(run, ranking, join(run.folder, 'out'));
    });
  }
  const kept = Array.from({ length: count }, (_, row) => row).filter((row) => scoreOf(row) >= 0);
  const timesOf = (row: number): number => (scoreOf(row) >= 0.75 ? 3 : 1);
  const withDocuments = { format: 'documents', repeat } as const;
  const line = (row: number): string =>
    `{"id": "d${row}", "text":"} \\u007d ${row} \u{1F600}",  "nested" : {"repeat": [1,2 ,"x}"]} }\r`;

  it('have one more field in JSON lines, and are otherwise as they were', async () => {
    await withShard(
      'shard.jsonl.gz',
      (path) =>
        writeShard(path, gzipSync(Array.from({ length: count }, (_, row) => `${line(row)}\n`).join(''))),
      async (run, ranking, out) => {
        await writeSelection(run, ranking, {}, out, withDocuments, silent);
        const written = gunzipSync(await readFile(join(out, 'documents/shard.jsonl.gz'))).toString();
        expect(written).toBe(
          kept.map((row) => `${line(row).replace(/\}\r$/, `,"repeat":${timesOf(row)}}\r`)}\n`).join(''),
        );
        expect(z.object({ repeat: z.number() }).parse(JSON.parse(written.split('\n')[0] ?? ''))).toEqual({
          repeat: timesOf(kept[0] ?? 0),
        });
      },
    );
  });

  const makeParquet =
    (columns: string) =>
    async (path: string): Promise<void> => {
      await writeShard(path, '');
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT 'd' || i AS id, 'text ' || i AS text, ${columns} FROM range(${count}) AS r (i)) ` +
            `TO ${sqlString(path)} (FORMAT parquet, ROW_GROUP_SIZE 2048, KV_METADATA {'ARROW:schema': ` +
            `'x', other: 'y'})`,
        ),
      );
    };

  it('have one more column in Parquet, for DuckDB and hyparquet', async () => {
    await withShard('shard.parquet', makeParquet('[i, i + 1] AS extra'), async (run, ranking, out) => {
      await writeSelection(run, ranking, {}, out, withDocuments, silent);
      const path = join(out, 'documents/shard.parquet');
      const expected = kept.map((row) => ({ id: `d${row}`, repeat: timesOf(row) }));
      const found = await withDuckDb({}, async (connection) => ({
        rows: await queryRows(
          connection,
          `SELECT id, repeat FROM read_parquet(${sqlString(path)})`,
          z.object({ id: z.string(), repeat: z.number() }),
        ),
        notes: await queryRows(
          connection,
          `SELECT key::VARCHAR AS key FROM parquet_kv_metadata(${sqlString(path)})`,
          z.object({ key: z.string() }),
        ),
      }));
      expect(found.rows).toEqual(expected);
      // Some of Arrow's readers refuse a schema that lacks the column.
      expect(found.notes).toEqual([{ key: 'other' }]);
      const bytes = Uint8Array.from(await readFile(path)).buffer;
      expect(await parquetReadObjects({ file: bytes, columns: ['id', 'repeat'], compressors })).toEqual(
        expected,
      );
    });
  });

  it('are refused where the corpus has a field of this name', async () => {
    const refused = {
      code: 'FIELD_TAKEN',
      message: expect.stringMatching(/shard\..*"Repeat".*--format rows/),
    };
    await withShard(
      'shard.jsonl',
      (path) =>
        writeShard(path, Array.from({ length: count }, () => '{"text": "a", "Repeat": 1}\n').join('')),
      async (run, ranking, out) => {
        await expect(writeSelection(run, ranking, {}, out, withDocuments, silent)).rejects.toMatchObject(
          refused,
        );
        // Rows need no field of the corpus.
        await writeSelection(run, ranking, {}, out, { ...rowsOnly, repeat }, silent);
      },
    );
    await withShard('shard.parquet', makeParquet('i AS "Repeat"'), async (run, ranking, out) => {
      await expect(writeSelection(run, ranking, {}, out, withDocuments, silent)).rejects.toMatchObject(
        refused,
      );
    });
  });

  it('find the field however its name is written', () => {
    const shard = { name: 's', path: 's.jsonl', format: 'jsonl', bytes: 1, modifiedMs: 1 } as const;
    expect(() => addRepeat(Buffer.from('{"\\u0072epeat": 1}'), 2, shard)).toThrow('already have a field');
    expect(addRepeat(Buffer.from('{"a": "repeat"}'), 2, shard).toString()).toBe('{"a": "repeat","repeat":2}');
  });
});

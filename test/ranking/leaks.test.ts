import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parquetSource, sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { copyRows } from '../../data/parquet/copy-rows.ts';
import { readFooter } from '../../data/parquet/footer.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { findSlowly } from '../../leaks/find.ts';
import { findLeaks } from '../../leaks/leaks.ts';
import { planCuts } from '../../ranking/selection/excise-parquet.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { writeSelection } from '../../ranking/selection/select.ts';
import { selectionManifestSchema } from '../../ranking/selection/manifest.ts';
import { makeTrainedRun } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

const test = 'which of these planets is the largest in our own solar system today';
const filler = (name: string, words: number): string =>
  Array.from({ length: words }, (_, i) => `${name}${i}`).join(' ');
const fields = { id: 'id', text: 'text', source: 'source', tokens: 'tokens' };

/**
 * A corpus of two shards, of which every tenth document has the test item in its middle, ranked, with its
 * leaks found.
 */
async function withLeaks(use: (run: Run, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'corpus'), { recursive: true });
    const rows = (name: string): { id: string; tokens: number; text: string }[] =>
      Array.from({ length: 50 }, (_, i) => ({
        id: `${name}-${i}`,
        tokens: 100,
        text:
          i % 10 === 3
            ? `${filler('before', 60)} ${test} ${filler('after', i === 3 ? 20 : 60)}`
            : filler('plain', 40 + i),
      }));
    await writeFile(
      join(folder, 'corpus', 'a.jsonl.gz'),
      gzipSync(
        rows('a')
          .map((row) => `${JSON.stringify(row)}\n`)
          .join(''),
      ),
    );
    await writeFile(
      join(folder, 'rows.jsonl'),
      rows('b')
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    await withDuckDb({ threads: 1 }, (connection) =>
      connection.run(
        `COPY (SELECT id, tokens, text FROM read_json(${sqlString(join(folder, 'rows.jsonl'))}, format ` +
          `= 'newline_delimited')) TO ${sqlString(join(folder, 'corpus', 'b.parquet'))} (FORMAT parquet)`,
      ),
    );
    await writeFile(
      join(folder, 'test.jsonl'),
      JSON.stringify({ id: 't', benchmark: 'quiz', question: test, answer: 'Jupiter' }),
    );
    await writeFile(join(folder, 'none.jsonl'), '');
    const run = await makeTrainedRun(folder);
    await rankCorpus(run, silent);
    await findLeaks(run, { tests: ['test.jsonl'] }, silent);
    await use(run, folder);
  });
}

const rowSchema = z.object({
  id: z.string(),
  text: z.string(),
  tokens: z.number().nullish(),
  repeat: z.number().optional(),
});
type Document = z.output<typeof rowSchema>;

async function readDocuments(out: string, more = ''): Promise<Document[]> {
  const lines = gunzipSync(await readFile(join(out, 'documents', 'a.jsonl.gz')))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => rowSchema.parse(JSON.parse(line)));
  const rows = await withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT id, text, tokens::DOUBLE AS tokens${more} FROM ${parquetSource(join(out, 'documents', 'b.parquet'))}`,
      rowSchema,
    ),
  );
  return [...lines, ...rows];
}

describe('a selection without leaks', () => {
  it('leaves out the documents with test items, and counts them', async () => {
    await withLeaks(async (run, folder) => {
      const ranking = await readRanking(run);
      const manifest = await writeSelection(
        run,
        ranking,
        { keep: 1 },
        join(folder, 'out'),
        { format: 'documents', leaks: 'drop' },
        silent,
      );
      expect(manifest).toMatchObject({
        documents: 90,
        tokens: 9000,
        leaks: { handling: 'drop', documents: 10, tokens: 1000 },
        answer: { cutoff: { documents: 100, tokens: 10_000 } },
      });
      const documents = await readDocuments(join(folder, 'out'));
      expect(documents).toHaveLength(90);
      for (const { text } of documents) expect(findSlowly([`${test} Jupiter`], text)).toEqual([]);
      const plain = await writeSelection(
        run,
        ranking,
        { keep: 1 },
        join(folder, 'plain'),
        { format: 'documents' },
        silent,
      );
      expect(plain).toMatchObject({ documents: 100, leaks: null });
      expect(
        selectionManifestSchema.parse(
          JSON.parse(await readFile(join(folder, 'out', 'manifest.json'), 'utf8')),
        ).leaks,
      ).toEqual(manifest.leaks);
    });
  });

  it('cuts test items out, in JSON Lines and in Parquet, and keeps what is left', async () => {
    await withLeaks(async (run, folder) => {
      const manifest = await writeSelection(
        run,
        await readRanking(run),
        { keep: 1 },
        join(folder, 'out'),
        { format: 'documents', leaks: 'cut' },
        silent,
      );
      expect(manifest).toMatchObject({ documents: 100, leaks: { handling: 'cut', documents: 10 } });
      const documents = await readDocuments(join(folder, 'out'));
      const pieces = documents.filter(({ id }) => id.includes('#'));
      // Of the documents numbered 3 what comes after is too short.
      expect(pieces.map(({ id }) => id)).toEqual(
        ['a', 'b'].flatMap((name) => [
          `${name}-3#1`,
          ...[13, 23, 33, 43].flatMap((i) => [`${name}-${i}#1`, `${name}-${i}#2`]),
        ]),
      );
      expect(documents).toHaveLength(90 + pieces.length);
      expect(manifest.files.map(({ documents: count }) => count)).toEqual([100, 54, 54]);
      for (const { text } of documents) expect(findSlowly([`${test} Jupiter`], text)).toEqual([]);
      for (const { text, tokens } of pieces) {
        expect(text.length).toBeGreaterThanOrEqual(200);
        expect(tokens ?? null).toBe(null);
      }
      expect(documents.find(({ id }) => id === 'b-5')).toEqual({
        id: 'b-5',
        text: filler('plain', 45),
        tokens: 100,
      });
    });
  });

  it('counts repetitions of what is left, and repeats the pieces of a document like the document', async () => {
    await withLeaks(async (run, folder) => {
      const ranking = await readRanking(run);
      const select = (out: string, leaks: 'drop' | 'cut'): ReturnType<typeof writeSelection> =>
        writeSelection(
          run,
          ranking,
          {},
          join(folder, out),
          { format: 'documents', leaks, repeat: [{ share: 1, times: 3 }] },
          silent,
        );
      expect((await select('dropped', 'drop')).repeat).toEqual({
        slices: [{ share: 1, times: 3, documents: 90, tokens: 9000 }],
        documentsSeen: 270,
        tokensSeen: 27_000,
      });
      expect((await select('cut', 'cut')).repeat?.documentsSeen).toBe(300);
      const documents = await readDocuments(join(folder, 'cut'), ', repeat');
      expect(documents.filter(({ id }) => id.includes('#')).length).toBeGreaterThan(10);
      expect(documents.filter(({ repeat }) => repeat !== 3)).toEqual([]);
    });
  });

  it('cuts test items out of Parquet whose text is inside a struct, and keeps the rest of the row', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      const text = `repeat('before ', 60) || 'LEAK' || repeat(' after', 100)`;
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT i AS id, {'text': ${text} || i, 'url': 'u' || i} AS doc, [i, i] AS list, i AS ` +
            `tokens FROM range(3) AS t (i)) TO ${sqlString(path)} (FORMAT parquet, KV_METADATA {own: 'note'})`,
        ),
      );
      const { size, mtimeMs } = await stat(path);
      const footer = await readFooter(path);
      const edits = await planCuts(
        { name: 'a', path, format: 'parquet', bytes: size, modifiedMs: mtimeMs },
        footer,
        { ...fields, text: 'doc.text' },
        [1],
        new Map([[1, [{ startByte: 420, endByte: 424 }]]]),
      );
      expect(await copyRows(path, footer, [0, 1], join(folder, 'b.parquet'), edits)).toBe(3);
      const found = await withDuckDb({}, async (connection) =>
        (
          await connection.runAndReadAll(
            `SELECT id::INTEGER, length(doc.text)::INTEGER, doc.text LIKE '%LEAK%', doc.url, ` +
              `list::VARCHAR, tokens::INTEGER FROM ${parquetSource(join(folder, 'b.parquet'))}`,
          )
        ).getRows(),
      );
      expect(found).toEqual([
        [0, 1025, true, 'u0', '[0, 0]', 0],
        [1, 220, false, 'u1', '[1, 1]', null],
        [1, 401, false, 'u1', '[1, 1]', null],
      ]);
    });
  });

  it('asks for a new search when the corpus has changed', async () => {
    await withLeaks(async (run, folder) => {
      await utimes(join(folder, 'corpus', 'b.parquet'), 1, 1);
      await rankCorpus(run, silent);
      await expect(
        writeSelection(
          run,
          await readRanking(run),
          { keep: 1 },
          join(folder, 'out'),
          { format: 'rows', leaks: 'drop' },
          silent,
        ),
      ).rejects.toMatchObject({ code: 'LEAKS_STALE', message: expect.stringContaining('b.parquet') });
    });
  });
});

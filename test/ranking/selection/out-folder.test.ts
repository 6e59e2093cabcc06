import { readFileSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { silent } from '../../../run/progress.ts';
import { writeSelection } from '../../../ranking/selection/select.ts';
import { makeRows, rankRows, withRun } from '../synthetic.ts';

const question = { keep: 0.2 };
const rowsOnly = { format: 'rows' } as const;
const withDocuments = { format: 'documents' } as const;

/** Every file of a folder with its bytes. */
async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path).toString('base64')]),
  );
}

describe('the folder of a selection', () => {
  const foreign: [string, string][] = [
    ['notes.txt', 'mine'],
    ['manifest.json', '{"version": 3}'],
    ['selection.parquet', 'not ours'],
    ['documents/a.jsonl', '{}'],
  ];
  it.each(foreign)('is left untouched if it contains a foreign %s', async (file, text) => {
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

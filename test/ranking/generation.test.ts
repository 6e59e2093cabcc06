import { mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { CoveredRows } from '../../scoring/part.ts';
import { readRanking } from '../../ranking/generation.ts';
import { publishRanking } from '../../ranking/publish.ts';
import { makeRows, rankRows, scorer, sumTokens, withRun, writeParts } from './synthetic.ts';

describe('a generation of the ranking', () => {
  it('adds up its parts and reads back as it was published', async () => {
    await withRun(async (run) => {
      const rows = makeRows(200);
      const ranking = await rankRows(run, rows, 2);
      expect(ranking).toMatchObject({
        documents: 200,
        tokens: sumTokens(rows),
        estimatedDocuments: 6,
        textBytes: 2000,
        quarantined: 3,
        scorer,
      });
      expect(ranking.sources.map(({ source }) => source)).toEqual(['books', 'code', 'news', 'science']);
      expect(ranking.sources.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(ranking.tokens);
      expect(ranking.histogram.reduce((sum, [, documents]) => sum + documents, 0)).toBe(200);
      expect(ranking.histogram.map(([bin]) => bin)).toEqual(
        ranking.histogram.map(([bin]) => bin).sort((a, b) => b - a),
      );
      expect(await readRanking(run)).toEqual(ranking);
    });
  });

  it('keeps its name and its file while nothing changes, whatever the order of the parts', async () => {
    await withRun(async (run) => {
      const parts = await writeParts(run, makeRows(60));
      const first = await publishRanking(run, parts, scorer);
      const written = (await stat(run.files.ranking)).mtimeMs;
      expect(await publishRanking(run, parts.toReversed(), scorer)).toEqual(first);
      expect((await stat(run.files.ranking)).mtimeMs).toBe(written);
      expect((await publishRanking(run, parts, { ...scorer, sha256: 'e'.repeat(64) })).generation).not.toBe(
        first.generation,
      );
      expect((await publishRanking(run, parts.slice(1), scorer)).generation).not.toBe(first.generation);
      const [one] = parts;
      if (one === undefined) throw new Error('there is no part');
      // Their files are the same, byte for byte.
      const changed = (change: Partial<CoveredRows>): CoveredRows[] =>
        one.covers.map((rows) => ({ ...rows, ...change }));
      expect(
        (
          await publishRanking(
            run,
            [{ ...one, covers: changed({ quarantined: one.quarantined + 1 }) }, ...parts.slice(1)],
            scorer,
          )
        ).generation,
      ).not.toBe(first.generation);
      expect(
        (
          await publishRanking(
            run,
            [
              ...parts,
              {
                ...one,
                covers: changed({ shard: 'empty.jsonl', rows: 0, documents: 0 }),
                documents: 0,
                tokens: 0,
                histogram: [],
                sources: [],
              },
            ],
            scorer,
          )
        ).generation,
      ).not.toBe(first.generation);
    });
  });

  it('keeps its name, and follows its files, when the same scores move to a file of another name', async () => {
    await withRun(async (run) => {
      const parts = await writeParts(run, makeRows(60));
      const first = await publishRanking(run, parts, scorer);
      const renamed = await publishRanking(
        run,
        parts.map((part) => ({ ...part, covers: part.covers.map((rows) => ({ ...rows, modifiedMs: 2 })) })),
        scorer,
      );
      expect(renamed).toMatchObject({ generation: first.generation, publishedAt: first.publishedAt });
      expect((await readRanking(run)).parts[0]?.covers[0]?.modifiedMs).toBe(2);
    });
  });

  it('is missing until it is published; the error names the next command', async () => {
    await withRun(async (run) => {
      await expect(readRanking(run)).rejects.toMatchObject({
        code: 'STEP_MISSING',
        message: expect.stringContaining('"betr run"'),
      });
      await mkdir(dirname(run.files.card), { recursive: true });
      await writeFile(run.files.card, '{}');
      await expect(readRanking(run)).rejects.toMatchObject({
        code: 'STEP_MISSING',
        message: expect.stringContaining('"betr rank"'),
      });
      await expect(publishRanking(run, [], scorer)).rejects.toMatchObject({ code: 'NO_DOCUMENTS' });
    });
  });

  it('is damaged if its file or a part was altered; ranking again repairs it', async () => {
    await withRun(async (run) => {
      const parts = await writeParts(run, makeRows(60));
      await publishRanking(run, parts, scorer);
      const path = join(run.files.scores, parts[1]?.file ?? '');
      await truncate(path, 100);
      await expect(readRanking(run)).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
        message: expect.stringContaining(path),
      });
      await rm(path);
      await expect(readRanking(run)).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
        message: expect.stringContaining('missing'),
      });
      await writeFile(run.files.ranking, '{"generation": "half');
      await expect(readRanking(run)).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
        message: expect.stringContaining('betr rank'),
      });
      const mended = await publishRanking(run, await writeParts(run, makeRows(60)), scorer);
      expect(await readRanking(run)).toEqual(mended);
    });
  });
});

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { chunkOf } from '../../scoring/part.ts';
import { makePlan } from '../../scoring/make-plan.ts';
import { workOnPlan } from '../../scoring/work.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { withScores } from '../../ranking/scores.ts';
import { forgetScores, makeLines, makeTrainedRun, withCorpus } from '../classifier/trained-run.ts';
import { readAll, withFolder } from '../data/collect.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { everything, longTest } from '../long.ts';

/** What stays of a ranking: the hash of every file, less when it was published. */
async function hashFiles(run: Run): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const folder of [run.files.scores, run.files.manifest, run.files.quarantine, run.files.leases]) {
    for (const name of (await readdir(folder).catch(() => [])).sort())
      hashes[name] = createHash('sha256')
        .update(await readFile(join(folder, name)))
        .digest('hex');
  }
  hashes['plan.json'] = createHash('sha256')
    .update(await readFile(run.files.plan))
    .digest('hex');
  return { ...hashes, generation: (await readRanking(run)).generation };
}

const rowSchema = z.object({ shard: z.string(), row: z.number(), document: z.string() });

describe('ranking a corpus', () => {
  it('scores every document of every format once, with its row, and leaves out exactly the invalid rows', async () => {
    await withCorpus(async (run, folder) => {
      const { ranking, published, scores } = await rankCorpus(run, silent);
      expect(published).toBe(true);
      expect(scores).toMatchObject({
        shardsScored: 3,
        shardsReused: 0,
        documents: ranking.documents,
        textBytes: ranking.textBytes,
      });
      expect(ranking.parts.length).toBeGreaterThan(12);
      const rows = await withScores(run, ranking, (connection, table) =>
        queryRows(connection, `SELECT shard, "row"::DOUBLE AS "row", document FROM ${table}`, rowSchema),
      );
      const expected: z.output<typeof rowSchema>[] = [];
      let quarantined = 0;
      for (const name of ['packed.jsonl.gz', 'plain.jsonl', 'rows.parquet']) {
        const whole = await readAll(join(folder, 'corpus', name), { name: `corpus/${name}` });
        expected.push(
          ...whole.documents.map(({ row, document }) => ({ shard: `corpus/${name}`, row, document })),
        );
        quarantined += whole.quarantined.length;
      }
      expect(rows).toEqual(expected);
      expect(ranking.quarantined).toBe(quarantined);
      expect(quarantined).toBeGreaterThan(5);
      const covered = ranking.parts.flatMap(({ covers }) => covers);
      for (const name of new Set(covered.map(({ shard }) => shard))) {
        const own = covered.filter(({ shard }) => shard === name);
        expect(own.map(({ firstRow }) => firstRow)).toEqual(
          own.map((_, i) => own.slice(0, i).reduce((sum, { rows }) => sum + rows, 0)),
        );
        expect(own.map(({ endsShard }) => endsShard)).toEqual(own.map((_, i) => i === own.length - 1));
      }
      const listed = (await readdir(run.files.quarantine)).filter((name) => chunkOf(name) !== undefined);
      const lines = await Promise.all(
        listed.map(
          async (name) =>
            (await readFile(join(run.files.quarantine, name), 'utf8')).trim().split('\n').length,
        ),
      );
      expect(lines.reduce((sum, count) => sum + count, 0)).toBe(quarantined);
    });
  });

  it('gives the same bytes with any number of workers', async () => {
    await withCorpus(async (run, folder) => {
      await rankCorpus(run, silent);
      const alone = await hashFiles(run);
      for (const workers of everything ? [4, 2] : [2]) {
        await forgetScores(run);
        await rankCorpus(await makeTrainedRun(folder, { workers }), silent);
        expect(await hashFiles(run)).toEqual(alone);
      }
    });
  });

  it('writes nothing when nothing is new, and scores only the shards that are', async () => {
    await withCorpus(async (run, folder) => {
      const first = await rankCorpus(run, silent);
      const files = await hashFiles(run);
      const times = async (): Promise<number[]> =>
        Promise.all(
          [run.files.plan, run.files.ranking, run.files.scores, run.files.manifest, run.files.quarantine].map(
            async (path) => (await stat(path)).mtimeMs,
          ),
        );
      const before = await times();
      expect(await rankCorpus(run, silent)).toMatchObject({
        published: false,
        ranking: first.ranking,
        scores: { shardsScored: 0, shardsReused: 3, documents: 0 },
      });
      expect(await times()).toEqual(before);
      await writeFile(join(folder, 'corpus', 'later.jsonl'), makeLines(100, 9));
      const second = await rankCorpus(run, silent);
      expect(second).toMatchObject({
        published: true,
        scores: { shardsScored: 1, shardsReused: 3, documents: 98 },
      });
      expect(second.ranking.documents).toBe(first.ranking.documents + 98);
      expect(await hashFiles(run)).toMatchObject(
        Object.fromEntries(Object.entries(files).filter(([name]) => chunkOf(name) !== undefined)),
      );
      await unlink(join(folder, 'corpus', 'later.jsonl'));
      const third = await rankCorpus(run, silent);
      expect(third).toMatchObject({
        published: true,
        ranking: { generation: first.ranking.generation },
        scores: { documents: 0 },
      });
    });
  });

  longTest('scores a shard again when it has grown, and all of them by a new classifier', async () => {
    await withCorpus(async (run, folder) => {
      const { ranking } = await rankCorpus(run, silent);
      await appendFile(join(folder, 'corpus', 'plain.jsonl'), makeLines(10, 5));
      expect(await rankCorpus(run, silent)).toMatchObject({
        published: true,
        ranking: { documents: ranking.documents + 10 },
        scores: { shardsScored: 1 },
      });
      const other = await makeTrainedRun(folder, { seed: 2 });
      expect(await rankCorpus(other, silent)).toMatchObject({
        published: true,
        ranking: { documents: ranking.documents + 10 },
        scores: { shardsScored: 3 },
      });
      // The generation before stays for those who are reading it, until there is another one.
      const now = (await readRanking(run)).parts.length;
      for (let times = 0; times < 2; times++) {
        expect((await readdir(run.files.scores)).filter((name) => name.endsWith('.parquet'))).toHaveLength(
          2 * now,
        );
        await rankCorpus(other, silent);
      }
      await writeFile(join(folder, 'corpus', 'new.jsonl'), makeLines(10, 6));
      await rankCorpus(other, silent);
      expect((await readdir(run.files.scores)).filter((name) => name.endsWith('.parquet'))).toHaveLength(
        (await readRanking(run)).parts.length,
      );
    });
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['is gone', unlink],
    ['is cut short', (path) => truncate(path, 100)],
    ['lost its card', (path) => unlink(path.replace('.parquet', '.json'))],
  ])('makes a part again that %s, and nothing else', async (_, damage) => {
    await withCorpus(async (run) => {
      const { ranking } = await rankCorpus(run, silent);
      const before = await hashFiles(run);
      const part = ranking.parts[ranking.parts.length >> 1];
      await damage(join(run.files.scores, part?.file ?? ''));
      const again = await rankCorpus(run, silent);
      expect(again.published).toBe(false);
      expect(again.scores.documents).toBeGreaterThan(0);
      expect(again.scores.documents).toBeLessThan(ranking.documents / 2);
      expect(await hashFiles(run)).toEqual(before);
    });
  });

  it('of a compressed shard goes on after the parts that are published', async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, 'corpus'));
      await writeFile(join(folder, 'corpus', 'packed.jsonl.gz'), gzipSync(makeLines(1000, 2)));
      const run = await makeTrainedRun(folder);
      await rankCorpus(run, silent);
      const undisturbed = await hashFiles(run);
      await forgetScores(run);
      const plan = await makePlan(run, silent);
      let passes = 0;
      let documents = 0;
      for (let finished = false; !finished; passes++) {
        const stop = new AbortController();
        // Told to end in the first part, it finishes that one.
        const result = await workOnPlan(run, plan, {
          wait: true,
          signal: stop.signal,
          graceMs: 60_000,
          onProgress: () => stop.abort(),
        });
        expect(result.parts).toBe(1);
        finished = result.chunks === 1;
        documents += result.documents;
      }
      expect(passes).toBeGreaterThan(5);
      const { ranking, scores } = await rankCorpus(run, silent);
      expect(scores.documents).toBe(0);
      expect(documents).toBe(ranking.documents);
      expect(await hashFiles(run)).toEqual(undisturbed);
    });
  });

  it('ranks the rest and reports a damaged shard; once repaired, only that one is scored', async () => {
    await withCorpus(async (run, folder) => {
      const good = await readFile(join(folder, 'corpus', 'rows.parquet'));
      const path = join(folder, 'corpus', 'bad.parquet');
      await writeFile(path, good.subarray(0, good.length >> 1));
      await expect(rankCorpus(run, silent)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining(path),
      });
      const packed = join(folder, 'corpus', 'other.jsonl.gz');
      await writeFile(packed, (await readFile(join(folder, 'corpus', 'packed.jsonl.gz'))).subarray(0, 500));
      await expect(rankCorpus(run, silent)).rejects.toMatchObject({
        code: 'SHARDS_FAILED',
        values: { problems: [expect.stringContaining(path), expect.stringContaining(packed)] },
      });
      await rm(packed);
      await writeFile(path, good);
      expect(await rankCorpus(run, silent)).toMatchObject({ scores: { shardsScored: 1, shardsReused: 3 } });
    });
  });

  it('of a shard that changes while it is read is of what the shard is at the end', async () => {
    await withCorpus(async (run, folder) => {
      let changed = false;
      const path = join(folder, 'corpus', 'plain.jsonl');
      const { ranking } = await rankCorpus(run, ({ stage }) => {
        if (!stage.startsWith('score') || changed) return;
        changed = true;
        writeFileSync(path, makeLines(50, 8));
      });
      expect(changed).toBe(true);
      const { size } = await stat(path);
      const covered = ranking.parts
        .flatMap(({ covers }) => covers)
        .filter(({ shard }) => shard === 'corpus/plain.jsonl');
      expect(covered.map(({ bytes }) => bytes)).toContain(size);
      expect(covered.reduce((sum, { rows }) => sum + rows, 0)).toBe(50);
    });
  });

  it('needs a classifier and documents', async () => {
    await withCorpus(async (run, folder) => {
      await rm(join(folder, 'corpus'), { recursive: true });
      await mkdir(join(folder, 'corpus'));
      await writeFile(join(folder, 'corpus', 'none.jsonl'), '\n{"no": "text"}\n');
      await expect(rankCorpus(run, silent)).rejects.toMatchObject({
        code: 'FIELD_MISSING',
        values: { found: ['no'] },
      });
      await writeFile(join(folder, 'corpus', 'none.jsonl'), '\n{"text": ""}\n');
      await expect(rankCorpus(run, silent)).rejects.toMatchObject({ code: 'NO_DOCUMENTS' });
      await rm(run.files.card);
      await expect(rankCorpus(run, silent)).rejects.toMatchObject({ code: 'STEP_MISSING' });
    });
  });
});

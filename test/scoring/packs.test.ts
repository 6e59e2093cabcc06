import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { guessTextBytes, isSmall, packShards } from '../../scoring/packs.ts';
import type { ListedPart } from '../../scoring/part.ts';
import { listTasks, makePlan, type Task } from '../../scoring/plan.ts';
import { readPublishedParts } from '../../scoring/published.ts';
import { openConnections, scoreChunk } from '../../scoring/score-chunk.ts';
import { openScorer, readScorer } from '../../scoring/scorers/list.ts';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import type { ShardFormat } from '../../data/documents.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { readTokenRates } from '../../indexer/sample/tokens.ts';
import { findDocument } from '../../ranking/list-documents.ts';
import { publishRanking, type Ranking, readRanking } from '../../ranking/generation.ts';
import { predictRanking } from '../../ranking/predict.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { withScores } from '../../ranking/scores.ts';
import { openShard } from '../../ranking/shards.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { rounds } from '../long.ts';
import { smallShards, time, withShards, writeShards } from '../ranking/small-shards.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

async function addParquet(folder: string, name: string, lines: string): Promise<void> {
  const [from, path] = [join(folder, 'rows.jsonl'), join(folder, 'corpus', name)];
  await writeFile(from, lines.replaceAll('{"id": "cut short\n', '\n'));
  await withDuckDb({ threads: 1 }, (connection) =>
    connection.run(
      `COPY (SELECT id, text, source, tokens FROM read_json(${sqlString(from)}, format = ` +
        `'newline_delimited', columns = {id: 'VARCHAR', text: 'VARCHAR', source: 'VARCHAR', tokens: ` +
        `'BIGINT'})) TO ${sqlString(path)} (FORMAT parquet)`,
    ),
  );
  await utimes(path, time, time);
}

const scoredRow = z.object({
  shard: z.string(),
  row: z.number(),
  document: z.string(),
  source: z.string(),
  tokens: z.number(),
  score: z.number(),
});

/** Every row with its score, in an order that says nothing of parts. */
function readRows(run: Run, ranking: Ranking): Promise<z.output<typeof scoredRow>[]> {
  return withScores(run, ranking, (connection, table) =>
    queryRows(
      connection,
      'SELECT shard, "row"::DOUBLE AS "row", document, source, tokens::DOUBLE AS tokens, score ' +
        `FROM ${table} ORDER BY shard, "row"`,
      scoredRow,
    ),
  );
}

const problemsOf = async (run: Run): Promise<string[]> =>
  (await verifyRanking(run, { corpus: true }, silent)).problems;

const packsOf = (ranking: Ranking): ListedPart[] => ranking.parts.filter(({ covers }) => covers.length > 1);

async function hashScores({ files }: Run): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of [files.scores, files.manifest, files.quarantine])
    for (const name of (await readdir(folder)).sort())
      hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex');
}

describe('packing small shards', () => {
  it('puts each into one pack, in their order, of at most a chunk and 500 shards', () => {
    const shard = fc.record({
      format: fc.constantFrom<ShardFormat>('jsonl', 'jsonl.gz', 'jsonl.zst', 'parquet'),
      bytes: fc.oneof(fc.nat(20), fc.nat(3000)),
    });
    fc.assert(
      fc.property(fc.array(shard, { maxLength: 2000 }), fc.nat(5), (all, first) => {
        const small = all.filter((one) => isSmall(one, 10_000));
        const packed = packShards(small, 10_000, first);
        expect(packed.map(({ format, bytes }) => ({ format, bytes }))).toEqual(small);
        const numbers = packed.map(({ pack }) => pack);
        expect([...new Set(numbers)]).toEqual(
          Array.from({ length: new Set(numbers).size }, (_, i) => first + i),
        );
        for (const number of new Set(numbers)) {
          const own = packed.filter(({ pack }) => pack === number);
          expect(own.length).toBeLessThanOrEqual(500);
          expect(own.reduce((sum, one) => sum + guessTextBytes(one), 0)).toBeLessThanOrEqual(10_000);
        }
      }),
      { numRuns: rounds(100) },
    );
  });

  it(
    'keeps packs as they are when shards come between theirs, and scores the neighbors of one that ' +
      'changes or goes, and no others',
    async () => {
      await withShards(smallShards(60), async (run, folder) => {
        const tasks = async (): Promise<Map<string, string[]>> =>
          new Map(
            listTasks(run, await makePlan(run, silent)).map(({ name, pieces }) => [
              name,
              pieces.map(({ shard }) => shard.name),
            ]),
          );
        const before = await tasks();
        const packs = [...before.values()].filter(({ length }) => length > 1);
        expect(packs.length).toBeGreaterThan(2);
        expect(new Set(packs.flat()).size).toBe(60);
        await writeShards(
          folder,
          Object.fromEntries(
            [3, 17, 42].map((i) => [`00${String(i).padStart(2, '0')}-between.jsonl`, makeLines(5, i)]),
          ),
        );
        const more = await tasks();
        const added = [...more].filter(([name]) => !before.has(name));
        expect(added.map(([, shards]) => shards)).toEqual([
          ['corpus/0003-between.jsonl', 'corpus/0017-between.jsonl', 'corpus/0042-between.jsonl'],
        ]);
        expect(more.size).toBe(before.size + 1);
        // One changes, and one goes.
        const [first = [], second = []] = packs;
        await writeFile(join(folder, first[1] ?? ''), makeLines(5, 77));
        await rm(join(folder, second[0] ?? ''));
        const now = await tasks();
        const fresh = [...now].filter(([name]) => !more.has(name)).map(([, shards]) => shards);
        expect(fresh).toEqual(
          expect.arrayContaining([first.filter((name) => name !== first[1]), second.slice(1), [first[1]]]),
        );
        expect(fresh).toHaveLength(3);
        // Another classifier scores all of them, in as few packs as a run that begins now.
        await makeTrainedRun(folder, { files: ['corpus/**'], seed: 2 });
        const anew = [...(await tasks()).values()];
        await rm(run.files.plan);
        expect([...(await tasks()).values()]).toEqual(anew);
        expect(anew.length).toBeLessThan(now.size);
      });
    },
  );

  it('replaces a plan of an earlier version', async () => {
    await withShards(smallShards(3), async (run) => {
      const plan = await makePlan(run, silent);
      await commitSealedJson(run.files.plan, { ...plan, version: 1 });
      await expect(
        readSealedJson(run.files.plan, z.object({ version: z.literal(2) }), 'betr rank'),
      ).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
        message: expect.stringContaining('another version of betr'),
      });
      expect(await makePlan(run, silent)).toEqual(plan);
    });
  });
});

describe('a ranking of many small shards', () => {
  it('equals that of separately scored shards, in fewer files, for every format', async () => {
    await withShards(
      {
        ...smallShards(40),
        'empty.jsonl': '',
        'blank.jsonl': '\n \n',
        'bad.jsonl': '{"no": "text"}\nnot json\n',
      },
      async (run, folder) => {
        await addParquet(folder, '0011-rows.parquet', makeLines(3, 5));
        await addParquet(folder, '0012-rows.parquet', makeLines(2, 6));
        const { ranking, withoutDocuments, notes } = await rankCorpus(run, silent);
        expect(packsOf(ranking).length).toBeGreaterThan(1);
        expect((await readdir(run.files.scores)).length).toBe(2 * ranking.parts.length);
        expect(ranking.parts.length).toBeLessThan(15);
        expect(await problemsOf(run)).toEqual([]);
        expect(withoutDocuments).toEqual({
          unusable: 1,
          empty: 2,
          first: [{ shard: 'corpus/bad.jsonl', badRows: 2, row: 0, reason: 'field "text" is missing' }],
        });
        expect(notes).toEqual([
          '1 shard has no usable row: corpus/bad.jsonl (row 0: field "text" is missing)',
        ]);
        await withFolder(async (other) => {
          await cp(join(folder, 'corpus'), join(other, 'corpus'), {
            recursive: true,
            preserveTimestamps: true,
          });
          // So small a chunk that no shard with a document is small beside it.
          const apart = await makeTrainedRun(other, { files: ['corpus/**'], chunkMegabytes: 0.002 });
          const alone = (await rankCorpus(apart, silent)).ranking;
          expect(packsOf(alone).flatMap(({ covers }) => covers.map(({ shard }) => shard))).toEqual([
            'corpus/bad.jsonl',
            'corpus/blank.jsonl',
            'corpus/empty.jsonl',
          ]);
          expect(await readRows(run, ranking)).toEqual(await readRows(apart, alone));
          const { documents, tokens, estimatedDocuments, textBytes, quarantined, sources, histogram } = alone;
          expect(ranking).toMatchObject({
            documents,
            tokens,
            estimatedDocuments,
            textBytes,
            quarantined,
            sources,
            histogram,
          });
        });
        // A document is found by its shard, which is known by its name and as it was.
        for (const { shard, row, document } of (await readRows(run, ranking)).filter(
          (_, i) => i % 50 === 0,
        )) {
          expect(await findDocument(run, ranking, shard, row)).toMatchObject({ shard, row, document });
          expect(await openShard(run, ranking, shard)).toMatchObject({ name: shard });
        }
        await expect(findDocument(run, ranking, 'corpus/bad.jsonl', 0)).rejects.toMatchObject({
          code: 'DOCUMENT_UNKNOWN',
        });
      },
    );
  });

  it('has the same bytes for any worker, and scores nothing twice', async () => {
    await withShards(smallShards(80), async (run) => {
      const first = await rankCorpus(run, silent);
      const hash = await hashScores(run);
      expect(await rankCorpus(run, silent)).toMatchObject({
        published: false,
        scores: { shardsScored: 0, shardsReused: 81 },
      });
      for (const name of [
        run.files.scores,
        run.files.manifest,
        run.files.plan,
        run.files.ranking,
        run.files.quarantine,
      ])
        await rm(name, { recursive: true, force: true });
      const again = await rankCorpus({ ...run, settings: { ...run.settings, workers: 3 } }, silent);
      expect(again.ranking.generation).toBe(first.ranking.generation);
      expect(await hashScores(run)).toBe(hash);
    });
  });

  it(
    'goes on where it was stopped, with the same bytes, also in the middle of a pack that is more text ' +
      'than it seemed',
    async () => {
      // Each compresses to a hundredth, so that the pack is several parts.
      const dense = Object.fromEntries(
        Array.from({ length: 6 }, (_, i) => [
          `${i}.jsonl.gz`,
          gzipSync(
            `${JSON.stringify({ id: `d${i}`, text: `word${i} `.repeat(2500) })}\n\n`.repeat(2 + (i % 3)),
          ),
        ]),
      );
      await withShards(dense, async (run, folder) => {
        const [task, ...others] = listTasks(run, await makePlan(run, silent));
        if (task === undefined) throw new Error('there is no task');
        expect({ others, pieces: task.pieces.length }).toEqual({ others: [], pieces: 6 });
        const { close, ...connections } = await openConnections(join(folder, 'spill'));
        const context = {
          scorer: await openScorer(run, await readScorer(run)),
          rates: await readTokenRates(run),
          fields: run.settings.corpus.fields,
          folder: run.files.scores,
          quarantine: run.files.quarantine,
          ...connections,
        };
        /**
         * Stops after so many batches, and begins again behind the parts that there are, until it is done.
         */
        const scoreWithStops = async (of: Task, batches: number): Promise<ListedPart[]> => {
          const parts: ListedPart[] = [];
          while (parts.at(-1)?.ends !== 'chunk') {
            let left = batches;
            for await (const part of scoreChunk(of, parts.slice(), context, () => --left > 0))
              parts.push(part);
          }
          return parts;
        };
        const undisturbed = await scoreWithStops(task, Infinity);
        expect(undisturbed.length).toBeGreaterThan(3);
        expect(undisturbed.some(({ covers }) => covers.length > 1)).toBe(true);
        for (const batches of [3, 4, 7]) expect(await scoreWithStops(task, batches)).toEqual(undisturbed);
        const ranking = await publishRanking(
          run,
          undisturbed.map((part) => ({ ...part, sources: [], histogram: [[1, 1, 1]] })),
          { outputs: ['joint', 'alpha'], sha256: 'f'.repeat(64) },
        );
        expect(
          ranking.parts.flatMap(({ covers }) => covers).filter(({ endsShard }) => endsShard),
        ).toHaveLength(6);
        close();
      });
    },
  );

  it('reports every unreadable shard, and is complete once they are fixed', async () => {
    await withShards(smallShards(60), async (run, folder) => {
      const bad = ['0004.jsonl.gz', '0009.jsonl.gz', '0054.jsonl.gz'];
      const good = await Promise.all(bad.map((name) => readFile(join(folder, 'corpus', name))));
      await writeShards(folder, Object.fromEntries(bad.map((name) => [name, 'this is not gzip'])));
      const failure = rankCorpus(run, silent);
      await expect(failure).rejects.toMatchObject({ code: 'SHARDS_FAILED' });
      await expect(failure).rejects.toMatchObject({ message: expect.stringMatching(/0004[^]*0009[^]*0054/) });
      // All other chunks and packs are scored.
      const left = listTasks(run, await makePlan(run, silent)).filter(({ pieces }) =>
        pieces.some(({ shard }) => bad.includes(shard.name.slice('corpus/'.length))),
      );
      const { byChunk } = await readPublishedParts(run);
      expect(byChunk.size).toBe(listTasks(run, await makePlan(run, silent)).length - left.length);
      await writeShards(folder, Object.fromEntries(bad.map((name, i) => [name, good[i] ?? ''])));
      const { ranking } = await rankCorpus(run, silent);
      expect(await problemsOf(run)).toEqual([]);
      expect(new Set((await readRows(run, ranking)).map(({ shard }) => shard)).size).toBe(61);
    });
  });

  it('follows shards that change or vanish while they are scored', async () => {
    await withShards(smallShards(60), async (run, folder) => {
      const paths = ['0005.jsonl', '0006.jsonl', '0058.jsonl'].map((name) => join(folder, 'corpus', name));
      let done: Promise<unknown> | undefined;
      const { scores, ranking } = await rankCorpus(run, ({ stage }) => {
        if (stage.startsWith('score'))
          done ??= Promise.all([
            rm(paths[0] ?? ''),
            writeFile(paths[1] ?? '', makeLines(9, 3)),
            rm(paths[2] ?? ''),
          ]);
      });
      await done;
      // What was scored before it changed is told by the next ranking.
      expect(scores.meanwhile.fresh).toEqual([]);
      const next = await rankCorpus(run, silent);
      expect(await problemsOf(run)).toEqual([]);
      const shards = new Set((await readRows(run, next.ranking)).map(({ shard }) => shard));
      expect(shards.size).toBe(59);
      expect(ranking.documents).toBeGreaterThan(0);
    });
  });

  it('counts as new what is new, and not the neighbors that are scored again with it', async () => {
    await withShards(
      smallShards(12, { lines: 100, large: false }),
      async (run, folder) => {
        await rankCorpus(run, silent);
        const { size } = new Set(
          packsOf(await readRanking(run)).flatMap(({ covers }) => covers.map(({ shard }) => shard)),
        );
        expect(size).toBe(12);
        await writeFile(
          join(folder, 'corpus', '0003.jsonl'),
          makeLines(1200, 55).replaceAll(/"source-\d"/g, '"elsewhere"'),
        );
        const { scores, drift, ranking } = await rankCorpus(run, silent);
        expect(scores.shardsScored).toBe(12);
        const documents = (await readRows(run, ranking)).filter(
          ({ shard }) => shard === 'corpus/0003.jsonl',
        ).length;
        expect(drift?.fresh).toMatchObject({
          documents,
          sources: expect.arrayContaining([{ source: 'elsewhere', before: 0, now: 1 }]),
        });
      },
      { chunkMegabytes: 2 },
    );
  });

  it('is distinguished from a damaged one, shard by shard', async () => {
    await withShards(smallShards(30), async (run) => {
      const { ranking } = await rankCorpus(run, silent);
      const [pack] = packsOf(ranking);
      if (pack === undefined) throw new Error('there is no pack');
      const reseal = (covers: ListedPart['covers'], more: Partial<ListedPart> = {}): Promise<void> =>
        commitSealedJson(run.files.ranking, {
          ...ranking,
          parts: ranking.parts.map((part) => (part === pack ? { ...part, covers, ...more } : part)),
        });
      const expectProblem = async (problem: RegExp): Promise<void> =>
        expect(await problemsOf(run)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
      const change = (index: number, by: Partial<ListedPart['covers'][number]>): ListedPart['covers'] =>
        pack.covers.map((rows, i) => (i === index ? { ...rows, ...by } : rows));
      const documents = pack.covers[1]?.documents ?? 0;
      await reseal(change(1, { documents: documents - 1 }));
      await expectProblem(
        new RegExp(
          `documents of ${pack.covers[1]?.shard ?? ''} should be ${documents - 1}, found ${documents}`,
        ),
      );
      await expectProblem(/do not add up to its totals/);
      await reseal(pack.covers.slice(1));
      await expectProblem(/rows of a shard other than those listed/);
      await expectProblem(new RegExp(`${pack.covers[0]?.shard ?? ''} is not ranked yet`));
      await reseal([...pack.covers, ...pack.covers.slice(0, 1)]);
      await expectProblem(/in two parts/);
      await reseal(change(2, { endsShard: false }));
      await expectProblem(/are in no part/);
      await reseal(change(0, { rows: 1 }));
      await expectProblem(/has rows 0 to \d of \S+, which belong to another part/);
      // A row twice, in place of another.
      const path = join(run.files.scores, pack.file);
      await withDuckDb({ threads: 1 }, async (connection) => {
        await connection.run(
          'CREATE TABLE part AS SELECT * REPLACE (CASE WHEN shard ' +
            `= ${sqlString(pack.covers[0]?.shard ?? '')} AND "row" = 1 THEN 0 ELSE "row" END AS "row") ` +
            `FROM read_parquet(${sqlString(path)})`,
        );
        await connection.run(`COPY part TO ${sqlString(path)} (FORMAT parquet)`);
      });
      await reseal(pack.covers, { sha256: await sha256File(path), bytes: (await readFile(path)).length });
      await expectProblem(/rows that are duplicate/);
    });
  });

  it('is predicted, pack by pack', async () => {
    await withShards(smallShards(200, { large: false }), async (run) => {
      const { predicted, shards } = await predictRanking(run, silent);
      expect(shards).toBe(200);
      const { ranking, prediction } = await rankCorpus(run, silent);
      expect(prediction?.actual).toMatchObject({ documents: ranking.documents });
      expect(predicted.seconds).toBeGreaterThan(0);
      expect(predicted.seconds).toBeLessThan(60);
    });
  });
});

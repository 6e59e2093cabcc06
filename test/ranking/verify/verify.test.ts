import {
  appendFile,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { chunkOf, type CoveredRows, type ListedPart } from '../../../scoring/part.ts';
import { openRandom } from '../../../classifier/held-out.ts';
import { commitSealedJson } from '../../../data/files/commit.ts';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { silent } from '../../../run/progress.ts';
import { openRun, type Run } from '../../../run/run.ts';
import { type Ranking, readRanking } from '../../../ranking/generation.ts';
import { predictRanking } from '../../../ranking/predict.ts';
import { rankCorpus } from '../../../ranking/rank.ts';
import { verifyRanking } from '../../../ranking/verify/verify.ts';
import { makeCorpus, makeLines, makeTrainedRun, withCorpus } from '../../classifier/trained-run.ts';
import { withFolder } from '../../data/collect.ts';
import { sha256File } from '../../../data/files/hash-files.ts';

const problemsOf = async (run: Run, corpus = false): Promise<string[]> =>
  (await verifyRanking(run, { corpus }, silent)).problems;

const options = { chunkMegabytes: 0.03 };

/** A ranked run, which each test has a copy of. */
let whole: string;
beforeAll(async () => {
  whole = await mkdtemp(join(tmpdir(), 'betr-verify-'));
  await makeCorpus(whole);
  const run = await makeTrainedRun(whole, options);
  await rankCorpus(run, silent);
  // Of a second generation there is a drift as well.
  const more = join(whole, 'corpus', 'second.jsonl');
  await writeFile(more, makeLines(300, 6));
  await utimes(more, 1_700_000_000, 1_700_000_000);
  await predictRanking(run, silent);
  await rankCorpus(run, silent);
});
afterAll(() => rm(whole, { recursive: true }));

async function withRanking(
  use: (run: Run, ranking: Ranking, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await cp(whole, folder, { recursive: true, preserveTimestamps: true });
    const run = await openRun(join(folder, 'betr.yaml'));
    await use(run, await readRanking(run), folder);
  });
}

describe('verifying a ranking', () => {
  it('proves one that is whole, row by row of the corpus', async () => {
    await withRanking(async (run, ranking) => {
      // The rows of the Parquet file were read from the 392 lines that are neither blank nor bad.
      const rows = 600 + 500 + 392 + 300;
      const result = await verifyRanking(run, { corpus: true }, silent);
      expect(result).toMatchObject({
        problems: [],
        generation: ranking.generation,
        parts: ranking.parts.length,
        rows,
        documents: ranking.documents,
        quarantined: ranking.quarantined,
      });
      expect(result.blank).toBe(rows - ranking.documents - ranking.quarantined);
      expect(result.blank).toBeGreaterThan(0);
    });
  });

  it('finds a change of any one byte, in whichever file of the ranking', async () => {
    await withRanking(async (run, ranking) => {
      const inFolder = async (folder: string): Promise<string[]> =>
        (await readdir(folder)).map((name) => join(folder, name));
      const files = [
        run.files.ranking,
        run.files.plan,
        run.files.weights,
        run.files.card,
        run.files.tokens,
        run.files.drift,
        run.files.prediction,
        ...(await inFolder(run.files.manifest)),
        ...(await inFolder(run.files.scores)),
        ...(await inFolder(run.files.quarantine)).filter((path) => chunkOf(basename(path)) !== undefined),
      ];
      expect(files.length).toBe(
        7 + 1 + 2 * ranking.parts.length + ranking.parts.filter(({ quarantined }) => quarantined > 0).length,
      );
      const random = openRandom(7);
      for (const path of files) {
        const whole = await readFile(path);
        for (const at of [0, whole.length - 1, Math.floor(random() * whole.length)]) {
          const changed = Buffer.from(whole);
          changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(random() * 8));
          await writeFile(path, changed);
          expect({ path, at, problems: await problemsOf(run) }).toEqual({
            path,
            at,
            problems: expect.arrayContaining([expect.any(String)]),
          });
        }
        await writeFile(path, whole);
      }
      expect(await problemsOf(run)).toEqual([]);
    });
  });

  it.each<[string, (run: Run, ranking: Ranking, folder: string) => Promise<void>, RegExp]>([
    [
      'a part that is gone',
      (run, { parts }) => unlink(join(run.files.scores, parts[1]?.file ?? '')),
      /cannot be read/,
    ],
    [
      'a part that is cut short',
      (run, { parts }) => truncate(join(run.files.scores, parts[1]?.file ?? ''), 50),
      /checksum/,
    ],
    [
      'parts that changed places',
      (run, { parts }) => writeFileFrom(run, parts[0]?.file ?? '', parts[1]?.file ?? ''),
      /checksum/,
    ],
    [
      'a manifest that is gone',
      ({ files }) => rm(files.manifest, { recursive: true }),
      /not in the manifest/,
    ],
    [
      'a last line of the manifest that is cut short',
      async ({ files }) =>
        truncate(
          join(files.manifest, 'published.jsonl'),
          (await readFile(join(files.manifest, 'published.jsonl'))).length - 3,
        ),
      /its last line is truncated/,
    ],
    [
      'bad rows that are gone',
      async ({ files }) =>
        unlink(
          join(
            files.quarantine,
            (await readdir(files.quarantine)).find((name) => chunkOf(name) !== undefined) ?? '',
          ),
        ),
      /quarantine.* cannot be read/,
    ],
    [
      'a bad row that is gone',
      async ({ files }) =>
        dropLine(
          join(
            files.quarantine,
            (await readdir(files.quarantine)).find((name) => chunkOf(name) !== undefined) ?? '',
          ),
        ),
      /rows of its part where \d+ are listed/,
    ],
    [
      'a bad row twice',
      async ({ files }) =>
        repeatLine(
          join(
            files.quarantine,
            (await readdir(files.quarantine)).find((name) => chunkOf(name) !== undefined) ?? '',
          ),
        ),
      /\d+ different ones among \d+ rows/,
    ],
    [
      'a plan with a shard twice',
      async ({ files }) => repeatShard(files.plan),
      /plan\.json is not what was written: another version of betr wrote it \(shards .*in the order of their names, each once/,
    ],
    [
      'a shard that has changed',
      (_run, _ranking, folder) => appendFile(join(folder, 'corpus', 'plain.jsonl'), 'x'),
      /plain\.jsonl has changed/,
    ],
    [
      'a shard that is gone',
      (_run, _ranking, folder) => unlink(join(folder, 'corpus', 'plain.jsonl')),
      /plain\.jsonl was ranked and is no longer there/,
    ],
    [
      'a shard that is new',
      (_run, _ranking, folder) => writeFile(join(folder, 'corpus', 'new.jsonl'), makeLines(5, 5)),
      /new\.jsonl is not ranked yet/,
    ],
    [
      'another classifier',
      async (_run, _ranking, folder) => {
        await makeTrainedRun(folder, { ...options, seed: 9 });
      },
      /not the classifier/,
    ],
    [
      'a ranking without one of its parts',
      (run, ranking) => reseal(run, { ...ranking, parts: ranking.parts.filter((_, i) => i !== 1) }),
      /rows \d+ to \d+ are in no part/,
    ],
    [
      'a ranking without a last part',
      (run, ranking) => reseal(run, { ...ranking, parts: ranking.parts.slice(0, -1) }),
      /rows from \d+ on are in no part/,
    ],
    [
      'a ranking with a part twice',
      (run, ranking) =>
        reseal(run, {
          ...ranking,
          parts: ranking.parts.flatMap((part, i) => (i === 1 ? [part, part] : [part])),
        }),
      /in two parts/,
    ],
    [
      'a ranking that counts wrong',
      (run, ranking) => reseal(run, { ...ranking, tokens: ranking.tokens + 1 }),
      /tokens, its parts have/,
    ],
    [
      'a ranking with another histogram',
      (run, ranking) => reseal(run, { ...ranking, histogram: ranking.histogram.slice(1) }),
      /another histogram/,
    ],
    [
      'a ranking with other sources',
      (run, ranking) => reseal(run, { ...ranking, sources: ranking.sources.slice(1) }),
      /other sources/,
    ],
    [
      'rows of a Parquet shard that are nowhere',
      (run, ranking) =>
        reseal(run, {
          ...ranking,
          parts: ranking.parts.map((part) => ({
            ...part,
            covers: part.covers.map((rows) =>
              rows.shard.endsWith('.parquet') ? { ...rows, documents: rows.documents - 1 } : rows,
            ),
          })),
        }),
      /1 rows of corpus\/rows\.parquet neither/,
    ],
    [
      'a part without its lowest score',
      (run, ranking) => relist(run, ranking, ([lowest, highest]) => [lowest - 1, highest]),
      /has lowest score \S+ where \S+ is listed/,
    ],
    [
      'a part without its highest score',
      (run, ranking) => relist(run, ranking, ([lowest, highest]) => [lowest, highest + 1]),
      /has highest score \S+ where \S+ is listed/,
    ],
    [
      'scores of a part that is to have none',
      (run, ranking) => relist(run, ranking, () => null),
      /has lowest score \S+ where none is listed/,
    ],
    [
      'tokens of a part that it does not have',
      (run, ranking) =>
        reseal(run, {
          ...ranking,
          parts: ranking.parts.map((part, i) => (i === 1 ? { ...part, tokens: part.tokens + 1 } : part)),
        }),
      /has tokens \d+ where \d+ is listed/,
    ],
    [
      'a row twice in place of another, though checksums are right',
      (run, ranking) => rewritePart(run, ranking, 'CASE WHEN number = 2 THEN least ELSE "row" END'),
      /there twice/,
    ],
    [
      'a row of another shard, though checksums are right',
      (run, ranking) =>
        rewritePart(run, ranking, '"row"', "CASE WHEN number = 2 THEN 'other' ELSE shard END"),
      /rows of another shard/,
    ],
    [
      'a score above all that are listed, though checksums are right',
      (run, ranking) =>
        rewritePart(run, ranking, '"row"', 'shard', '', 'CASE WHEN number = 2 THEN 99::FLOAT ELSE score END'),
      /has highest score 99 where \S+ is listed/,
    ],
    [
      'a score that is none, though checksums are right',
      (run, ranking) =>
        rewritePart(
          run,
          ranking,
          '"row"',
          'shard',
          '',
          "CASE WHEN number = 2 THEN 'nan'::FLOAT ELSE score END",
        ),
      /scores that are no numbers/,
    ],
    [
      'a score that is missing, though checksums are right',
      (run, ranking) =>
        rewritePart(run, ranking, '"row"', 'shard', '', 'CASE WHEN number <> 2 THEN score END'),
      /has documents \d+ where \d+ is listed/,
    ],
    [
      'a document less, though checksums are right',
      (run, ranking) => rewritePart(run, ranking, '"row"', 'shard', 'WHERE number <> 2'),
      /has documents \d+ where \d+ is listed/,
    ],
  ])('finds %s', async (_what, damage, problem) => {
    await withRanking(async (run, ranking, folder) => {
      await damage(run, ranking, folder);
      expect(await problemsOf(run)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
    });
  });

  it('finds rows of the corpus that the ranking does not know, when it counts them again', async () => {
    await withRanking(async (run, ranking) => {
      const shorten = (rows: CoveredRows): CoveredRows =>
        rows.endsShard && rows.shard.endsWith('gz') ? { ...rows, rows: rows.rows - 1 } : rows;
      await reseal(run, {
        ...ranking,
        parts: ranking.parts.map((part) => ({ ...part, covers: part.covers.map(shorten) })),
      });
      expect(await problemsOf(run, true)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/packed\.jsonl\.gz has 500 rows, of which 499 are in the ranking/),
        ]),
      );
    });
  });

  it('names a shard that can no longer be read whole, when it counts its rows again', async () => {
    await withRanking(async (run, _ranking, folder) => {
      const path = join(folder, 'corpus', 'packed.jsonl.gz');
      const whole = await readFile(path);
      await writeFile(path, Buffer.concat([whole, Buffer.alloc(100)]));
      expect(await problemsOf(run, true)).toEqual([expect.stringMatching(/packed\.jsonl\.gz has changed/)]);
      await writeFile(path, whole.subarray(0, -3));
      expect(await problemsOf(run, true)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(
            /packed\.jsonl\.gz cannot be read: it is cut short: the gzip member that starts at byte 0 has no end/,
          ),
        ]),
      );
    });
  });

  it.each<[string, (run: Run) => string]>([
    ['drift', ({ files }) => files.drift],
    ['prediction', ({ files }) => files.prediction],
  ])('names a damaged %s, which ranking again removes', async (_what, pathOf) => {
    await withRanking(async (run) => {
      await writeFile(
        pathOf(run),
        (await readFile(pathOf(run), 'utf8')).replace(/\d(?=\.)/, (digit) => (digit === '9' ? '8' : '9')),
      );
      expect(await problemsOf(run)).toEqual([
        expect.stringMatching(`^${pathOf(run)} is not what was written`),
      ]);
      expect((await rankCorpus(run, silent)).published).toBe(false);
      expect(await problemsOf(run)).toEqual([]);
    });
  });

  it('proves what it can where the classifier is gone, and says so', async () => {
    await withRanking(async (run, ranking) => {
      await rm(run.files.card);
      await rm(run.files.weights);
      const { problems, documents } = await verifyRanking(run, { corpus: false }, silent);
      expect(documents).toBe(ranking.documents);
      expect(problems).toEqual([expect.stringContaining('trained classifier')]);
    });
  });

  it('needs a ranking', async () => {
    await withCorpus(async (run) => {
      await expect(problemsOf(run)).rejects.toMatchObject({ code: 'STEP_MISSING' });
    });
  });
});

function reseal(run: Run, ranking: Ranking): Promise<void> {
  return commitSealedJson(run.files.ranking, ranking);
}

type Scores = ListedPart['scores'];

/** Lists other lowest and highest scores of one part. */
function relist(run: Run, ranking: Ranking, change: (scores: NonNullable<Scores>) => Scores): Promise<void> {
  return reseal(run, {
    ...ranking,
    parts: ranking.parts.map((part, i) =>
      i === 1 && part.scores !== null ? { ...part, scores: change(part.scores) } : part,
    ),
  });
}

async function writeFileFrom(run: Run, from: string, to: string): Promise<void> {
  await writeFile(join(run.files.scores, to), await readFile(join(run.files.scores, from)));
}

async function dropLine(path: string): Promise<void> {
  await writeFile(path, (await readFile(path, 'utf8')).replace(/^.*\n/, ''));
}

async function repeatLine(path: string): Promise<void> {
  const [first = '', ...rest] = (await readFile(path, 'utf8')).split('\n');
  await writeFile(path, [first, first, ...rest].join('\n'));
}

async function repeatShard(path: string): Promise<void> {
  const { shards, ...plan } = z
    .object({ version: z.number(), scorer: z.string(), chunkBytes: z.number(), shards: z.array(z.unknown()) })
    .parse(JSON.parse(await readFile(path, 'utf8')));
  await commitSealedJson(path, { ...plan, shards: [shards[0], ...shards] });
}

/** Writes the second part anew, with other rows or shards in it, and what is listed of its bytes to match. */
async function rewritePart(
  run: Run,
  ranking: Ranking,
  row: string,
  shard = 'shard',
  where = '',
  score = 'score',
): Promise<void> {
  const part = ranking.parts[1];
  const path = join(run.files.scores, part?.file ?? '');
  await withDuckDb({ threads: 1 }, async (connection) => {
    await connection.run(
      'CREATE TABLE part AS SELECT *, row_number() OVER () AS number, min("row") OVER () AS least FROM ' +
        `read_parquet(${sqlString(path)})`,
    );
    await connection.run(
      `COPY (SELECT * EXCLUDE (number, least) REPLACE (${row} AS "row", ${shard} AS shard, ${score} AS ` +
        `score) FROM part ${where}) TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd)`,
    );
  });
  const anew = { bytes: (await stat(path)).size, sha256: await sha256File(path) };
  await reseal(run, {
    ...ranking,
    parts: ranking.parts.map((one) => (one === part ? { ...one, ...anew } : one)),
  });
}

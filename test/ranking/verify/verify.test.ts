import { cp, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chunkOf, type CoveredRows } from '../../../scoring/part.ts';
import { openRandom } from '../../../data/seeded-random.ts';
import { silent } from '../../../run/progress.ts';
import { openRun, type Run } from '../../../run/run.ts';
import { type Ranking, readRanking } from '../../../ranking/generation.ts';
import { predictRanking } from '../../../ranking/predict.ts';
import { rankCorpus } from '../../../ranking/rank.ts';
import { verifyRanking } from '../../../ranking/verify/verify.ts';
import { makeCorpus, makeLines, makeTrainedRun, withCorpus } from '../../classifier/trained-run.ts';
import { withFolder } from '../../data/collect.ts';
import { longTest, someOf } from '../../long.ts';
import { fileDamages, options, reseal } from './damages.ts';
import { sealedDamages } from './sealed-damages.ts';

const problemsOf = async (run: Run, corpus = false): Promise<string[]> =>
  (await verifyRanking(run, { corpus }, silent)).problems;

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
  it('passes a complete one, and accounts for every row of the corpus', async () => {
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

  longTest('finds any changed byte in any file of the ranking', async () => {
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
        for (const at of someOf([Math.floor(random() * whole.length), 0, whole.length - 1], 1)) {
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

  it.each([...fileDamages, ...sealedDamages])('finds %s', async (_what, damage, problem) => {
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
          expect.stringMatching(/packed\.jsonl\.gz has 500 rows, but the ranking covers 499/),
        ]),
      );
    });
  });

  it('names a shard that is truncated, when it counts its rows again', async () => {
    await withRanking(async (run, _ranking, folder) => {
      const path = join(folder, 'corpus', 'packed.jsonl.gz');
      const whole = await readFile(path);
      await writeFile(path, Buffer.concat([whole, Buffer.alloc(100)]));
      expect(await problemsOf(run, true)).toEqual([expect.stringMatching(/packed\.jsonl\.gz has changed/)]);
      await writeFile(path, whole.subarray(0, -3));
      expect(await problemsOf(run, true)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(
            /packed\.jsonl\.gz cannot be read: it is truncated: the gzip member that starts at byte 0 is incomplete/,
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
      expect(await problemsOf(run)).toEqual([expect.stringMatching(`^${pathOf(run)} is damaged`)]);
      expect((await rankCorpus(run, silent)).published).toBe(false);
      expect(await problemsOf(run)).toEqual([]);
    });
  });

  it('checks what it can without the classifier, and reports that it is missing', async () => {
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

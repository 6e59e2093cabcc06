import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openRandom } from '../../../data/seeded-random.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import type { Ranking } from '../../../ranking/generation.ts';
import { orderFile, readSavedOrder } from '../../../ranking/order/saved-order.ts';
import { readKeyOrder } from '../../../ranking/order/key-order.ts';
import { readOrder } from '../../../ranking/order/order.ts';
import { sortTies } from '../../../ranking/order/sort-scores.ts';
import { Orders } from '../../../ranking/order/orders.ts';
import { prepareForServer, removePrepared } from '../../../ranking/order/prepare.ts';
import { rankCorpus } from '../../../ranking/rank.ts';
import { makeTrainedRun } from '../../classifier/trained-run.ts';
import { withFolder } from '../../data/collect.ts';
import { makeScoredRows, rankRows, withRun } from '../synthetic.ts';

const always = { fewest: 1, most: Infinity };

async function withPrepared(
  documents: number,
  use: (run: Run, ranking: Ranking) => Promise<void>,
): Promise<void> {
  await withRun(async (run) => {
    const ranking = await rankRows(run, makeScoredRows(documents));
    await prepareForServer(run, ranking, silent, always);
    await use(run, ranking);
  });
}

async function listPrepared(run: Run): Promise<string[]> {
  const lists = await Promise.all(
    ['keys', 'order', 'ranks'].map((folder) =>
      readdir(join(run.folder, folder)).then(
        (names) => names.map((name) => join(folder, name)),
        () => [],
      ),
    ),
  );
  return lists.flat();
}

describe('what a server needs', () => {
  it('is made of a large ranking, once, and of no other', async () => {
    await withPrepared(301, async (run, ranking) => {
      const made = await listPrepared(run);
      expect(made).toEqual([
        `keys/${ranking.generation}.positions`,
        `order/${ranking.generation}.order`,
        ...[0, 1, 2].map(() => expect.stringMatching(`^ranks/${ranking.generation}-`)),
      ]);
      const times = async (): Promise<number[]> =>
        Promise.all(made.map(async (name) => (await stat(join(run.folder, name))).mtimeMs));
      const before = await times();
      await prepareForServer(run, ranking, silent, always);
      expect(await times()).toEqual(before);
      await removePrepared(run, []);
      for (const limits of [undefined, { fewest: 302, most: Infinity }, { fewest: 1, most: 300 }])
        await prepareForServer(run, ranking, silent, limits);
      expect(await listPrepared(run)).toEqual([]);
    });
  });

  it('is made by ranking, of a run that was served before', async () => {
    await withFolder(async (folder) => {
      const add = (name: string, documents: number): Promise<void> =>
        writeFile(
          join(folder, 'corpus', name),
          Array.from({ length: documents }, (_, i) => `{"text": "word${i % 300}"}\n`).join(''),
        );
      await mkdir(join(folder, 'corpus'));
      await add('a.jsonl', 20_000);
      const run = await makeTrainedRun(folder, { chunkMegabytes: 1 });
      const before = await rankCorpus(run, silent);
      expect(await listPrepared(run)).toEqual([]);
      const orders = new Orders(run, before.ranking);
      await orders.read();
      await orders.close(1000);
      expect(await listPrepared(run)).toEqual([`keys/${before.ranking.generation}.positions`]);

      await add('b.jsonl', 10);
      const { ranking, notes } = await rankCorpus(run, silent);
      expect(notes).toEqual([]);
      const made = [
        `keys/${ranking.generation}.positions`,
        `order/${ranking.generation}.order`,
        ...run.settings.benchmarks.map(() => expect.stringMatching(`^ranks/${ranking.generation}-`)),
      ];
      expect((await listPrepared(run)).filter((name) => !name.includes(before.ranking.generation))).toEqual(
        made,
      );
      expect((await listPrepared(run)).length).toBe(made.length + 1);
      await add('c.jsonl', 10);
      await rankCorpus(run, silent);
      expect((await listPrepared(run)).filter((name) => name.includes(before.ranking.generation))).toEqual(
        [],
      );
    });
  });

  it('is removed with its generation', async () => {
    await withPrepared(50, async (run, ranking) => {
      const made = await listPrepared(run);
      await prepareForServer(run, { ...ranking, generation: 'other' }, silent, always);
      await removePrepared(run, [ranking]);
      expect(await listPrepared(run)).toEqual(made);
    });
  });

  it('is what is served: neither the order nor a question by benchmarks reads the scores', async () => {
    await withPrepared(400, async (run, ranking) => {
      const keyOrder = await readKeyOrder(run, ranking);
      const expected = sortTies(await readOrder(run, ranking), keyOrder ?? new Uint32Array());
      for (const { file } of ranking.parts) {
        await writeFile(join(run.files.scores, file), 'nothing to be read');
        await utimes(join(run.files.scores, file), 0, 0);
      }
      const orders = new Orders(run, ranking);
      try {
        const served = await orders.read();
        expect(served).toMatchObject({ order: expected, keyOrder });
        expect(
          (await orders.retarget(['gsm8k', 'mmlu'], served)).ranking.histogram.reduce(
            (sum, [, documents]) => sum + documents,
            0,
          ),
        ).toBe(400);
      } finally {
        await orders.close(1000);
      }
    });
  });
});

describe('a kept order', () => {
  it.each([1, 2, 63, 64, 65, 500])('is the order of %d documents as it was', async (documents) => {
    await withPrepared(documents, async (run, ranking) => {
      const keyOrder = (await readKeyOrder(run, ranking)) ?? new Uint32Array();
      expect(await readSavedOrder(run, ranking)).toEqual(sortTies(await readOrder(run, ranking), keyOrder));
    });
  });

  it('is not used if a part was written since', async () => {
    await withPrepared(60, async (run, ranking) => {
      const part = join(run.files.scores, ranking.parts[1]?.file ?? '');
      await utimes(part, Date.now() / 1000 + 10, Date.now() / 1000 + 10);
      expect(await readSavedOrder(run, ranking)).toBeUndefined();
      await rm(part);
      expect(await readSavedOrder(run, ranking)).toBeUndefined();
    });
  });

  it('is not taken with any byte changed, cut short, longer, or of other scores', async () => {
    await withPrepared(101, async (run, ranking) => {
      const path = orderFile(run, ranking);
      const whole = await readFile(path);
      const random = openRandom(7);
      for (let place = 0; place < whole.length; place += 1 + Math.floor(12 * random())) {
        const spoiled = Buffer.from(whole);
        spoiled[place] = (spoiled[place] ?? 0) ^ (1 << Math.floor(8 * random()));
        await writeFile(path, spoiled);
        expect({ place, kept: await readSavedOrder(run, ranking) }).toEqual({ place, kept: undefined });
      }
      for (const length of [0, 15, 16, 24, whole.length - 8, whole.length - 1, whole.length + 8]) {
        await writeFile(path, whole);
        await truncate(path, length);
        expect(await readSavedOrder(run, ranking)).toBeUndefined();
      }
      await writeFile(path, whole);
      expect(
        await readSavedOrder(run, { ...ranking, histogram: ranking.histogram.slice(1) }),
      ).toBeUndefined();
      expect(await readSavedOrder(run, { ...ranking, generation: 'other' })).toBeUndefined();
      expect(await readSavedOrder(run, ranking)).toBeDefined();
    });
  });
});

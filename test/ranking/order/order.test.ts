import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openCuts } from '../../../ranking/order/cuts.ts';
import { findCutoff } from '../../../ranking/cutoff.ts';
import { combineScores, rankDocuments } from '../../../ranking/order/combine.ts';
import { saveRanks, listMissingRanks } from '../../../ranking/order/saved-ranks.ts';
import { makeKeyOrder, readKeyOrder } from '../../../ranking/order/key-order.ts';
import { Orders } from '../../../ranking/order/orders.ts';
import {
  histogramOf,
  orderedBits,
  orderScores,
  readOrder,
  scoreOf,
  sortTies,
  tokensUpTo,
} from '../../../ranking/order/order.ts';
import { bitsAt, cutOrder } from '../../../ranking/order/cut-order.ts';
import {
  keepByPlainSort,
  makeRows,
  makeScoredRows,
  rankRows,
  type Row,
  sumTokens,
  withRun,
} from '../synthetic.ts';
import { rounds } from '../../long.ts';

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
const documents = fc.array(
  fc.record({
    score: fc.oneof(float32, fc.constantFrom(-0, 0, 0.5, -1.25, Math.fround(1e-40))),
    tokens: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 300 },
);

describe('an order', () => {
  it('has the documents as a plain sort has them, and knows the tokens before every place', () => {
    fc.assert(
      fc.property(documents, (rows) => {
        const order = orderScores(
          Float32Array.from(rows, ({ score }) => score),
          Uint32Array.from(rows, ({ tokens }) => tokens),
        );
        const sorted = [...rows.keys()].sort(
          (a, b) => (rows[b]?.score ?? 0) - (rows[a]?.score ?? 0) || a - b,
        );
        expect([...order.positions]).toEqual(sorted);
        let tokens = 0;
        for (const [place, position] of sorted.entries()) {
          expect(scoreOf(bitsAt(order, place))).toBe((rows[position]?.score ?? 0) + 0);
          expect(tokensUpTo(order, place)).toBe(tokens);
          tokens += rows[position]?.tokens ?? 0;
        }
        expect(tokensUpTo(order, sorted.length)).toBe(tokens);
      }),
    );
  });

  it('sorts large bins, too, where it counts', () => {
    const scores = Float32Array.from({ length: 5000 }, (_, i) => 1 + (((i * 7919) % 997) - 500) * 2 ** -20);
    const order = orderScores(scores, new Uint32Array(5000).fill(1));
    const sorted = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
    expect([...order.positions]).toEqual(sorted);
  });

  it('keeps the order of the numbers in their bits', () => {
    const bits = (score: number): number =>
      orderedBits(new Uint32Array(Float32Array.of(score).buffer)[0] ?? 0);
    fc.assert(
      fc.property(float32, float32, (a, b) => {
        expect(Math.sign(bits(a) - bits(b))).toBe(Math.sign(a - b) + 0);
        expect(scoreOf(bits(a))).toBe(a + 0);
      }),
    );
  });
});

/** All positions in the order of keys, the slow and obvious way. */
function sortKeys(rows: readonly Row[]): Uint32Array {
  const key = (position: number): string => rows[position]?.document ?? '';
  return Uint32Array.from(
    [...rows.keys()].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a - b)),
  );
}

describe('a cutoff from memory', () => {
  it('is that of a plain sort, whatever the share and the ties', () => {
    fc.assert(
      fc.property(documents, fc.double({ min: 0, max: 1, noNaN: true }), (found, share) => {
        const rows: Row[] = found.map(({ score, tokens }, index) => ({
          shard: 's',
          row: index,
          document: `${(index * 31) % 7}`,
          source: '',
          tokens,
          score,
        }));
        const order = orderScores(
          Float32Array.from(rows, ({ score }) => score),
          Uint32Array.from(rows, ({ tokens }) => tokens),
        );
        const keyOrder = sortKeys(rows);
        const undecided = cutOrder(order, share);
        const decided =
          'cutoff' in undecided
            ? undecided.cutoff
            : undecided.tie.decide(
                undecided.tie.positions.toSorted((a, b) => keyOrder.indexOf(a) - keyOrder.indexOf(b)),
              );
        const atOnce = cutOrder(sortTies(order, keyOrder), share);
        expect(atOnce).toEqual({ cutoff: decided });
        const kept = keepByPlainSort(rows, share);
        expect([decided.documents, decided.tokens, decided.score]).toEqual([
          kept.length,
          sumTokens(kept),
          kept.length === 0 ? null : (kept.at(-1)?.score ?? 0) + 0,
        ]);
        if (decided.last !== null) expect(rows[decided.last]).toBe(kept.at(-1));
      }),
      { numRuns: rounds(500) },
    );
  });

  it.each([600, 4000])('is what SQL counts on disk, for %d documents', async (count) => {
    await withRun(async (run) => {
      const rows = makeRows(count).map((row, index) => ({
        ...row,
        score: index % 3 === 0 ? Math.round(4 * row.score) / 4 : row.score,
      }));
      const ranking = await rankRows(run, rows);
      const order = await readOrder(run, ranking);
      const keyOrder = await makeKeyOrder(run, ranking);
      expect(await readKeyOrder(run, ranking)).toEqual(keyOrder);
      // Two that changed places are as many, each once, and not the order.
      const kept = join(run.folder, 'keys', `${ranking.generation}.positions`);
      const bytes = await readFile(kept);
      await writeFile(kept, Buffer.concat([bytes.subarray(4, 8), bytes.subarray(0, 4), bytes.subarray(8)]));
      expect(await readKeyOrder(run, ranking)).toBeUndefined();
      const written = Promise.resolve();
      const [undecided, byKey] = [
        openCuts(run, { order, ranking, written }),
        openCuts(run, { order: sortTies(order, keyOrder), ranking, written }),
      ];
      let ties = 0;
      for (const share of [0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.33, 0.5, 0.77, 0.9, 0.999, 1]) {
        const cutoff = await findCutoff(run, ranking, share);
        for (const cuts of [undecided, undecided, byKey]) {
          expect(await cuts.find(share)).toEqual(cutoff);
          expect(await cuts.cut(share)).toMatchObject({
            score: cutoff.score,
            documents: cutoff.documents,
            tokens: cutoff.tokens,
          });
          expect((await cuts.cut(share)).last === null).toBe(cutoff.last === null);
        }
        ties += Number(cutoff.last !== null);
      }
      expect(ties).toBeGreaterThan(1);
    });
  });
});

describe('scores combined over benchmarks', () => {
  it('are the best corpus percentile among them, as SQL ranks them', async () => {
    await withRun(async (run) => {
      const rows = makeScoredRows(900);
      const ranking = await rankRows(run, rows);
      // The last ones from ranks that are kept of one or two of them.
      for (const [benchmarks, threads, keep] of [
        [['gsm8k'], 1],
        [['arc_easy', 'mmlu'], 2],
        [['gsm8k', 'arc_easy', 'mmlu'], 3],
        [['mmlu', 'gsm8k', 'arc_easy'], 1],
        [['gsm8k', 'arc_easy', 'mmlu'], 2, 'mmlu'],
        [['mmlu', 'arc_easy'], 1, 'arc_easy'],
      ] as const) {
        if (keep !== undefined)
          await saveRanks(run, ranking, keep, (await rankDocuments(run, ranking, [keep])).ranks);
        const { scores, winners } = await combineScores(run, ranking, benchmarks, threads);
        // The parts are in the order of their shards.
        const inOrder = rows.toSorted((a, b) =>
          a.shard < b.shard ? -1 : a.shard > b.shard ? 1 : a.row - b.row,
        );
        const percentiles = benchmarks.map((name) => {
          const all = inOrder.map((row) => row.scores?.[name] ?? 0);
          return all.map((score) => all.filter((other) => other <= score).length / all.length);
        });
        for (const [position] of inOrder.entries()) {
          const own = percentiles.map((percentile) => percentile[position] ?? 0);
          const best = Math.max(...own);
          expect(scores[position]).toBe(Math.fround(best));
          expect(winners[position]).toBe(own.indexOf(best));
        }
        expect(
          histogramOf(orderScores(scores, new Uint32Array(900).fill(1))).reduce(
            (sum, [, count]) => sum + count,
            0,
          ),
        ).toBe(900);
      }
    });
  });

  it('come from the parts where any word of the kept ranks is another, and the file is removed', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeScoredRows(200));
      const { ranks, winners } = await rankDocuments(run, ranking, ['gsm8k']);
      const folder = join(run.folder, 'ranks');
      for (const word of [0, 77, 199, 200]) {
        await saveRanks(run, ranking, 'gsm8k', ranks);
        const path = join(folder, (await readdir(folder))[0] ?? '');
        const bytes = await readFile(path);
        bytes.writeUInt32LE((bytes.readUInt32LE(4 * word) ^ 1) >>> 0, 4 * word);
        await writeFile(path, bytes);
        expect(await rankDocuments(run, ranking, ['gsm8k'])).toEqual({ ranks, winners });
        expect(await readdir(folder)).toEqual([]);
      }
    });
  });

  it('come from the parts where kept ranks are cut short, or of another generation', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeScoredRows(200));
      const { ranks, winners } = await rankDocuments(run, ranking, ['gsm8k']);
      expect(await listMissingRanks(run, ranking)).toEqual([]);
      expect(await listMissingRanks(run, ranking, 200)).toEqual(['gsm8k', 'arc_easy', 'mmlu']);
      // Ranks that tell by themselves where they come from.
      await saveRanks(
        run,
        ranking,
        'gsm8k',
        ranks.map((rank) => rank + 1000),
      );
      expect(await listMissingRanks(run, ranking, 200)).toEqual(['arc_easy', 'mmlu']);
      expect((await rankDocuments(run, ranking, ['gsm8k'])).ranks[7]).toBe((ranks[7] ?? 0) + 1000);
      const other = { ...ranking, generation: 'other' };
      expect(await rankDocuments(run, other, ['gsm8k'])).toEqual({ ranks, winners });
      const folder = join(run.folder, 'ranks');
      await truncate(join(folder, (await readdir(folder))[0] ?? ''), 796);
      expect(await rankDocuments(run, ranking, ['gsm8k'])).toEqual({ ranks, winners });
    });
  });
});

describe('what is made in the background', () => {
  it('waits for whoever asks meanwhile', async () => {
    await withRun(async (run) => {
      const orders = new Orders(run, await rankRows(run, makeScoredRows(300)));
      try {
        const published = await orders.read();
        const ended: string[] = [];
        const first = orders.retarget(['gsm8k'], published).then(() => ended.push('first'));
        const background = orders.rankAhead().then(() => ended.push('background'));
        const second = orders.retarget(['mmlu'], published).then(() => ended.push('second'));
        await Promise.all([first, background, second]);
        expect(ended).toEqual(['first', 'second', 'background']);
      } finally {
        await orders.close(1000);
      }
    });
  });
});

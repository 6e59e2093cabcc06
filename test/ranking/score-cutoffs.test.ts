import { mkdir, rm } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countSlices } from '../../ranking/budget/slices.ts';
import { openCuts } from '../../ranking/order/cuts.ts';
import { readOrder } from '../../ranking/order/order.ts';
import { findCutoffAt, findScoreCutoffs } from '../../ranking/score-cutoffs.ts';
import { openJudgeRun } from '../indexer/judges/judge-run.ts';
import { rounds } from '../long.ts';
import { makeRows, makeScoredRows, rankRows, type Row, sumTokens, withRun } from './synthetic.ts';

/** What a filter over all rows keeps. */
function keepByFilter(rows: readonly Row[], score: number): object {
  const kept = rows.filter((row) => row.score >= Math.fround(score));
  return {
    score: kept.length === 0 ? null : Math.min(...kept.map((row) => row.score)) + 0,
    last: null,
    documents: kept.length,
    tokens: sumTokens(kept),
    ofDocuments: rows.length,
    ofTokens: sumTokens(rows),
  };
}

async function compareWithFilter(rows: readonly Row[], scores: readonly number[]): Promise<void> {
  await withRun(async (run) => {
    const ranking = await rankRows(run, rows);
    const order = await readOrder(run, ranking);
    const cuts = openCuts(run, { order, ranking, written: Promise.resolve() });
    const all = await findScoreCutoffs(run, ranking, scores);
    for (const [i, score] of scores.entries()) {
      const expected = keepByFilter(rows, score);
      expect([score, all[i]]).toEqual([score, expected]);
      expect([score, await cuts.cut({ score })]).toEqual([score, expected]);
      expect([score, await cuts.find({ score })]).toEqual([score, expected]);
    }
    expect(await findCutoffAt(run, ranking, { score: scores[0] ?? 0 })).toEqual(all[0]);
  });
}

describe('a cutoff at a score', () => {
  it('is that of a filter, on disk and in memory, from below every score to above every one', async () => {
    const rows = makeRows(3000);
    const present = [rows[7], rows[8], rows[2999]].map((row) => row?.score ?? 0);
    await compareWithFilter(rows, [-5, -1, -0.25, -0, 0, 0.3, 0.6, 1.999, 2, 1e30, -1e30, ...present]);
  });

  it('is that of a filter whatever the scores, equal ones included', async () => {
    const score = fc
      .oneof(
        fc.constantFrom(-1.5, -0, 0, 0.6, 0.60000005, 0.59999996, 1e-40, -1e-40, 3e38, -3e38),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
      )
      .map(Math.fround);
    const rows = fc
      .array(fc.record({ score, tokens: fc.nat(1000) }), { minLength: 1, maxLength: 40 })
      .map((list) =>
        list.map((own, row) => ({ ...own, row, shard: 'a.jsonl', document: `d${row % 3}`, source: '' })),
      );
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.array(fc.oneof(score, fc.constantFrom(0.6, -0.6, 1e30)), { minLength: 1, maxLength: 6 }),
        compareWithFilter,
      ),
      { numRuns: rounds(10) },
    );
  });

  it(
    'keeps a document whose score is the float32 nearest to the requested number, and not the next ' +
      'lower',
    async () => {
      const at = (score: number, row: number): Row => ({
        shard: 's.jsonl',
        row,
        document: `d${row}`,
        source: '',
        tokens: 10,
        score,
      });
      // As doubles, the first two are 0.600000024 and 0.599999964. The third is float32(0.7), below 0.7.
      const rows = [Math.fround(0.6), 0.599999964237213, Math.fround(0.7)].map(at);
      await withRun(async (run) => {
        const ranking = await rankRows(run, rows);
        expect(await findScoreCutoffs(run, ranking, [0.6, 0.7])).toMatchObject([
          { score: Math.fround(0.6), documents: 2 },
          { score: Math.fround(0.7), documents: 1 },
        ]);
      });
      await compareWithFilter(rows, [0.6, 0.7, 0.60000001, 0.6000001]);
    },
  );
});

describe('slices', () => {
  it('are nested, best first, whatever order they are asked in', async () => {
    await withRun(async (run) => {
      const rows = makeRows(900);
      const ranking = await rankRows(run, rows);
      const asked = [0.5, 0.75, 0.6, 0.75, 5];
      const { slices, ofTokens, paper, caveats } = await countSlices(run, ranking, 'length', asked, {});
      expect(slices.map(({ score }) => score)).toEqual([5, 0.75, 0.6, 0.5]);
      for (const slice of slices) {
        expect(slice).toMatchObject({ documents: 0, ...pick(keepByFilter(rows, slice.score)) });
        expect(slice.share).toBe(slice.tokens / ofTokens);
      }
      expect(caveats.join(' ')).toContain('this ranking only');
      expect(paper).toBeUndefined();
    });
  });

  it("name the paper's use beside LM-Score, as the paper's and no advice", async () => {
    const { folder, run } = await openJudgeRun([
      { name: 'small', model: 'try', preset: 'math' },
      { name: 'topic', model: 'try', subject: 'mathematics' },
    ]);
    try {
      await mkdir(run.folder, { recursive: true });
      const ranking = await rankRows(run, makeScoredRows(60));
      const { paper, caveats } = await countSlices(run, ranking, 'lm:small#all', [0.6], {});
      expect(caveats.join(' ')).not.toContain('the classifier');
      for (const words of ['not a recommendation', 'Qwen-72B', '2402.07625', '329 M tokens, 3 epochs'])
        expect(paper).toContain(words);
      // A percentile is no score of a language model.
      const chosen = await countSlices(run, ranking, 'lm:small#all', [0.6], { benchmarks: ['mmlu'] });
      expect([chosen.benchmarks, chosen.paper]).toEqual([['mmlu'], undefined]);
      // Nor is what a text is about.
      expect((await countSlices(run, ranking, 'lm:topic#all', [0.6], {})).paper).toBeUndefined();
      // Nor is what a classifier learned.
      const learned = await countSlices(run, ranking, 'lm:small', [0.6], {});
      expect(learned.paper).toBeUndefined();
      expect(learned.caveats.join(' ')).toContain("the classifier's scores, not the judge's");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are at most twenty', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(3));
      const many = Array.from({ length: 21 }, (_, i) => i);
      await expect(countSlices(run, ranking, 'betr', many, {})).rejects.toMatchObject({ code: 'USAGE' });
    });
  });
});

function pick(kept: object): object {
  const { documents, tokens }: { documents?: number; tokens?: number } = kept;
  return { documents, tokens };
}

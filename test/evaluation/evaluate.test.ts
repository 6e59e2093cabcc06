import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { silent } from '../../run/progress.ts';
import { keyHash } from '../../data/files/hash.ts';
import { openRun, rankingOf, type Run } from '../../run/run.ts';
import type { Contestant } from '../../evaluation/contest.ts';
import { evaluateSelections } from '../../evaluation/evaluate.ts';
import {
  describeFitting,
  type Evaluation,
  evaluationSchema,
  listCautions,
} from '../../evaluation/evaluation.ts';
import { evaluationHtml } from '../../evaluation/report.ts';
import { publishRanking } from '../../ranking/publish.ts';
import { type Row, withRun, writeParts } from '../ranking/synthetic.ts';

const sum = (i: number): string =>
  `If Tom has ${i % 89} apples and buys ${i % 13} more, he has ${(i % 89) + (i % 13)} apples. `.repeat(3);
const tale = (i: number): string =>
  (
    `Once upon a time, number ${i}, a king lived in a ${['castle', 'tower', 'wood'][i % 3] ?? ''} by ` +
    `the ${i % 2 === 0 ? 'sea' : 'lake'} with his daughter. `
  ).repeat(2);
const recipe = (i: number): string =>
  (
    `Stir ${i % 7} spoons of ${['flour', 'sugar', 'butter'][i % 3] ?? ''} into the bowl, bake ` +
    `for ${i % 50} minutes and serve warm. `
  ).repeat(2);
const kinds = [
  ['sums', sum],
  ['tales', tale],
  ['recipes', recipe],
] as const;

async function withContest(use: (run: Run) => Promise<void>): Promise<void> {
  await withRun(async ({ settingsFolder }) => {
    await mkdir(join(settingsFolder, 'corpus'));
    for (const shard of [0, 1]) {
      const lines = Array.from({ length: 900 }, (_, row) => {
        const [source, make] = kinds[row % 3] ?? kinds[0];
        return JSON.stringify({ id: `${shard}-${row}`, source, text: make(row + 900 * shard) });
      });
      await writeFile(join(settingsFolder, `corpus/${shard}.jsonl`), lines.join('\n'));
    }
    const question = (i: number): string =>
      JSON.stringify({
        question: `If Tom has ${i} apples and buys ${i % 11} more, he has`,
        answer: `${i + (i % 11)} apples.`,
      });
    await writeFile(
      join(settingsFolder, 'tests.jsonl'),
      [...Array.from({ length: 60 }, (_, i) => question(i)), '{"nothing": 1}'].join('\n'),
    );
    await writeFile(
      join(settingsFolder, 'betr.yaml'),
      'corpus: {files: ["corpus/*"]}\nbenchmarks: [{name: sums, files: [sums.jsonl], tests: [tests.jsonl]}]\n',
    );
    await use(await openRun(join(settingsFolder, 'betr.yaml')));
  });
}

/** A scorer's ranking of the corpus, in a separate folder. */
async function rank(base: Run, scorer: string, scoreOf: (row: Row) => number): Promise<Contestant> {
  const run = rankingOf(base, scorer);
  const rows = [0, 1].flatMap((shard) =>
    Array.from({ length: 900 }, (_, row) => {
      const [source] = kinds[row % 3] ?? kinds[0];
      const document: Row = {
        shard: `corpus/${shard}.jsonl`,
        row,
        document: `${shard}-${row}`,
        source,
        tokens: 40,
        score: 0,
      };
      return { ...document, score: scoreOf(document) };
    }),
  );
  return {
    scorer,
    by: scorer === 'betr' ? 'cross-fit:betr' : scorer,
    fitting: scorer === 'betr' ? 'cross-fitted' : scorer === 'random' ? 'learns nothing' : 'in sample',
    run,
    ranking: await publishRanking(run, await writeParts(run, rows), {
      outputs: ['joint', 'sums'],
      sha256: 'f'.repeat(64),
    }),
  };
}

const chance = ({ document }: Row): number => Number(keyHash(document, 3) >> 40n) / 2 ** 24;

describe('evaluateSelections', () => {
  let evaluation: Evaluation;
  beforeAll(async () => {
    await withContest(async (run) => {
      const contestants = [
        await rank(run, 'betr', (row) => (row.source === 'sums' ? 2 : 0) + chance(row)),
        await rank(run, 'random', chance),
        await rank(run, 'worst', (row) => (row.source === 'sums' ? -2 : 0) + chance(row)),
      ] as const;
      evaluation = await evaluateSelections(
        [...contestants],
        { keeps: [0.2], trainWords: 6000, seed: 1 },
        silent,
      );
      expect(
        await evaluateSelections([...contestants], { keeps: [0.2], trainWords: 6000, seed: 1 }, silent),
      ).toEqual(evaluation);
    });
  });
  const selection = (scorer: string): Evaluation['selections'][number] => {
    const found = evaluation.selections.find((each) => each.scorer === scorer);
    if (found === undefined) throw new Error(`no selection of ${scorer}`);
    return found;
  };

  it('tells the selection that fits the benchmark better than chance from the one that does not', () => {
    expect(evaluation.selections.map(({ scorer, verdict }) => [scorer, verdict])).toEqual([
      ['betr', 'better than random'],
      ['random', 'baseline'],
      ['worst', 'no better than random'],
      ['no filter', 'baseline'],
    ]);
    const bits = ['betr', 'random', 'worst'].map(
      (scorer) => selection(scorer).targetMatch.mean.bitsPerByte.value,
    );
    expect(bits).toEqual(bits.toSorted((a, b) => a - b));
    expect(
      selection('betr').targetMatch.benchmarks.map(({ benchmark, bitsPerByte }) => [
        benchmark,
        bitsPerByte.n,
      ]),
    ).toEqual([['sums', 60]]);
    expect(selection('random').targetMatch.mean.gain).toEqual({ value: 0, low: 0, high: 0, n: 60 });
  });

  it('reports what the cut costs elsewhere', () => {
    const betr = selection('betr').offTarget;
    expect(betr.sources.map(({ source, isTarget }) => [source, isTarget])).toEqual([
      ['sums', true],
      ['recipes', false],
      ['tales', false],
    ]);
    expect(betr.mean.gain.high).toBeLessThan(0);
    expect(betr.sources[0]?.gain.low).toBeGreaterThan(0);
  });

  it('reports what selections consist of and how much they agree', () => {
    const { makeUp } = selection('betr');
    expect(makeUp.sources[0]).toEqual({ source: 'sums', share: 1, lift: 3 });
    expect(makeUp.documents).toBe(360);
    expect(makeUp.meanTokens).toBe(40);
    expect(makeUp.winners).toEqual([{ benchmark: 'sums', share: 1 }]);
    // The sums repeat after 89 · 13 rows; chance decides how many of a pair are kept.
    expect(makeUp.duplicatesShare).toBeLessThan(0.05);
    const { scorers, spearman, jaccard, documents } = evaluation.agreement;
    expect([scorers, documents]).toEqual([['betr', 'random', 'worst'], 1800]);
    expect(spearman.map((row, i) => row[i])).toEqual([1, 1, 1]);
    expect(spearman[0]?.[2]).toBeLessThan(0);
    expect(jaccard[0]?.matrix[0]?.[0]).toBe(1);
    expect(jaccard[0]?.matrix[0]?.[1]).toBeGreaterThan(0.1);
    expect(jaccard[0]?.matrix[0]?.[2]).toBe(0);
  });

  it('shows the beginnings of documents at the margin', () => {
    const { margin } = selection('betr');
    expect(margin.map(({ kept }) => kept)).toEqual([true, true, true, false, false, false]);
    expect(margin.slice(0, 3).every(({ source }) => source === 'sums')).toBe(true);
    const scores = margin.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    for (const { excerpt } of margin) expect(excerpt.length).toBeGreaterThan(10);
    expect(selection('no filter').margin).toEqual([]);
    expect(evaluationHtml(evaluation, {})).toContain(margin[0]?.document);
  });

  it('matches its schema, and the page shows every number with interval and sample size', () => {
    expect(evaluationSchema.parse(JSON.parse(JSON.stringify(evaluation)))).toEqual(evaluation);
    const html = evaluationHtml(evaluation, { version: '1 & 2' });
    expect(html).toContain('<strong class="bad">no better than random</strong>');
    expect(html).toContain('n = 60');
    expect(html).toContain('1 &amp; 2');
    expect(html).not.toMatch(/(src|href)=|url\(|@import/);
  });

  it('says which scorers are cross-fitted, and warns of one that is not', () => {
    expect(evaluation.rankings.map(({ scorer, by, fitting }) => [scorer, by, fitting])).toEqual([
      ['betr', 'cross-fit:betr', 'cross-fitted'],
      ['random', 'random', 'learns nothing'],
      ['worst', 'worst', 'in sample'],
    ]);
    expect(describeFitting(evaluation)).toMatch(/^Cross-fitted.*: betr\. .*nothing.*: random\.$/);
    expect(listCautions(evaluation)).toEqual([expect.stringMatching(/^worst: not cross-fitted\. /)]);
    const html = evaluationHtml(evaluation, {});
    expect(html).toContain(describeFitting(evaluation));
    expect(html).toContain('<p class="bad">worst: not cross-fitted.');
  });

  it('refuses a run without tests', async () => {
    await withRun(async (run) => {
      const contestant: Contestant = {
        scorer: 'betr',
        by: 'betr',
        fitting: 'in sample',
        run,
        ranking: await publishRanking(
          run,
          await writeParts(run, [
            { shard: 'corpus/a.jsonl', row: 0, document: 'a', source: '', tokens: 1, score: 1 },
          ]),
          { outputs: ['joint', 'sums'], sha256: 'f'.repeat(64) },
        ),
      };
      await expect(
        evaluateSelections([contestant], { keeps: [0.1], trainWords: 10, seed: 1 }, silent),
      ).rejects.toMatchObject({ code: 'NO_TESTS' });
    });
  });

  it('draws shards until every selection has text in them, and reports a selection that keeps nothing', async () => {
    await withContest(async (run) => {
      const contestants = [
        await rank(run, 'betr', (row) => (row.shard === 'corpus/0.jsonl' ? 2 : 0) + chance(row)),
        await rank(run, 'random', chance),
        await rank(run, 'other', (row) => (row.shard === 'corpus/1.jsonl' ? 2 : 0) + chance(row)),
      ] as const;
      const compared = await evaluateSelections(
        [...contestants],
        { keeps: [0.2], trainWords: 200, seed: 1 },
        silent,
      );
      expect(compared).toMatchObject({ trainWords: 200, shards: { used: 2, of: 2 } });
      expect(
        (
          await evaluateSelections(
            [contestants[1], contestants[1]],
            { keeps: [0.2], trainWords: 200, seed: 1 },
            silent,
          )
        ).shards.used,
      ).toBe(1);
      await expect(
        evaluateSelections([...contestants], { keeps: [1e-6], trainWords: 200, seed: 1 }, silent),
      ).rejects.toMatchObject({ code: 'OPTION_INVALID', message: expect.stringContaining('0.000001') });
    });
  });
});

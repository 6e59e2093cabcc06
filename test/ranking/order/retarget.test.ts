import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { answerWithCutoff } from '../../../ranking/budget/answer.ts';
import { findCutoff, keptCondition } from '../../../ranking/cutoff.ts';
import { combineScores } from '../../../ranking/order/combine.ts';
import type { Ranking } from '../../../ranking/generation.ts';
import { readOrder } from '../../../ranking/order/order.ts';
import { orderScores } from '../../../ranking/order/sort-scores.ts';
import { chooseBenchmarks, retargetRanking, writeRetargeted } from '../../../ranking/order/retarget.ts';
import { holdRetargeted, retargetedFiles } from '../../../ranking/order/retargeted-files.ts';
import { withScores } from '../../../ranking/scores.ts';
import { z } from 'zod';
import { keepByPlainSort, makeScoredRows, rankRows, type Row, sumTokens, withRun } from '../synthetic.ts';
import { queryRows } from '../../../data/duckdb/rows.ts';

const rows = makeScoredRows(900);

/** The rows with the score that chosen benchmarks give them, the slow and obvious way. */
function rescore(benchmarks: readonly string[]): Row[] {
  return rows.map((row) => {
    const percentile = (name: string): number =>
      rows.filter((other) => (other.scores?.[name] ?? 0) <= (row.scores?.[name] ?? 0)).length / rows.length;
    return { ...row, score: Math.fround(Math.max(...benchmarks.map(percentile))) };
  });
}

describe('a ranking by chosen benchmarks', () => {
  it('cuts where a naive sort by the best percentile cuts, with keys deciding among equals', async () => {
    await withRun(async (run) => {
      const published = await rankRows(run, rows);
      for (const [choice, benchmarks] of [
        [{ benchmarks: ['mmlu', 'gsm8k'] }, ['gsm8k', 'mmlu']],
        [{ without: ['gsm8k'] }, ['arc_easy', 'mmlu']],
      ] as const) {
        const ranking = await retargetRanking(run, published, choice);
        expect(ranking.chosen?.benchmarks).toEqual(benchmarks);
        for (const share of [0.05, 0.2, 0.6]) {
          const kept = keepByPlainSort(rescore(benchmarks), share);
          const cutoff = await findCutoff(run, ranking, share);
          expect([cutoff.documents, cutoff.tokens, cutoff.score]).toEqual([
            kept.length,
            sumTokens(kept),
            kept.at(-1)?.score,
          ]);
          // Whatever asks SQL for the kept documents gets the very same.
          const found = await withScores(run, ranking, (connection, table) =>
            queryRows(
              connection,
              `SELECT document FROM ${table} WHERE ${keptCondition(cutoff)} ORDER BY document`,
              z.object({ document: z.string() }),
            ),
          );
          expect(found.map(({ document }) => document)).toEqual(kept.map(({ document }) => document).sort());
        }
      }
    });
  });

  it('is cached for the next time, and made again if its file is gone', async () => {
    await withRun(async (run) => {
      const published = await rankRows(run, rows);
      const first = await retargetRanking(run, published, { benchmarks: ['mmlu'] });
      expect(await retargetRanking(run, published, { benchmarks: ['mmlu'] })).toEqual(first);
      await rm(first.chosen?.path ?? '');
      expect(await retargetRanking(run, published, { benchmarks: ['mmlu'] })).toEqual(first);
      expect(await findCutoff(run, first, 0.3)).toMatchObject({ ofDocuments: 900 });
    });
  });

  it('is made again if one of its files was changed or cut short', async () => {
    await withRun(async (run) => {
      const published = await rankRows(run, rows);
      const choice = { benchmarks: ['mmlu'] };
      const first = await retargetRanking(run, published, choice);
      const cutoff = await findCutoff(run, first, 0.3);
      const { card, scores } = retargetedFiles(run, published, choice.benchmarks);
      const [cardText, scoreBytes] = [await readFile(card, 'utf8'), await readFile(scores)];
      const flipped = Buffer.from(scoreBytes);
      const middle = flipped.length >> 1;
      flipped[middle] = (flipped[middle] ?? 0) ^ 1;
      const changed = cardText.replace(/\d+(?=\s*\]\s*\])/, (tokens) => `${tokens}1`);
      const damages = [
        () => writeFile(card, changed),
        () => truncate(card, cardText.length >> 1),
        () => truncate(card, 0),
        () => writeFile(scores, flipped),
        () => truncate(scores, middle),
      ];
      expect(changed).not.toBe(cardText);
      for (const damage of damages) {
        await damage();
        const again = await retargetRanking(run, published, choice);
        expect(again).toEqual(first);
        expect(await findCutoff(run, again, 0.3)).toEqual(cutoff);
        expect(await readFile(card, 'utf8')).toBe(cardText);
        expect(await readFile(scores)).toEqual(scoreBytes);
      }
    });
  });

  it('keeps its files as long as a process holds them, whatever else is requested', async () => {
    await withRun(async (run) => {
      const names = ['a', 'b', 'c', 'd', 'e'];
      const many = rows.map((row, index) => ({
        ...row,
        scores: Object.fromEntries(names.map((name, i) => [name, Math.fround(Math.sin((i + 1) * index))])),
      }));
      const published = await rankRows(run, many);
      const sets = Array.from({ length: 20 }, (_, i) =>
        names.filter((_name, bit) => ((i + 1) >> bit) % 2 === 1),
      );
      const make = async (ranking: Ranking, benchmarks: string[]): Promise<() => Promise<void>> => {
        const letGo = await holdRetargeted(run, ranking, benchmarks);
        const combined = await combineScores(run, ranking, benchmarks);
        await writeRetargeted(
          run,
          ranking,
          benchmarks,
          combined,
          orderScores(combined.scores, (await readOrder(run, ranking)).tokens),
        );
        return letGo;
      };
      const isThere = (benchmarks: string[]): boolean =>
        existsSync(retargetedFiles(run, published, benchmarks).scores);
      const first = await make(published, ['a']);
      for (const benchmarks of sets.slice(1)) await (await make(published, benchmarks))();
      expect(sets.filter(isThere)).toEqual([['a'], ...sets.slice(-16)]);
      // A generation later the held one is still there, and goes once it is let go of.
      const next = await rankRows(
        run,
        many.map((row) => ({ ...row, tokens: row.tokens + 1 })),
      );
      await (
        await make(next, ['b'])
      )();
      expect(sets.filter(isThere)).toEqual([['a']]);
      await first();
      await (
        await make(next, ['c'])
      )();
      expect(sets.filter(isThere)).toEqual([]);
    });
  });

  it('is not held by a process that is gone', async () => {
    await withRun(async (run) => {
      const published = await rankRows(run, rows);
      const { folder, name, scores } = retargetedFiles(run, published, ['mmlu']);
      const { href } = new URL('../../../data/files/owned-files.js', import.meta.url);
      const script = `import('${href}').then(({ ownedName }) => console.log(ownedName()))`;
      const gone = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }).trim();
      await retargetRanking(run, published, { benchmarks: ['mmlu'] });
      for (const mark of await readdir(folder)) if (mark.endsWith('.use')) await rm(join(folder, mark));
      await writeFile(join(folder, `${name}.${gone}.use`), '');
      await retargetRanking(run, await rankRows(run, rows.slice(1)), { benchmarks: ['gsm8k'] });
      expect(existsSync(scores)).toBe(false);
      expect((await readdir(folder)).filter((file) => file.includes(gone))).toEqual([]);
    });
  });

  it('names its benchmarks in the answer', async () => {
    await withRun(async (run) => {
      const { answer } = await answerWithCutoff(run, await rankRows(run, rows), {
        keep: 0.1,
        without: ['mmlu'],
      });
      expect(answer.benchmarks).toEqual(['gsm8k', 'arc_easy']);
      expect(answer.summary).toContain('best corpus percentile for gsm8k, arc_easy');
    });
  });

  it('needs benchmarks that there are, and one way to choose', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, rows);
      const choose = (choice: Parameters<typeof chooseBenchmarks>[1]) => () =>
        chooseBenchmarks(ranking, choice);
      expect(choose({ benchmarks: ['gsm9k'] })).toThrow(
        expect.objectContaining({ code: 'BENCHMARK_UNKNOWN' }),
      );
      expect(choose({ without: ['gsm8k', 'arc_easy', 'mmlu'] })).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      );
      expect(choose({ benchmarks: ['gsm8k'], without: ['mmlu'] })).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      );
      expect(chooseBenchmarks(ranking, {})).toBeUndefined();
    });
  });
});

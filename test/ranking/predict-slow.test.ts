import { expect, it } from '@jest/globals';
import { silent } from '../../run/progress.ts';
import { predictRanking } from '../../ranking/predict.ts';
import { prepareRanking, rankCorpus } from '../../ranking/rank.ts';
import { withCorpus } from '../classifier/trained-run.ts';
import { betr } from '../cli/betr.ts';
import '../scoring/use-picky.ts';

it('a dry run measures what documents cost a slow scorer, on a few of them', async () => {
  await withCorpus(async (main, folder) => {
    const { run } = await prepareRanking(main, 'picky', silent);
    const { cost, predicted } = await predictRanking(run, silent);
    // Text of 22 words on average, read at 1000 bytes a second, at 50 for a million bytes.
    const perDocument = (cost?.seconds ?? 0) / (cost?.documents ?? 0);
    expect(cost?.measured.documents).toBeGreaterThan(16);
    expect(cost?.measured.documents).toBeLessThanOrEqual(48);
    expect(perDocument).toBeGreaterThan(0.1);
    expect(perDocument).toBeLessThan(0.3);
    expect(cost?.tokens).toBeCloseTo(1000 * (cost?.seconds ?? 0), -2);
    expect(cost?.money).toBeCloseTo(((cost?.tokens ?? 0) * 50) / 1e6, 3);
    expect(predicted.seconds).toBeGreaterThanOrEqual(cost?.seconds ?? Infinity);
    expect(predicted.budgets.every(({ score }) => score === null)).toBe(true);

    // Its answers are stored by now, so the measurement is that of the first.
    const { stdout } = await betr(folder, ['rank', '--scorer', 'picky', '--dry-run']);
    expect(stdout).toMatch(
      /Measured on \d+ documents: [\d.]+ s and \d+ model tokens each\. [\d,]+ documents to score take .* which cost/,
    );

    const { ranking } = await rankCorpus(main, silent, 'picky');
    const all =
      ranking.documents + (ranking.unknown ?? []).reduce((sum, { documents }) => sum + documents, 0);
    expect(Math.abs((cost?.documents ?? 0) / all - 1)).toBeLessThan(0.2);
  });
});

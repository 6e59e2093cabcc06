// The figures in the documentation that follow from the laws and the paper's fits: readers must see what the
// commands answer.

import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { coreAccuracy, testedRates } from '../../ranking/budget/paper-fits.ts';
import { keepRate, type LawName, laws, lawNames, lawRate, planModel } from '../../ranking/budget/laws.ts';
import { effectiveTokens } from '../../ranking/budget/repetition.ts';
import { parseAmount } from '../../run/amounts.ts';

const read = (page: string): Promise<string> =>
  readFile(new URL(`../../../${page}`, import.meta.url), 'utf8');
const tokensPerParam = 11;
const poolTokens = 1e12;

/** The cells of each row of a page's tables whose first cell fits the pattern. */
function rowsOf(page: string, first: RegExp): string[][] {
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  return rows
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell = '']) => first.test(cell));
}

/** The numbers in a cell; 13.5B is 13.5e9. */
function numbersIn(cell: string | undefined): number[] {
  return [...(cell ?? '').matchAll(/[\d.]+(?:e\d+|[KMBT]\b)?/g)].map(([number]) =>
    parseAmount('figure', number),
  );
}

/** Equal as far as the page writes it: to three digits. */
function expectClose(shown: readonly number[], real: readonly number[]): void {
  expect(shown.map((value) => value.toPrecision(3))).toEqual(real.map((value) => value.toPrecision(3)));
}

describe('the figures of the documentation', () => {
  it("has answers in the README that follow from the law and the paper's fits", async () => {
    const rows = rowsOf(await read('README.md'), /FLOPs$/);
    expect(rows).toHaveLength(3);
    const law = laws['nemotron-cc'];
    for (const [budget, params, tokens, keep, kept, , unfiltered, filtered] of rows) {
      const [flops = 0] = numbersIn(budget);
      const model = planModel({ flops }, tokensPerParam);
      const { rate, low, high } = keepRate(lawRate(law, model), 0);
      expectClose([...numbersIn(params), ...numbersIn(tokens)], [model.params, model.tokens]);
      expectClose(
        numbersIn(keep),
        [rate, low, high].map((share) => 100 * share),
      );
      expect(numbersIn(kept)).toEqual([Math.round((rate * poolTokens) / 1e9) * 1e9]);
      const accuracies = testedRates.map((tested) => 100 * coreAccuracy(tested, flops));
      expectClose(
        [...numbersIn(unfiltered), ...numbersIn(filtered)],
        [accuracies.at(-1) ?? 0, Math.max(...accuracies)],
      );
    }
  });

  it('has the keep rates and accuracies in docs/cutoffs.md', async () => {
    const page = await read('docs/cutoffs.md');
    const isLaw = (name: string): name is LawName => lawNames.some((known) => known === name);
    const [header = []] = rowsOf(page, /^`--pool`$/);
    const budgets = header.slice(3).map(Number);
    const byLaw = rowsOf(page, /^`(?:nemotron-cc|dclm-refinedweb)`/);
    expect(byLaw).toHaveLength(2);
    for (const [cell = '', , , ...rates] of byLaw) {
      const name = cell.split('`')[1] ?? '';
      if (!isLaw(name)) throw new Error(name);
      expect(rates).toEqual(
        budgets.map((flops) => (100 * lawRate(laws[name], planModel({ flops }, tokensPerParam))).toFixed(1)),
      );
    }
    const tested = rowsOf(page, /^(?:\d+%|no filter)$/);
    expect(tested).toHaveLength(testedRates.length);
    for (const [at, [, ...accuracies]] of tested.entries()) {
      const rate = testedRates[at] ?? 1;
      // The last digit of the fits' own parameters moves an accuracy by up to a tenth of a point.
      for (const [column, flops] of [1e19, 1e20, 1e21, 1e22, 1e23, 1e24].entries())
        expect(Math.abs(Number(accuracies[column]) - 100 * coreAccuracy(rate, flops))).toBeLessThan(0.1);
    }
  });

  it('has the worth of repeated tokens in docs/method.md', async () => {
    const shown = [...(await read('docs/method.md')).matchAll(/(\.\d{3}) at (\d+)/g)].map(
      ([, worth = '', epochs = '']) => ({ worth, epochs: Number(epochs) }),
    );
    expect(shown).toHaveLength(5);
    for (const { worth, epochs } of shown)
      expect(worth).toBe((effectiveTokens(1, epochs) / epochs).toFixed(3).slice(1));
  });
});

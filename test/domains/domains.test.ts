import { describe, expect, it } from '@jest/globals';
import type { Found } from '../../domains/domains.ts';
import { csv, estimateFiles, golden, goldenTables } from './tables.ts';

const { wide, long, byModel, errors, errorsLong, errorsByModel, tokens } = goldenTables;
const base = { 'losses.csv': wide, 'errors.csv': errors, 'tokens.csv': tokens };
const how = { tokens: 'tokens.csv', keepRate: 0.5 };

/** By domain name, because estimates are sorted by value. */
const byName = (result: Found, key: 'estimate' | 'weight' | 'tokens'): number[] =>
  result.domains.toSorted((a, b) => (a.domain < b.domain ? -1 : 1)).map((domain) => domain[key]);
const close = (got: readonly number[], expected: readonly number[], within = 12): void => {
  expect(got).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, within);
};

describe('domain weights', () => {
  it('match the golden weights, best domain first', async () => {
    const result = await estimateFiles(base, how);
    close(byName(result, 'estimate'), [1, -0.2, 0.1, -0.9]);
    close(byName(result, 'weight'), [0.8, 0, 0.2, 0]);
    expect(result.domains.map(({ domain, include }) => [domain, include])).toEqual([
      ['d1', true],
      ['d3', true],
      ['d2', false],
      ['d4', false],
    ]);
    expect(result).toMatchObject({
      estimator: 'spearman',
      target: ['task'],
      models: 5,
      modelsLeftOut: 0,
      domainsLeftOut: 0,
      tokensFrom: 'tokens table',
    });
  });

  it.each([
    ['wide', wide],
    ['long', long],
    ['one row a model', byModel],
  ])('are the same from losses with %s, as CSV and as Parquet', async (_what, table) => {
    const expected = await estimateFiles(base, how);
    for (const losses of ['losses.csv', 'losses.tsv', 'losses.parquet']) {
      const text = losses.endsWith('.tsv') ? table.replaceAll(',', '\t') : table;
      expect((await estimateFiles({ ...base, [losses]: text }, { ...how, losses })).domains).toEqual(
        expected.domains,
      );
    }
  });

  it.each([
    ['long', errorsLong],
    ['one row a model', errorsByModel],
  ])('are the same from errors with %s, as CSV and as Parquet', async (_what, table) => {
    const expected = await estimateFiles(base, how);
    for (const name of ['errors.csv', 'errors.parquet'])
      expect((await estimateFiles({ ...base, [name]: table }, { ...how, errors: name })).domains).toEqual(
        expected.domains,
      );
  });

  it('average raw losses by tokens over Σ tokens / Σ bytes, not over pages', async () => {
    const rows = [
      ['a', 2.0, 50, 200],
      ['a', 3.0, 100, 380],
      ['b', 1.0, 10, 40],
    ];
    const models = ['m1', 'm2', 'm3'];
    const rawLong = csv([
      ['domain', 'model', 'loss', 'tokens', 'bytes'],
      ...models.flatMap((model, m) =>
        rows.map(([domain = '', loss, ...sizes]) => [domain, model, Number(loss) + m, ...sizes.map(Number)]),
      ),
    ]);
    const rawWide = csv([
      ['domain', ...models, 'tokens', 'bytes'],
      ...rows.map(([domain = '', loss, ...sizes]) => [
        domain,
        ...models.map((_, m) => Number(loss) + m),
        ...sizes.map(Number),
      ]),
    ]);
    const oneModel = csv([
      ['benchmark', ...models],
      ['task', 1, 0, 0],
    ]);
    for (const table of [rawLong, rawWide]) {
      // Only the first model has error 1, so the product is its bits per byte over N.
      const result = await estimateFiles(
        { 'losses.csv': table, 'errors.csv': oneModel },
        { raw: true, estimator: 'product' },
      );
      close(
        byName(result, 'estimate').map((estimate) => 3 * estimate),
        [0.994962, 10 / (40 * Math.LN2)],
        6,
      );
      expect(byName(result, 'tokens')).toEqual([150, 10]);
      expect(result.tokensFrom).toBe('losses table');
    }
  });

  it('use the tokens column of a wide table', async () => {
    const lines = wide.trim().split('\n');
    const withTokens = [
      `${lines[0] ?? ''},tokens`,
      ...lines.slice(1).map((line, d) => `${line},${golden.tokens[d] ?? 0}`),
    ].join('\n');
    const result = await estimateFiles({ 'losses.csv': withTokens, 'errors.csv': errors }, { keepRate: 0.5 });
    close(byName(result, 'weight'), [0.8, 0, 0.2, 0]);
  });

  it('combine benchmarks by mean error or by mean rank', async () => {
    const two = csv([
      ['benchmark', ...golden.models],
      ['task', ...golden.errors],
      ['perplexity', 100, 900, 800, 700, 600],
    ]);
    const estimate = async (settings: Record<string, unknown>): Promise<number[]> =>
      byName(
        await estimateFiles({ ...base, 'errors.csv': two }, { ...settings, estimator: 'product' }),
        'estimate',
      );
    const product = (y: readonly number[]): number[] =>
      golden.domains.map(
        (_, d) =>
          golden.models.reduce((sum, _model, m) => sum + (y[m] ?? 0) * (golden.losses[m]?.[d] ?? 0), 0) / 5,
      );
    close(await estimate({}), product([100.3, 900.35, 800.5, 700.7, 600.6].map((sum) => sum / 2)), 9);
    close(
      await estimate({ combine: 'rank' }),
      product(
        [
          [1, 1],
          [2, 5],
          [3, 4],
          [5, 3],
          [4, 2],
        ].map(([a = 0, b = 0]) => (a + b) / 2 / 5),
      ),
    );
    close(await estimate({ benchmarks: ['task'] }), product(golden.errors));
  });

  it('join models by name and ignore other columns', async () => {
    const lines = wide.trim().split('\n');
    const more = [
      `note,${lines[0] ?? ''},stranger`,
      ...lines.slice(1).map((line) => `some text,${line},9`),
    ].join('\n');
    const result = await estimateFiles(
      {
        ...base,
        'losses.csv': more,
        'errors.csv': csv([
          ['benchmark', 'm5', 'm3', 'm1', 'm2', 'm4', 'm6'],
          ['task', 0.6, 0.5, 0.3, 0.35, 0.7, 0.1],
        ]),
      },
      how,
    );
    close(byName(result, 'estimate'), [1, -0.2, 0.1, -0.9]);
    expect(result.models).toBe(5);
    expect(result.warnings.join('\n')).toMatch(
      /3 models were left out because they are in only one of the tables/,
    );
  });

  it('leave out and count domains with a missing loss and models without an error', async () => {
    const holes = wide.replace('0.9,1.3', ',1.3').replace('1.6', 'NaN');
    const result = await estimateFiles(
      {
        ...base,
        'losses.csv': holes,
        'errors.csv': csv([
          ['benchmark', ...golden.models, 'm6'],
          ['task', ...golden.errors, 0.5],
          ['other', 0.1, 0.2, 0.3, 0.4, 0.5, 'nan'],
        ]),
      },
      how,
    );
    expect(result.domains.map(({ domain }) => domain)).toEqual(['d1', 'd4']);
    expect(result.domainsLeftOut).toBe(2);
    expect(result.warnings.join('\n')).toMatch(
      /2 domains were left out because they lack a model.s loss; the first is "d2"/,
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { comparisonSchema } from '../../../ranking/budget/compare-budgets.ts';
import { comparisonColumns } from '../../../ranking/budget/comparison-table.ts';
import { curveSchema } from '../../../ranking/budget/curve.ts';
import { keepByPlainSort, makeScoredRows, type Row, sumTokens } from '../../ranking/synthetic.ts';
import { shareServer } from '../serve.ts';

const rows = makeScoredRows(900);
const benchmarks = ['gsm8k', 'arc_easy', 'mmlu'];
const server = shareServer(rows);

/** The benchmark that a row has its best percentile for, the slow and obvious way. */
function winnerOf(row: Row): string {
  const percentiles = benchmarks.map(
    (name) => rows.filter((other) => (other.scores?.[name] ?? 0) <= (row.scores?.[name] ?? 0)).length,
  );
  return benchmarks[percentiles.indexOf(Math.max(...percentiles))] ?? '';
}

describe('GET /compare', () => {
  it('keeps what each budget keeps, and counts what changes in between by source and winning benchmark', async () => {
    const { lines, steps } = comparisonSchema.parse(
      (await server().ask('/compare?budgets=1e21,1e19,1e23&poolTokens=6.3T')).json,
    );
    expect(lines.map(({ name }) => name)).toEqual(['1e19 FLOPs', '1e21 FLOPs', '1e23 FLOPs', 'no filter']);
    const kept = lines.map(({ keep }) => keepByPlainSort(rows, keep.rate));
    expect(lines.map(({ cutoff }) => [cutoff.documents, cutoff.tokens])).toEqual(
      kept.map((own) => [own.length, sumTokens(own)]),
    );
    expect(lines.at(-1)?.keep.rate).toBe(1);
    expect(lines.map(({ repetition }) => repetition?.epochs ?? null)).toEqual([
      1,
      1,
      expect.any(Number),
      null,
    ]);
    for (const [i, step] of steps.entries()) {
      const [before = [], after = []] = [kept[i], kept[i + 1]];
      const added = after.filter((row) => !before.includes(row));
      expect([step.from, step.to]).toEqual([lines[i]?.name, lines[i + 1]?.name]);
      expect(step.jaccard).toBeCloseTo(sumTokens(before) / sumTokens(after), 12);
      expect([step.added, step.removed]).toEqual([
        { documents: added.length, tokens: sumTokens(added) },
        { documents: 0, tokens: 0 },
      ]);
      for (const { source, added: own } of step.sources)
        expect(own).toEqual(describeRows(added.filter((row) => row.source === source)));
      for (const { benchmark, added: own } of step.benchmarks)
        expect(own).toEqual(describeRows(added.filter((row) => winnerOf(row) === benchmark)));
      expect(step.sources.reduce((sum, one) => sum + one.added.documents, 0)).toBe(added.length);
      expect(step.benchmarks.reduce((sum, one) => sum + one.added.documents, 0)).toBe(added.length);
    }
  });

  it('compares model sizes, and by chosen benchmarks', async () => {
    const {
      lines,
      steps,
      benchmarks: chosen,
    } = comparisonSchema.parse(
      (await server().ask('/compare?params=0.4B,7B&poolTokens=6.3T&without=mmlu')).json,
    );
    expect(lines.map(({ name, model }) => [name, model?.params])).toEqual([
      ['400M parameters', 4e8],
      ['7B parameters', 7e9],
      ['no filter', undefined],
    ]);
    expect(chosen).toEqual(['gsm8k', 'arc_easy']);
    expect(new Set(steps.flatMap((step) => step.benchmarks.map(({ benchmark }) => benchmark)))).toEqual(
      new Set(chosen),
    );
  });

  it('takes a budget among model sizes, once where one of them has it', async () => {
    const ask = async (query: string): Promise<string[]> =>
      comparisonSchema.parse((await server().ask(`/compare?${query}`)).json).lines.map(({ name }) => name);
    expect(await ask('budgets=1e21&params=1B,7B')).toEqual([
      '1B parameters',
      '1e21 FLOPs',
      '7B parameters',
      'no filter',
    ]);
    // 6·11·(7e9)² is 3.234e21.
    expect(await ask('budgets=3.23e21&params=1B,7B')).toEqual([
      '1B parameters',
      '7B parameters',
      'no filter',
    ]);
  });

  it('can be smaller than the one before: a smaller pool asks for more of itself', async () => {
    const { steps } = comparisonSchema.parse(
      (await server().ask('/compare?budgets=1e19,1e20&poolTokens=6.3T&pool=dclm-refinedweb')).json,
    );
    expect(steps.every(({ removed }) => removed.documents === 0)).toBe(true);
  });

  it('is CSV where that is asked for, one way or the other', async () => {
    const { ask } = server();
    const byParameter = await ask('/compare?budgets=1e19,1e21&format=csv');
    expect(byParameter.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [header, ...lines] = byParameter.text.trimEnd().split('\r\n');
    expect(header).toBe(comparisonColumns.join(','));
    expect(lines.map((line) => line.split(',')[0])).toEqual(['1e19 FLOPs', '1e21 FLOPs', 'no filter']);
    expect((await ask('/compare?budgets=1e19,1e21', { headers: { Accept: 'text/csv' } })).text).toBe(
      byParameter.text,
    );
    expect(
      (await ask('/compare?budgets=1e19,1e21', { headers: { Accept: '*/*' } })).headers.get('content-type'),
    ).toContain('json');
    expect(byParameter.headers.get('vary')).toContain('Accept');
  });
});

describe('GET /curve', () => {
  it('rises with the budget from the law to the data floor, within its band', async () => {
    const { points } = curveSchema.parse(
      (await server().ask('/curve?from=1e19&to=1e24&points=11&poolTokens=100B')).json,
    );
    expect(points.map(({ flops }) => Number(Math.log10(flops).toFixed(6)))).toEqual([
      19, 19.5, 20, 20.5, 21, 21.5, 22, 22.5, 23, 23.5, 24,
    ]);
    expect(points.map(({ setBy }) => setBy)).toEqual(expect.arrayContaining(['law', 'data floor']));
    for (const [i, { rate, low, high }] of points.entries()) {
      expect(low).toBeLessThanOrEqual(rate);
      expect(high).toBeGreaterThanOrEqual(rate);
      expect(rate).toBeGreaterThanOrEqual(points[i - 1]?.rate ?? 0);
    }
  });

  it('has budgets that read as they were asked for', async () => {
    const { points } = curveSchema.parse((await server().ask('/curve')).json);
    expect([points[0], points[20], points[100], points.at(-1)].map((point) => point?.flops)).toEqual([
      1e18, 1e19, 1e23, 1e25,
    ]);
    const exact = curveSchema.parse(
      (await server().ask('/curve?from=1234567890123456789&to=3.3333333333333335e21&points=2')).json,
    );
    expect(exact.points.map(({ flops }) => flops)).toEqual([1234567890123456789, 3.3333333333333335e21]);
  });

  it('is CSV too', async () => {
    const { text } = await server().ask('/curve?points=3&format=csv');
    expect(text.trimEnd().split('\r\n')).toHaveLength(4);
    expect(text).toMatch(/^flops,params,tokens,rate,low,high,setBy,law,epochs\r\n/);
  });
});

function describeRows(own: readonly Row[]): { documents: number; tokens: number } {
  return { documents: own.length, tokens: sumTokens(own) };
}

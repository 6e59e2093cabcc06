// The authors' published losses and errors (MIT): 263 texts × 90 models, compared with vectors computed by an
// independent program and with the authors' own top tens.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { domainSettingsSchema } from '../../run/domain-settings.ts';
import { estimateDomains, type Found } from '../../domains/domains.ts';
import { longTest } from '../long.ts';
import { withFolder } from './tables.ts';

const folder = join(
  process.env['BETR_SHARED'] ?? join(process.cwd(), '../shared'),
  'golden/perplexity-correlations',
);
const losses = join(folder, 'chunked_synthetic_sample_bpb_id.csv');
const there = existsSync(losses);
if (!there) process.stdout.write(`skipped: no published tables at ${folder}\n`);

const policy = z.object({
  top10: z.array(z.number()),
  overlapWithPublished: z.number(),
  first5Spearman: z.array(z.number()),
  min: z.number(),
  max: z.number(),
});
const expectedSchema = z.object({
  groups: z.record(
    z.string(),
    z.object({
      benchmarks: z.array(z.string()),
      publishedTop10RowIndex: z.array(z.number()),
      ordinalStable: policy,
      ordinalReversed: policy,
      midrank: policy,
      sign_first5: z.array(z.number()),
      sign_sign_first5: z.array(z.number()),
      product_first5: z.array(z.number()),
    }),
  ),
});
type Group = z.output<typeof expectedSchema>['groups'][string];
const groups = there
  ? Object.entries(
      expectedSchema.parse(JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))).groups,
    )
  : [];
/** Number of groups that are always checked. */
const always = 1;
/** Texts in row order. */
const texts = there
  ? await withDuckDb({ threads: 1 }, async (connection) =>
      z
        .array(z.tuple([z.string()]))
        .parse(
          (
            await connection.runAndReadAll(
              `SELECT id FROM read_csv(${sqlString(losses)}, all_varchar = true)`,
            )
          ).getRows(),
        )
        .map(([id]) => id),
    )
  : [];

const run = (benchmarks: string[], settings: Record<string, unknown>): Promise<Found> =>
  estimateDomains(
    domainSettingsSchema.parse({
      losses,
      errors: join(folder, 'error.csv'),
      benchmarks,
      resamples: 0,
      ...settings,
    }),
    { folder, threads: 1 },
    silent,
  );
const inRowOrder = ({ domains }: Found): number[] => {
  const byName = new Map(domains.map(({ domain, estimate }) => [domain, estimate]));
  return texts.map((text) => byName.get(text) ?? Number.NaN);
};
const near = (got: readonly number[], expected: readonly number[]): void => {
  expect(expected.length).toBeGreaterThan(0);
  for (const [i, value] of expected.entries())
    expect(Math.abs((got[i] ?? Number.NaN) - value)).toBeLessThan(1e-9 * Math.max(1, Math.abs(value) / 100));
};

(there ? describe : describe.skip)('the published tables', () => {
  const givesKnown = async (_name: string, expected: Group): Promise<void> => {
    const policies = [
      ['mid', expected.midrank],
      ['ordinal', expected.ordinalStable],
      ['ordinal-reversed', expected.ordinalReversed],
    ] as const;
    for (const [ties, { first5Spearman, min, max, top10 }] of policies) {
      const result = await run(expected.benchmarks, { ties });
      const estimates = inRowOrder(result);
      near(estimates, first5Spearman);
      near([Math.min(...estimates), Math.max(...estimates)], [min, max]);
      const best = result.domains.slice(0, 10).map(({ domain }) => texts.indexOf(domain));
      expect(best.toSorted((a, b) => a - b)).toEqual(top10.toSorted((a, b) => a - b));
      const shared = best.filter((row) => expected.publishedTop10RowIndex.includes(row)).length;
      expect(shared).toBeGreaterThanOrEqual(9);
    }
    near(inRowOrder(await run(expected.benchmarks, { estimator: 'sign' })), expected.sign_first5);
    near(inRowOrder(await run(expected.benchmarks, { estimator: 'sign_sign' })), expected.sign_sign_first5);
    near(inRowOrder(await run(expected.benchmarks, { estimator: 'product' })), expected.product_first5);
  };
  it.each(groups.slice(0, always))('give the known estimates and top ten for %s', givesKnown);
  longTest.each(groups.slice(always))('give the known estimates and top ten for %s', givesKnown);

  it('contain one model twice, which is reported', async () => {
    const { warnings, models } = await run(['arc_easy'], {});
    expect(models).toBe(90);
    expect(warnings.join('\n')).toMatch(
      /Models "\('amber', 'LLM360\/Amber'\)" and "\('llm360', 'LLM360\/Amber'\)" have the same losses/,
    );
  });

  it('predict held-out models far better than chance, and warn that the estimates are close together', async () => {
    const { prediction, warnings, families } = await run(['arc_easy'], { resamples: 200 });
    expect(prediction?.rSquared).toBeGreaterThan(0.85);
    expect(prediction?.permutedHigh).toBeLessThan(0);
    expect(warnings.join('\n')).toMatch(/less than a typical interval/);
    expect(families.reduce((sum, family) => sum + family.models, 0)).toBe(90);
  });

  it('are the same as Parquet', async () => {
    await withFolder(async (at) => {
      const parquet = join(at, 'losses.parquet');
      await withDuckDb({ threads: 1 }, (connection) =>
        connection.run(
          `COPY (FROM read_csv(${sqlString(losses)})) TO ${sqlString(parquet)} (FORMAT parquet)`,
        ),
      );
      expect((await run(['piqa'], { losses: parquet })).domains).toEqual((await run(['piqa'], {})).domains);
    });
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { type Checkpoints, difficultyOf, marginOf } from '../../pairs/difficulty.ts';
import { findModels, measureByColumns } from '../../pairs/measure-columns.ts';
import type { Measurement } from '../../pairs/measurement.ts';
import { pairsSchema } from '../../run/pair-settings.ts';
import { openPairRun } from './pair-run.ts';

const logProbabilities = {
  chosen: 'm{model}_c{checkpoint}_chosen',
  rejected: 'm{model}_c{checkpoint}_rejected',
};
const row = z.object({
  difficulty: z.number().nullable(),
  unknown: z.string().nullable(),
  spread: z.number().nullable(),
  margin: z.number().nullable(),
  models: z.number(),
  learned_step: z.number().nullable(),
});

function readRows({ difficulties }: Measurement): Promise<z.output<typeof row>[]> {
  return withDuckDb({ threads: 1 }, (connection) =>
    queryRows(connection, `FROM ${parquetSource(difficulties)} ORDER BY pair`, row),
  );
}

const texts = (i: number) => ({
  id: `p${i}`,
  prompt: `prompt ${i}`,
  chosen: `yes ${i}`,
  rejected: `no ${i}`,
});

/** Two models with two checkpoints each, all of which know the pair well. */
const good = {
  ref_chosen_logps: -110,
  ref_rejected_logps: -115,
  m1_c10_chosen: -105,
  m1_c10_rejected: -115,
  m1_c20_chosen: -100,
  m1_c20_rejected: -120,
  m2_c10_chosen: -110,
  m2_c10_rejected: -115,
  m2_c20_chosen: -80,
  m2_c20_rejected: -160,
};

async function measure(
  rows: readonly object[],
  use: Checkpoints = 'last',
  columns: object = logProbabilities,
): Promise<{ measurement: Measurement; rows: z.output<typeof row>[] }> {
  const { run, set, remove } = await openPairRun(
    rows.map((more, i) => ({ ...texts(i), ...more })),
    { logProbabilities: columns },
  );
  try {
    const measurement = await measureByColumns(run, set, use);
    return { measurement, rows: await readRows(measurement) };
  } finally {
    await remove();
  }
}

describe('difficulty by log probabilities in the files', () => {
  it('is that of each model’s last checkpoint, with the golden losses', async () => {
    // β .01: margins .15 and .75 after 20 steps.
    const { rows, measurement } = await measure([good, { ...good, m2_c20_rejected: -100 }]);
    expect(rows[0]).toEqual({
      difficulty: expect.closeTo((0.620957048 + Math.log1p(Math.exp(-0.75))) / 2, 8),
      unknown: null,
      spread: expect.closeTo((0.620957048 - Math.log1p(Math.exp(-0.75))) / Math.SQRT2, 8),
      margin: expect.closeTo(0.45, 12),
      models: 2,
      learned_step: null,
    });
    expect(measurement.card).toMatchObject({
      method: 'columns',
      proxy: false,
      beta: 0.01,
      known: 2,
      unknown: {},
    });
  });

  it.each([
    ['a log probability is not a number', { m1_c20_chosen: 'NaN' }],
    ['a log probability is not a number', { ref_chosen_logps: '-Infinity' }],
    ['a log probability is positive', { m2_c10_rejected: 0.5 }],
    ['a log probability of one side is missing', { m1_c10_rejected: null }],
    ['log probabilities of some models are missing', { m2_c10_chosen: null, m2_c10_rejected: null }],
    [
      'log probabilities of some models are missing',
      { m2_c10_chosen: null, m2_c10_rejected: null, m2_c20_chosen: null, m2_c20_rejected: null },
    ],
    ['its log probabilities are missing', { ref_rejected_logps: null }],
  ])('is unknown where %s: %j', async (reason, bad) => {
    const { rows, measurement } = await measure([
      good,
      { ...good, ...bad },
      { ...good, m1_c20_chosen: -101 },
    ]);
    expect(rows.map(({ unknown }) => unknown)).toEqual([null, reason, null]);
    expect(rows[1]).toMatchObject({
      difficulty: null,
      spread: null,
      margin: null,
      models: 0,
      learned_step: null,
    });
    expect(measurement.card).toMatchObject({ known: 2, unknown: { [reason]: 1 } });
  });

  it('is unknown where the models count different tokens', async () => {
    const columns = {
      ...logProbabilities,
      chosenTokens: 'm{model}_tokens',
      referenceChosenTokens: 'ref_tokens',
    };
    const counted = { ...good, ref_tokens: 7, m1_tokens: 7, m2_tokens: 7 };
    const { rows } = await measure(
      [counted, { ...counted, m2_tokens: 8 }, { ...counted, m1_c20_chosen: -101 }],
      'last',
      columns,
    );
    expect(rows.map(({ unknown }) => unknown)).toEqual([null, 'the models count different tokens', null]);
  });

  it('takes the models that did not learn from a pair', async () => {
    const half = (model: number, chosen: number) => ({
      ref_chosen_logps: -10,
      ref_rejected_logps: -10,
      [`m${model}_chosen`]: chosen,
      [`m${model}_rejected`]: -10,
    });
    const { rows } = await measure([half(1, -5), half(2, -9), half(1, -20)], 'last', {
      chosen: 'm{model}_chosen',
      rejected: 'm{model}_rejected',
      beta: 1,
    });
    expect(rows.map(({ margin, models }) => [margin, models])).toEqual([
      [5, 1],
      [1, 1],
      [-10, 1],
    ]);
  });

  it('is that of the slow code on any numbers', async () => {
    const log = fc.oneof(fc.double({ min: -200, max: 0, noNaN: true }), fc.constantFrom(-10, -60));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(log, { minLength: 10, maxLength: 10 }), { minLength: 2, maxLength: 30 }),
        fc.constantFrom<Checkpoints>('last', 'mean'),
        async (lists, use) => {
          const names = Object.keys(good);
          const rows = lists.map((list) => Object.fromEntries(names.map((name, i) => [name, list[i] ?? 0])));
          const slow = rows.map((one) =>
            difficultyOf(
              [1, 2].map((model) => ({
                steps: [10, 20],
                margins: [10, 20].map((step) =>
                  marginOf(0.01, {
                    chosen: one[`m${model}_c${step}_chosen`] ?? 0,
                    rejected: one[`m${model}_c${step}_rejected`] ?? 0,
                    referenceChosen: one['ref_chosen_logps'] ?? 0,
                    referenceRejected: one['ref_rejected_logps'] ?? 0,
                  }),
                ),
              })),
              use,
            ),
          );
          fc.pre(new Set(slow.map((one) => one?.difficulty)).size > 1);
          const { rows: fast } = await measure(rows, use);
          for (const [i, one] of slow.entries()) {
            expect(fast[i]?.difficulty).toBeCloseTo(one?.difficulty ?? NaN, 9);
            expect(fast[i]?.spread).toBeCloseTo(one?.spread ?? NaN, 9);
            expect(fast[i]?.margin).toBeCloseTo(one?.margin ?? NaN, 9);
            expect(fast[i]?.learned_step).toBe(one?.learnedStep);
          }
        },
      ),
      { numRuns: 5 },
    );
  });

  it('refuses models that learned nothing', async () => {
    const same = { ref_chosen_logps: -5, ref_rejected_logps: -6, m1_c1_chosen: -5, m1_c1_rejected: -6 };
    await expect(measure([same, same])).rejects.toMatchObject({
      code: 'MEASUREMENT_CONSTANT',
      values: { difficulty: '0.693147' },
    });
  });
});

describe('columns', () => {
  const settings = (columns: object) => {
    const parsed = pairsSchema.parse({ name: 'a', files: ['a'], logProbabilities: columns }).logProbabilities;
    if (parsed === undefined) throw new Error('no log probabilities');
    return parsed;
  };
  const refs = ['ref_chosen_logps', 'ref_rejected_logps'];

  it('are sorted by the numbers in their names, and references are no models', () => {
    const names = ['10', '9', 'a'].flatMap((model) => [`${model}_chosen_logps`, `${model}_rejected_logps`]);
    const columns = settings({ chosen: '{model}_chosen_logps', rejected: '{model}_rejected_logps' });
    expect(findModels('a', columns, [...names, ...refs]).map(({ model }) => model)).toEqual(['9', '10', 'a']);
  });

  it('must have both sides and a reference', () => {
    const columns = settings(logProbabilities);
    expect(() => findModels('a', columns, ['m1_c1_chosen', ...refs])).toThrow(
      /no column "m1_c1_rejected", but they have "m1_c1_chosen"/,
    );
    expect(() => findModels('a', columns, refs)).toThrow(/no column "m\{model\}_c\{checkpoint\}_chosen"/);
    expect(() => findModels('a', columns, ['m1_c1_chosen', 'm1_c1_rejected'])).toThrow(/"ref_chosen_logps"/);
  });
});

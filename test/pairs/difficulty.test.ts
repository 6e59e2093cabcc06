import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import {
  type Checkpoints,
  difficultyOf,
  learnedStepOf,
  lossOf,
  marginOf,
  type ModelMargins,
} from '../../pairs/difficulty.ts';
import { sqlDifficulty } from '../../pairs/difficulty-sql.ts';

describe('margins and losses', () => {
  // Worked out outside this code, from the formulas of the paper.
  it.each([
    [
      { chosen: -100, referenceChosen: -110, rejected: -120, referenceRejected: -115 },
      0.01,
      0.15,
      0.620957048,
    ],
    [{ chosen: -100, referenceChosen: -110, rejected: -120, referenceRejected: -115 }, 0.1, 1.5, 0.201413278],
    [{ chosen: -80, referenceChosen: -70, rejected: -60, referenceRejected: -75 }, 0.01, -0.25, 0.82593942],
    [{ chosen: -90, referenceChosen: -90, rejected: -90, referenceRejected: -90 }, 0.01, 0, 0.693147181],
  ])('of %j at β %d are %d and %d', (logs, beta, margin, loss) => {
    expect(marginOf(beta, logs)).toBeCloseTo(margin, 12);
    expect(lossOf(marginOf(beta, logs))).toBeCloseTo(loss, 9);
  });

  it('stay finite for huge margins', () => {
    expect(lossOf(1e4)).toBe(0);
    expect(lossOf(-1e4)).toBe(1e4);
  });
});

describe('the learned step', () => {
  it.each([
    ['the first, if the margin is always above .4', [0.5, 0.6, 0.7], 100],
    ['the one after the last dip', [0.5, 0.3, 0.7], 300],
    ['never, if it ends below', [0.5, 0.6, 0.4], Infinity],
  ])('is %s', (_, margins, step) => {
    expect(learnedStepOf({ steps: [100, 200, 300], margins })).toBe(step);
  });

  it('is the median over models, and unknown if half of them never learn the pair', () => {
    const learned = { steps: [1, 2], margins: [0, 1] };
    const never = { steps: [1, 2], margins: [1, 0] };
    expect(difficultyOf([learned, learned, never], 'last')?.learnedStep).toBe(2);
    expect(difficultyOf([learned, never], 'last')?.learnedStep).toBeNull();
    expect(difficultyOf([{ steps: [null], margins: [1] }], 'last')?.learnedStep).toBeNull();
  });
});

const models: fc.Arbitrary<ModelMargins[]> = fc.integer({ min: 1, max: 4 }).chain((checkpoints) =>
  fc.array(
    fc.record({
      steps: fc.constantFrom(
        Array.from({ length: checkpoints }, (_, i) => 10 * (i + 1)),
        Array.from({ length: checkpoints }, () => null),
      ),
      margins: fc.array(
        fc.oneof(fc.constantFrom(0, 0.4, 0.5, -800, 800), fc.double({ min: -3, max: 3, noNaN: true })),
        { minLength: checkpoints, maxLength: checkpoints },
      ),
    }),
    { maxLength: 4 },
  ),
);

function sqlOf(list: readonly ModelMargins[]): string {
  const structs = list.map(
    ({ steps, margins }, m) =>
      `{model: '${m}', steps: [${steps.map((step) => `${step ?? 'NULL'}::DOUBLE`).join(', ')}], ` +
      `margins: [${margins.map((margin) => `${margin}::DOUBLE`).join(', ')}]}`,
  );
  return `[${structs.join(', ')}]::STRUCT(model VARCHAR, steps DOUBLE[], margins DOUBLE[])[]`;
}

it('difficulties in SQL are those of the slow code', async () => {
  const row = z.object({
    difficulty: z.number().nullable(),
    unknown: z.string().nullable(),
    spread: z.number().nullable(),
    margin: z.number().nullable(),
    models: z.number(),
    learned_step: z.number().nullable(),
  });
  await withDuckDb({ threads: 1 }, async (connection) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(models, { minLength: 1, maxLength: 20 }),
        fc.constantFrom<Checkpoints>('last', 'mean'),
        async (pairs, use) => {
          const rows = pairs
            .map((list, pair) => `SELECT ${pair} AS pair, ${sqlOf(list)} AS models, NULL AS unknown`)
            .join(' UNION ALL ');
          const found = await queryRows(connection, `${sqlDifficulty(rows, use)} ORDER BY pair`, row);
          expect(found).toHaveLength(pairs.length);
          for (const [pair, list] of pairs.entries()) {
            const slow = difficultyOf(list, use);
            const fast = found[pair];
            expect(fast?.unknown === null).toBe(slow !== null);
            expect(fast?.models).toBe(slow?.models ?? 0);
            expect(fast?.learned_step ?? null).toBe(slow?.learnedStep ?? null);
            for (const key of ['difficulty', 'spread', 'margin'] as const) {
              if (slow?.[key] === null || slow === null) expect(fast?.[key]).toBeNull();
              else expect(fast?.[key]).toBeCloseTo(slow[key] ?? NaN, 9);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

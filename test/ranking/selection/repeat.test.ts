import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { queryRows } from '../../../data/duckdb/rows.ts';
import { selectionManifestSchema } from '../../../ranking/selection/manifest.ts';
import { parseSlices, type Slice } from '../../../ranking/selection/repeat.ts';
import { writeSelection } from '../../../ranking/selection/select.ts';
import { silent } from '../../../run/progress.ts';
import { rounds } from '../../long.ts';
import { keepByPlainSort, makeRows, rankRows, type Row, sumTokens, withRun } from '../synthetic.ts';

const rowsOnly = { format: 'rows' } as const;
const place = ({ shard, row }: { shard: string; row: number }): string => `${shard}#${row}`;

/** How many times to repeat each kept document: the first slice that keeps it decides. */
function repeatByPlainSort(rows: readonly Row[], slices: readonly Slice[]): Map<Row, number> {
  const times = new Map<Row, number>();
  for (const slice of slices) {
    const kept =
      'share' in slice
        ? keepByPlainSort(rows, slice.share)
        : rows.filter(({ score }) => score >= Math.fround(slice.score));
    for (const row of kept) if (!times.has(row)) times.set(row, slice.times);
  }
  return times;
}

const repeatRow = z.object({ shard: z.string(), row: z.number(), repeat: z.number() });
const readRepeats = (path: string): Promise<z.output<typeof repeatRow>[]> =>
  withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT shard, "row"::DOUBLE AS "row", repeat FROM read_parquet(${sqlString(path)})`,
      repeatRow,
    ),
  );

async function compareWithPlainSort(rows: readonly Row[], slices: readonly Slice[]): Promise<void> {
  await withRun(async (run) => {
    const ranking = await rankRows(run, rows);
    const out = join(run.folder, 'out');
    const manifest = await writeSelection(run, ranking, {}, out, { ...rowsOnly, repeat: slices }, silent);
    const times = repeatByPlainSort(rows, slices);
    const found = await readRepeats(join(out, 'selection.parquet'));
    expect(new Map(found.map((row) => [place(row), row.repeat]))).toEqual(
      new Map([...times].map(([row, own]) => [place(row), own])),
    );
    const seen = [...times].flatMap(([row, own]) => Array.from({ length: own }, () => row));
    expect(manifest).toMatchObject({
      documents: times.size,
      tokens: sumTokens([...times.keys()]),
      repeat: { documentsSeen: seen.length, tokensSeen: sumTokens(seen) },
    });
    expect(manifest.repeat?.slices.reduce((sum, { documents }) => sum + documents, 0)).toBe(times.size);
    expect(manifest.repeat?.slices.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(manifest.tokens);
  });
}

describe('a selection with repetitions', () => {
  it('says for every document how many times to repeat it, by score or by share', async () => {
    const rows = makeRows(2000);
    await compareWithPlainSort(rows, parseSlices('--repeat', '1.5:4,0.75:3,-0.2:1'));
    await compareWithPlainSort(rows, parseSlices('--repeat', '3%:5, 10%:2,30%:1'));
    await compareWithPlainSort(rows, parseSlices('--repeat', '0.5:2'));
  });

  it('is that of a plain sort whatever the scores, ties and slices', async () => {
    const rows = fc
      .array(
        fc.record({
          score: fc
            .oneof(fc.constantFrom(0, 0.25, 0.5, 0.6), fc.float({ min: -1, max: 1, noNaN: true }))
            .map(Math.fround),
          tokens: fc.nat(100),
          document: fc.constantFrom('a', 'b', 'c'),
        }),
        { minLength: 1, maxLength: 30 },
      )
      .map((list) => list.map((own, row) => ({ ...own, row, shard: 's.jsonl', source: '' })));
    const times = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 4 });
    const slices = fc
      .tuple(
        fc.boolean(),
        fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }),
        times,
      )
      .map(([byShare, steps, epochs]) =>
        steps
          .sort((a, b) => a - b)
          .map((step, i) => ({
            ...(byShare ? { share: step / 20 } : { score: 1 - step / 10 }),
            times: epochs[i] ?? 1,
          })),
      );
    await fc.assert(fc.asyncProperty(rows, slices, compareWithPlainSort), { numRuns: rounds(25) });
  });

  it('keeps what its last slice keeps, and records that in the manifest', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(500));
      const out = join(run.folder, 'out');
      const repeat = parseSlices('--repeat', '0.75:3,0.5:1');
      const manifest = await writeSelection(run, ranking, {}, out, { ...rowsOnly, repeat }, silent);
      expect(manifest).toMatchObject({
        question: { score: 0.5 },
        answer: { keep: { setBy: 'score', score: 0.5 }, cutoff: { documents: manifest.documents } },
        repeat: {
          slices: [
            { score: 0.75, times: 3 },
            { score: 0.5, times: 1 },
          ],
        },
      });
      const saved = selectionManifestSchema.parse(
        JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')),
      );
      expect(saved.repeat).toEqual(manifest.repeat);
      const shares = parseSlices('--repeat', '10%:2,40%:1');
      expect(
        await writeSelection(run, ranking, {}, out, { ...rowsOnly, repeat: shares }, silent),
      ).toMatchObject({ question: { keep: 0.4 }, repeat: { slices: [{ share: 0.1 }, { share: 0.4 }] } });
      expect(
        (await writeSelection(run, ranking, { keep: 0.1 }, out, rowsOnly, silent)).repeat,
      ).toBeUndefined();
    });
  });

  it('takes no other cutoff and no quotas', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(50));
      const out = join(run.folder, 'out');
      const repeat = parseSlices('--repeat', '0.5:2');
      for (const question of [{ keep: 0.1 }, { score: 0.5 }, { budget: 1e20 }])
        await expect(
          writeSelection(run, ranking, question, out, { ...rowsOnly, repeat }, silent),
        ).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('last slice') });
      const quotas = { weights: [{ domain: 'books', weight: 1 }], by: 'source' } as const;
      await expect(
        writeSelection(run, ranking, {}, out, { ...rowsOnly, repeat, quotas }, silent),
      ).rejects.toMatchObject({ code: 'USAGE' });
    });
  });
});

describe('the slices of --repeat', () => {
  it('are scores, or shares with a percent sign', () => {
    expect(parseSlices('--repeat', '0.75:3, .6:1,-2:1')).toEqual([
      { score: 0.75, times: 3 },
      { score: 0.6, times: 1 },
      { score: -2, times: 1 },
    ]);
    expect(parseSlices('--repeat', '3%:2,10%:1')).toEqual([
      { share: 0.03, times: 2 },
      { share: 0.1, times: 1 },
    ]);
  });

  it.each([
    ['', 'slices with their epochs'],
    ['0.5', 'slices with their epochs'],
    ['0.5:1.5', 'slices with their epochs'],
    ['0.5:0', 'a whole number from 1'],
    ['0.5:1001', 'to 1000'],
    ['x:1', 'a score'],
    ['0%:1', 'a share above 0'],
    ['0.5:1,0.6:1', 'best first'],
    ['0.5:1,0.5:2', 'best first'],
    ['30%:1,10%:2', 'best first'],
    ['0.5:3,10%:1', 'not both'],
    [Array.from({ length: 21 }, (_, i) => `${-i}:1`).join(','), 'at most 20'],
  ])('are refused if they are "%s"', (text, words) => {
    expect(() => parseSlices('--repeat', text)).toThrow(words);
  });
});

import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { pairHistogramSchema } from '../../../pairs/histogram.ts';
import { serveRun } from '../../../server/listen.ts';
import { smallMeasurement, type SmallPair, textPairs, withSmallSet } from '../../pairs/small-set.ts';
import { openRun } from '../../../run/run.ts';
import { withFolder } from '../../data/collect.ts';
import { ask, type Reply } from '../serve.ts';

const loss = (margin: number): number => Math.log1p(Math.exp(-margin));
/** Twenty pairs, every fourth of them math and harder, p7 unknown. */
const margins = Array.from({ length: 20 }, (_, i) => (i === 7 ? null : (i % 4 === 3 ? -1 : 1) - i / 50));
const twenty: SmallPair[] = textPairs(margins, (i) => (i % 4 === 3 ? 'math' : 'chat')).map(
  ({ margin, row }, i) => ({
    margin,
    row: { ...row, source: i < 12 ? 'web' : 'books', score_chosen: i === 3 ? 2 : 8, score_rejected: 5 },
  }),
);

async function withPairs(
  pairs: readonly SmallPair[],
  use: (asked: (path: string) => Promise<Reply>, folder: string) => Promise<void>,
  measurements = [smallMeasurement],
): Promise<void> {
  await withSmallSet(
    pairs,
    async (run, folder) => {
      const server = await serveRun(run, { host: '127.0.0.1', port: 0 });
      try {
        await use((path) => ask(server.url, path), folder);
      } finally {
        await server.stop(0);
      }
    },
    { measurements },
  );
}

describe('/pairs', () => {
  it('says how many pairs to keep, what that loses, and which pairs are near the cut', async () => {
    await withPairs(twenty, async (asked) => {
      expect((await asked('/pairs')).json).toEqual({
        sets: [
          {
            name: 'feedback',
            pairs: 20,
            measurements: [
              {
                name: 'columns',
                method: 'columns',
                proxy: false,
                beta: 0.01,
                known: 19,
                unknown: 1,
                check: null,
                problem: null,
              },
            ],
            answer: null,
            problem: null,
          },
        ],
      });
      // The line at 7B: .506 + .0785 · log2(7); 73% of 19 pairs are 14.
      const hint = {
        keep: expect.closeTo(0.7264, 4),
        from: 'argilla',
        pairs: { all: 20, known: 19, kept: 14 },
      };
      const fit = 'params=7e9&fit=argilla';
      expect((await asked(`/pairs?${fit}`)).json).toMatchObject({ sets: [{ answer: hint }] });
      const { json } = await asked(`/pairs/feedback?${fit}`);
      expect(json).toMatchObject(hint);
      expect(json).toMatchObject({
        why: expect.stringContaining('3B: 63.7%, 7B: 71.2%, 14B: 81.3%'),
        caveats: expect.arrayContaining([expect.stringContaining('a hint from three points')]),
      });

      // Of 15 pairs of chat, the hardest is p18; the easiest of math are p3, p11 and p15.
      const rows = (await asked('/pairs/feedback/rows?keep=80%25&limit=2&characters=7')).json;
      expect(rows).toMatchObject({
        answer: { pairs: { kept: 15 }, threshold: expect.closeTo(loss(1 - 18 / 50), 12) },
        kept: [{ id: 'p18', source: 'books', chosen: { text: 'Good 18', characters: 8 } }, { id: 'p17' }],
        dropped: [{ id: 'p3', category: 'math' }, { id: 'p11' }],
      });
      expect(rows).toMatchObject({
        answer: {
          groups: [
            { by: 'source' },
            {
              by: 'category',
              groups: [
                { group: 'chat', lost: 0 },
                { group: 'math', known: 4, kept: 0, lost: 1 },
              ],
            },
          ],
        },
      });
      expect((await asked('/pairs/feedback/rows?keep=1&order=hardest')).json).toMatchObject({
        kept: [{ id: 'p0' }, {}, {}, {}, {}],
        dropped: [],
      });
      expect((await asked('/pairs/feedback?keep=50%25&floor=50%25')).json).toMatchObject({
        groups: expect.arrayContaining([
          {
            by: 'category',
            more: 0,
            groups: expect.arrayContaining([expect.objectContaining({ group: 'math', kept: 2 })]),
          },
        ]),
      });
    });
  });

  it('counts pairs by difficulty and source', async () => {
    await withPairs(twenty, async (asked) => {
      const known = margins.flatMap((margin, i) =>
        margin === null ? [] : [{ i, difficulty: loss(margin) }],
      );
      const sorted = known.map(({ difficulty }) => difficulty).sort((a, b) => a - b);
      const { from, to, sources, quantiles } = pairHistogramSchema.parse(
        (await asked('/pairs/feedback/histogram?steps=4')).json,
      );
      expect([from, to]).toEqual([
        expect.closeTo(sorted[0] ?? NaN, 12),
        expect.closeTo(sorted.at(-1) ?? NaN, 12),
      ]);
      const steps = (isOf: (i: number) => boolean): number[] => {
        const counts = [0, 0, 0, 0];
        for (const { i, difficulty } of known) {
          const step = Math.min(3, Math.floor(((difficulty - from) / (to - from)) * 4));
          if (isOf(i)) counts[step] = (counts[step] ?? 0) + 1;
        }
        return counts;
      };
      expect(sources).toEqual([
        { source: 'web', others: false, pairs: 11, steps: steps((i) => i < 12) },
        { source: 'books', others: false, pairs: 8, steps: steps((i) => i >= 12) },
      ]);
      expect(quantiles).toHaveLength(201);
      expect(quantiles[100]).toBeCloseTo(sorted[9] ?? NaN, 12);
    });
  });

  it('explains why a pair is difficult, by what the models said and by its groups', async () => {
    await withPairs(twenty, async (asked) => {
      const math = [3, 11, 15, 19].map((i) => loss(margins[i] ?? NaN)).sort((a, b) => a - b);
      expect((await asked('/pairs/feedback/why?id=p3&characters=5')).json).toMatchObject({
        pair: { id: 'p3', difficulty: expect.closeTo(math[0] ?? NaN, 12), chosen: { text: 'Good ' } },
        places: [
          { by: null, known: 19, easier: 15.5 / 19 },
          { by: 'source', group: 'web', known: 11 },
          {
            by: 'category',
            group: 'math',
            known: 4,
            easier: 0.125,
            median: expect.closeTo(((math[1] ?? NaN) + (math[2] ?? NaN)) / 2, 12),
          },
        ],
        values: [
          {
            model: 'a',
            checkpoint: null,
            margin: expect.closeTo(-1.06, 12),
            loss: expect.closeTo(loss(-1.06), 12),
          },
        ],
        reasons: [
          'The reference model prefers the rejected answer (mean margin −1.1).',
          'The files score the rejected answer higher (5 against 2): the sides may be swapped.',
          expect.stringContaining('the median of "math" is above three quarters of all pairs'),
        ],
      });
      expect((await asked('/pairs/feedback/why?id=p7')).json).toMatchObject({
        pair: { difficulty: null, unknown: 'no model judged it' },
        places: [],
        reasons: ['Its difficulty is unknown: no model judged it.'],
      });
    });
  });

  it('refuses what it cannot answer, with what to do', async () => {
    await withPairs(
      twenty,
      async (asked, folder) => {
        const cases: [path: string, status: number, code: string, detail: string][] = [
          ['/pairs?params=7e9&measurement=other', 400, 'USAGE', 'name the fit'],
          ['/pairs/feedback?measurement=other', 400, 'USAGE', 'in one way'],
          ['/pairs/feedback?keep=0', 400, 'OPTION_INVALID', 'a share'],
          ['/pairs/feedback?keep=1&measurement=..%2F..%2Fpairs', 400, 'MEASUREMENT_NAME', ''],
          ['/pairs/feedback?keep=1', 422, 'PAIRS_MEASUREMENTS', 'columns, other'],
          ['/pairs/feedback?keep=1&by=source', 400, 'USAGE', 'give floor'],
          ['/pairs/feedback?maxLoss=-1@ab&measurement=other', 400, 'OPTION_INVALID', 'a loss above 0'],
          ['/pairs/feedback?maxLoss=0.7&measurement=other', 409, 'PAIRS_THRESHOLD', '@'],
          ['/pairs/feedback?keep=1&order=best', 400, 'OPTION_INVALID', 'easiest'],
          ['/pairs/none?keep=1', 404, 'PAIRS_UNKNOWN', 'feedback'],
          ['/pairs/%2e%2e%2ffeedback/histogram', 404, 'PAIRS_UNKNOWN', 'feedback'],
          [
            `/pairs/feedback/why?id=${encodeURIComponent("p1' OR true --")}&measurement=other`,
            404,
            'PAIR_UNKNOWN',
            '',
          ],
          ['/pairs/feedback/why?measurement=other', 400, 'PARAMETER_MISSING', 'id'],
          ['/pairs/feedback/rows?keep=1&limit=51', 400, 'OPTION_INVALID', '50'],
        ];
        for (const [path, status, code, detail] of cases)
          expect([path, (await asked(path)).json]).toEqual([
            path,
            expect.objectContaining({ status, code, detail: expect.stringContaining(detail) }),
          ]);
        // A damaged measurement is named; the list still has the other one.
        await appendFile(join(folder, 'run/pairs/feedback/measurements/other.json'), 'x');
        expect((await asked('/pairs')).json).toMatchObject({
          sets: [
            {
              measurements: [
                { name: 'columns', known: 19, problem: null },
                { name: 'other', known: null, problem: expect.stringContaining('other.json') },
              ],
            },
          ],
        });
        await rm(join(folder, 'run/pairs/feedback/pairs.json'));
        expect((await asked('/pairs?keep=0.5')).json).toMatchObject({
          sets: [{ pairs: null, problem: expect.stringContaining('betr pairs check feedback') }],
        });
      },
      [smallMeasurement, { ...smallMeasurement, name: 'other' }],
    );
  });

  it('needs no corpus, and what does says so', async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'betr.yaml'), 'pairs: [{name: feedback, files: [a.jsonl]}]\n');
      const server = await serveRun(await openRun(join(folder, 'betr.yaml')), { host: '127.0.0.1', port: 0 });
      try {
        expect((await ask(server.url, '/pairs')).json).toMatchObject({
          sets: [
            { name: 'feedback', pairs: null, problem: expect.stringContaining('betr pairs check feedback') },
          ],
        });
        expect((await ask(server.url, '/rank?budget=1e21')).json).toMatchObject({ code: 'CORPUS_MISSING' });
        expect(await ask(server.url, '/readyz')).toMatchObject({
          status: 200,
          json: { ready: true, generation: null },
        });
      } finally {
        await server.stop(0);
      }
    });
  });
});

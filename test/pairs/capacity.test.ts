import { describe, expect, it } from '@jest/globals';
import { argillaKeep, argillaPoints, type CapacityRun, findPeak, fitCapacity } from '../../pairs/capacity.ts';
import { parseRuns, runsOfSize } from '../../pairs/runs.ts';
import { fitQuadratic } from '../../data/least-squares.ts';

const shares = [0.3, 0.5, 0.7, 0.9];
const runOf = (run: string, winRateAt: (keep: number) => number, n = 805, keeps = shares): CapacityRun => ({
  run,
  points: keeps.map((keep) => ({ keep, winRate: winRateAt(keep), n })),
});

describe('the hint by the size of the model', () => {
  it('is the least-squares line through the three points of the paper', () => {
    const xs = argillaPoints.map(({ params }) => Math.log2(params / 1e9));
    const mean = xs.reduce((sum, x) => sum + x, 0) / 3;
    const keeps = argillaPoints.map(({ keep }) => keep);
    const slope =
      xs.reduce((sum, x, i) => sum + (x - mean) * (keeps[i] ?? 0), 0) /
      xs.reduce((sum, x) => sum + (x - mean) ** 2, 0);
    const at = (x: number): number => keeps.reduce((sum, y) => sum + y, 0) / 3 + slope * (x - mean);
    for (const { params } of argillaPoints)
      expect(argillaKeep(params)).toBeCloseTo(at(Math.log2(params / 1e9)), 3);
    expect(argillaKeep(7e9)).toBeCloseTo(0.726, 3);
  });

  it('keeps all at most, and is refused where the line falls to nothing', () => {
    expect(argillaKeep(1e12)).toBe(1);
    expect(() => argillaKeep(1e6)).toThrow(
      expect.objectContaining({
        code: 'PAIRS_SIZE',
        message: expect.stringContaining('says -28% for a model of 1M'),
      }),
    );
  });
});

describe('the peak of own runs', () => {
  it('is that of -1e-4 p² + .0142 p - .25: 71', () => {
    const points = [20, 40, 60, 80, 100].map((keep) => ({
      keep,
      winRate: -1e-4 * keep ** 2 + 0.0142 * keep - 0.25,
    }));
    expect(findPeak(points)).toEqual({ peak: expect.closeTo(71, 8), curvature: expect.closeTo(-1e-4, 10) });
    expect(fitQuadratic([1, 2, 3], [1, 4, 9]).curvature).toBeCloseTo(1, 10);
  });

  it('is the mean over runs, with an interval that narrows with more judgments', () => {
    const peaksAt = (peak: number, n: number): CapacityRun =>
      runOf(`to ${peak}`, (keep) => 0.5 - (keep - peak) ** 2, n);
    const few = fitCapacity([peaksAt(0.6, 200), peaksAt(0.7, 200)]);
    const many = fitCapacity([peaksAt(0.6, 20_000), peaksAt(0.7, 20_000)]);
    expect(few.keep).toBeCloseTo(0.65, 10);
    expect(few.runs.map(({ peak }) => peak)).toEqual([expect.closeTo(0.6, 8), expect.closeTo(0.7, 8)]);
    expect(many.high - many.low).toBeLessThan(few.high - few.low);
    expect(many.low).toBeLessThan(0.65);
    expect(many.high).toBeGreaterThan(0.65);
    expect(few.withoutPeak).toBeGreaterThan(many.withoutPeak);
  });

  it.each<[string, CapacityRun, string]>([
    [
      'two shares',
      runOf('a', () => 0.5, 805, [0.4, 0.6, 0.4]),
      'it has 2 different shares, and a parabola needs 3',
    ],
    [
      'a valley',
      runOf('a', (keep) => (keep - 0.6) ** 2),
      'its win rates do not rise to a peak and fall again',
    ],
    ['a constant', runOf('a', () => 0.5), 'its win rates do not rise to a peak and fall again'],
    [
      'a peak that lies outside',
      runOf('a', (keep) => 0.5 - (keep - 1) ** 2),
      'its best share would be 100%, outside of the shares that were tried (30% to 90%)',
    ],
  ])('is refused for %s', (_name, run, reason) => {
    const good = runOf('good', (keep) => 0.5 - (keep - 0.6) ** 2);
    expect(() => fitCapacity([good, run])).toThrow(
      expect.objectContaining({
        code: 'PAIRS_NO_PEAK',
        message: expect.stringContaining(`run "a" has no peak, because ${reason}`),
      }),
    );
  });
});

describe('a table of runs', () => {
  it('is read as CSV and as JSON', () => {
    const expected = [
      {
        run: 'small',
        params: 1e9,
        points: [
          { keep: 0.5, winRate: 0.125, n: 805 },
          { keep: 1, winRate: 0, n: 805 },
        ],
      },
      { run: 'large', params: 7e9, points: [{ keep: 0.5, winRate: 0.2, n: 400 }] },
    ];
    expect(
      parseRuns(
        'run,keep,win_rate,n,params\nsmall,50%,12.5%,805,1B\nsmall,1,0,805,1e9\nlarge,.5,.2,400,7B\n',
      ),
    ).toEqual(expected);
    expect(
      parseRuns(
        JSON.stringify([
          { run: 'small', keep: 0.5, win_rate: 0.125, n: 805, params: 1e9 },
          { run: 'small', keep: 1, win_rate: 0, n: 805, params: '1B' },
          { run: 'large', keep: '50%', win_rate: '20%', n: 400, params: 7e9 },
        ]),
      ),
    ).toEqual(expected);
    expect(runsOfSize(expected, 7e9).map(({ run }) => run)).toEqual(['large']);
    expect(() => runsOfSize(expected, 3e9)).toThrow(/none of a model of 3B parameters, only of 1B, 7B/);
  });

  it.each([
    ['run,keep,win_rate\na,.5,.2\n', /row 1 has no n/],
    ['run,keep,win_rate,n\na,.5,2,805\n', /win_rate/],
    ['run,keep,win_rate,n\na,0,.2,805\n', /keep/],
    ['run,keep,win_rate,n,params\na,.4,.2,9,1B\na,.5,.2,9,2B\n', /models of different sizes/],
    ['run,keep,win_rate,n\n', /it has no row/],
    ['{"run": 1}', /not a list of objects/],
  ])('is refused: %j', (text, problem) => {
    expect(() => parseRuns(text)).toThrow(problem);
  });
});

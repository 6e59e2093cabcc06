import { describe, expect, it } from '@jest/globals';
import { openRandom } from '../../data/seeded-random.ts';
import { familyOf } from '../../domains/labels.ts';
import { csv, estimateFiles } from './tables.ts';
import { longTest } from '../long.ts';

/**
 * Models of ability 0 to 1: on "good" domains losses fall with ability, on "noise" domains they are random;
 * errors fall with ability.
 */
function makeTables({ models = 40, good = 20, noise = 180, seed = 1, families = 10 }): {
  losses: string;
  errors: string;
} {
  const random = openRandom(seed);
  const names = Array.from({ length: models }, (_, m) => `family${m % families}/model-${m}`);
  const ability = names.map(() => random());
  const row = (name: string, of: (ability: number) => number): (string | number)[] => [
    name,
    ...ability.map((value) => of(value).toFixed(6)),
  ];
  const losses = [
    ...Array.from({ length: good }, (_, d) => row(`good-${d}`, (value) => 1.5 - value + 0.2 * random())),
    ...Array.from({ length: noise }, (_, d) => row(`noise-${d}`, () => 1 + random())),
  ];
  return {
    losses: csv([['domain', ...names], ...losses]),
    errors: csv([['benchmark', ...names], row('task', (value) => 0.9 - 0.6 * value + 0.02 * random())]),
  };
}

const files = ({ losses, errors }: { losses: string; errors: string }): Record<string, string> => ({
  'losses.csv': losses,
  'errors.csv': errors,
});

describe('robustness of the weights', () => {
  it('planted domains are found, always chosen, and predict held-out models; others are not', async () => {
    const result = await estimateFiles(files(makeTables({})), { resamples: 300 });
    const best = result.domains.slice(0, 20);
    expect(best.every(({ domain, include }) => domain.startsWith('good') && include)).toBe(true);
    expect(result.domains.filter(({ include }) => include)).toHaveLength(20);
    for (const { chosen, low, high, estimate } of best) {
      expect(chosen).toBeGreaterThan(0.95);
      expect(low ?? Number.NaN).toBeLessThan(estimate);
      expect(high ?? Number.NaN).toBeGreaterThan(estimate - 0.05);
    }
    expect(result.prediction?.rSquared).toBeGreaterThan(0.8);
    expect(result.prediction?.rSquared).toBeGreaterThan(result.prediction?.meanLoss ?? 1);
    expect(result.warnings.join('\n')).not.toMatch(/chance|told apart|mean loss/);
  });

  it('random losses are reported as chance', async () => {
    const result = await estimateFiles(files(makeTables({ good: 0, noise: 100, models: 16 })), {
      resamples: 200,
    });
    expect(result.warnings.join('\n')).toMatch(/Only 16 models/);
    expect(result.prediction?.rSquared).toBeLessThanOrEqual(result.prediction?.permutedHigh ?? -1);
    expect(result.warnings.join('\n')).toMatch(
      /no[t]? predict the order of held-out models better than chance/,
    );
  });

  it('intervals contain about 95% of the estimates from other draws of models', async () => {
    // Noise domains have a true estimate of 0.
    const { domains } = await estimateFiles(files(makeTables({ good: 0, noise: 400, models: 60, seed: 7 })), {
      resamples: 500,
    });
    const covered =
      domains.filter(({ low, high }) => (low ?? 1) <= 0 && (high ?? -1) >= 0).length / domains.length;
    expect(covered).toBeGreaterThan(0.88);
    expect(covered).toBeLessThan(0.99);
  });

  it('the family that the result depends on is named', async () => {
    const random = openRandom(3);
    // Only models of family "lean" do well on the odd domains, and only they do well on the benchmark.
    const names = Array.from({ length: 30 }, (_, m) => `${m < 6 ? 'lean' : `other${m}`}/m${m}`);
    const losses = Array.from({ length: 40 }, (_, d) => [
      `d${d}`,
      ...names.map((_name, m) => (1 + random() * 0.5 - (m < 6 && d % 2 === 1 ? 1 : 0)).toFixed(5)),
    ]);
    const errors = csv([
      ['benchmark', ...names],
      ['task', ...names.map((_name, m) => (m < 6 ? 0.1 + random() * 0.01 : 0.5 + random() * 0.4).toFixed(5))],
    ]);
    const { families, warnings } = await estimateFiles({
      'losses.csv': csv([['domain', ...names], ...losses]),
      'errors.csv': errors,
    });
    expect(families[0]).toMatchObject({ family: 'lean', models: 6 });
    expect(families.map(({ models }) => models).reduce((a, b) => a + b)).toBe(30);
    expect(warnings.join('\n')).toMatch(/Without the 6 models of family "lean"/);
  });

  it('families come from a table or from the names', async () => {
    const tables = files(makeTables({ models: 12, families: 4 }));
    expect((await estimateFiles(tables)).families.map(({ family }) => family).sort()).toEqual([
      'family0',
      'family1',
      'family2',
      'family3',
    ]);
    const table = csv([
      ['model', 'family'],
      ...Array.from({ length: 12 }, (_, m) => [`family${m % 4}/model-${m}`, m < 6 ? 'old' : 'new']),
    ]);
    expect(
      (await estimateFiles({ ...tables, 'families.csv': table }, { families: 'families.csv' })).families
        .map(({ family, models }) => [family, models])
        .sort(),
    ).toEqual([
      ['new', 6],
      ['old', 6],
    ]);
    expect([
      familyOf("('mistral', 'mistralai/Mistral-7B')"),
      familyOf('EleutherAI/pythia-1b'),
      familyOf('gpt2'),
    ]).toEqual(['mistral', 'EleutherAI', 'gpt2']);
  });

  it('models with identical losses are named, and few models get no prediction', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const losses = csv([
      ['domain', ...names],
      ['x', 1, 2, 1, 3],
      ['y', 2, 1, 2, 4],
    ]);
    const { warnings, prediction } = await estimateFiles({
      'losses.csv': losses,
      'errors.csv': csv([
        ['benchmark', ...names],
        ['task', 0.1, 0.2, 0.3, 0.4],
      ]),
    });
    expect(warnings.join('\n')).toMatch(/Models "a" and "c" have the same losses in every domain/);
    expect(warnings.join('\n')).not.toMatch(/"b" and/);
    expect(prediction).toBeNull();
    expect(warnings.join('\n')).toMatch(/at least 10 models/);
  });

  it('the same seed gives the same result; another seed gives other intervals', async () => {
    const tables = files(makeTables({ noise: 30 }));
    const [first, again, other] = [
      await estimateFiles(tables, { resamples: 50 }),
      await estimateFiles(tables, { resamples: 50 }),
      await estimateFiles(tables, { resamples: 50, seed: 2 }),
    ];
    expect(again).toEqual(first);
    expect(other.domains.map(({ estimate }) => estimate)).toEqual(
      first.domains.map(({ estimate }) => estimate),
    );
    expect(other.domains.map(({ low }) => low)).not.toEqual(first.domains.map(({ low }) => low));
  });

  longTest(
    'more domains than the second pass takes still get estimates, weights and a prediction',
    async () => {
      const result = await estimateFiles(
        files(makeTables({ good: 500, noise: 11_500, models: 12, families: 3 })),
        { resamples: 20 },
      );
      expect(result.domains).toHaveLength(12_000);
      expect(result.domains.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9);
      expect(result.prediction?.domains).toBeGreaterThan(4500);
      expect(result.prediction?.domains).toBeLessThanOrEqual(10_000);
    },
  );
});

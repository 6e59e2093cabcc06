// Win rates against the untuned student, plain and length-controlled, with bootstrap samples over the prompts.

import { openRandom } from '../../data/seeded-random.ts';
import type { ResampledRuns } from '../trials/resample.ts';
import { preferenceOf, type Verdict } from './judge.ts';

/** A model's preferences on prompts that all models share, and the lengths of its answers next to the others. */
export interface Judged {
  preferences: Float64Array;
  /** tanh of the difference in characters over its standard deviation, as in AlpacaEval 2. */
  lengths: Float64Array;
}

/** The prompts on which every model has a verdict, and how many were left out. */
export function joinVerdicts(models: readonly (readonly Verdict[])[]): {
  judged: Judged[];
  prompts: number;
  out: number;
} {
  const [first = []] = models;
  const tables = models.map((verdicts) => new Map(verdicts.map((verdict) => [verdict.id, verdict])));
  const ids = first
    .map(({ id }) => id)
    .filter((id) =>
      tables.every((table) => {
        const verdict = table.get(id);
        return verdict !== undefined && preferenceOf(verdict) !== null;
      }),
    );
  return {
    judged: tables.map((table) => judge(ids.flatMap((id) => table.get(id) ?? []))),
    prompts: ids.length,
    out: first.length - ids.length,
  };
}

function judge(verdicts: readonly Verdict[]): Judged {
  const differences = verdicts.map(({ characters, otherCharacters }) => characters - otherCharacters);
  const middle = differences.reduce((sum, one) => sum + one, 0) / differences.length;
  const deviation = Math.sqrt(
    differences.reduce((sum, one) => sum + (one - middle) ** 2, 0) / differences.length,
  );
  return {
    preferences: Float64Array.from(verdicts, (verdict) => preferenceOf(verdict) ?? 0.5),
    lengths: Float64Array.from(differences, (one) => (deviation > 0 ? Math.tanh(one / deviation) : 0)),
  };
}

/** The mean preference, where prompt i counts `counts[i]` times. */
export function winRate({ preferences }: Judged, counts: Float64Array): number {
  let [sum, of] = [0, 0];
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0;
    sum += count * (preferences[i] ?? 0);
    of += count;
  }
  return of === 0 ? 0.5 : sum / of;
}

const ridge = 1e-3;
const newtonSteps = 30;

/**
 * The win rate that answers of equal length would have: σ(a) of the logistic regression σ(a + b·length) on the
 * preferences, by Newton's method. The ridge keeps it finite where one side always wins.
 */
export function lengthControlled({ preferences, lengths }: Judged, counts: Float64Array): number {
  let [a, b] = [0, 0];
  for (let step = 0; step < newtonSteps; step++) {
    let [ga, gb, haa, hab, hbb] = [-ridge * a, -ridge * b, ridge, 0, ridge];
    for (let i = 0; i < counts.length; i++) {
      const [count, x] = [counts[i] ?? 0, lengths[i] ?? 0];
      const p = sigmoid(a + b * x);
      const residual = count * ((preferences[i] ?? 0) - p);
      const weight = count * p * (1 - p);
      ga += residual;
      gb += residual * x;
      haa += weight;
      hab += weight * x;
      hbb += weight * x * x;
    }
    const determinant = haa * hbb - hab * hab;
    const da = (hbb * ga - hab * gb) / determinant;
    const db = (haa * gb - hab * ga) / determinant;
    // Far from the optimum, a whole step may overshoot.
    const scale = Math.min(1, 2 / Math.max(Math.abs(da), Math.abs(db), 1e-300));
    a += scale * da;
    b += scale * db;
    if (Math.abs(da) + Math.abs(db) < 1e-9) break;
  }
  return sigmoid(a);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

const resamples = 1000;

/** A statistic of every model on all prompts, and on resamples of the prompts that all models share. */
export function resamplePrompts(
  judged: readonly Judged[],
  prompts: number,
  statistic: (model: Judged, counts: Float64Array) => number,
  seed: number,
): ResampledRuns {
  const random = openRandom(seed);
  const counts = new Float64Array(prompts).fill(1);
  const read = (): Float64Array => Float64Array.from(judged, (model) => statistic(model, counts));
  const plain = read();
  const samples = Array.from({ length: resamples }, () => {
    counts.fill(0);
    for (let i = 0; i < prompts; i++) {
      const at = Math.floor(random() * prompts);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    return read();
  });
  return { plain, samples };
}

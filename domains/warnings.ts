// Warnings to read before using the weights.

import { formatShare } from '../run/amounts.ts';
import type { DomainSettings } from '../run/domain-settings.ts';
import { quantile } from '../data/statistics.ts';
import type { Measured } from './measure.ts';
import type { Prediction } from './prediction.ts';
import type { FamilyEffect } from './families.ts';
import type { BenchmarkErrors } from './target.ts';

interface Ground {
  target: readonly string[];
  models: number;
  modelsLeftOut: number;
  tokensFrom: string;
  resamples: number;
  families: readonly FamilyEffect[];
  prediction: Prediction | null;
  settings: DomainSettings;
  errors: BenchmarkErrors;
  measured: Measured;
}

/**
 * [ours] With fewer models, estimates of unrelated numbers often reach ±.44 by chance (1.96/√N for N = 20).
 */
const fewModels = 20;
const fewResamples = 200;
/** [ours] If leaving out a family moves more of the weight than this, the result depends on that family. */
const movedMuch = 0.5;

export function listWarnings(ground: Ground): string[] {
  const { models, modelsLeftOut, tokensFrom, resamples, measured } = ground;
  const all = [
    models < fewModels &&
      `Only ${models} models: with fewer than ${fewModels}, estimates far from 0 occur by chance.`,
    modelsLeftOut > 0 &&
      `${modelsLeftOut} models were left out because they are in only one of the tables or ` +
        'lack an error on a target benchmark.',
    ...measured.sameModels.map(
      (names) =>
        `Models ${names.map((name) => `"${name}"`).join(' and ')} have the same losses in ` +
        `every domain; they look like one model counted ${names.length} times.`,
    ),
    measured.leftOut.count > 0 &&
      `${measured.leftOut.count} domains were left out because they lack a model's loss; the ` +
        `first is "${measured.leftOut.first}".`,
    tokensFrom.startsWith('none') &&
      'There are no token counts, so all domains are treated as equally large. Provide a ' +
        'table of token counts with --tokens.',
    outOfRange(ground),
    tooNarrow(measured),
    resamples > 0 &&
      resamples < fewResamples &&
      `With this many domains, the intervals come from only ${resamples} resamples of the ` +
        'models; set another number with --resamples.',
    leaning(ground),
    ...unpredicted(ground),
  ];
  return all.filter((warning) => warning !== false);
}

function outOfRange({ target, errors }: Ground): string | false {
  const outside = target.flatMap((benchmark) =>
    [...errors.models]
      .map(([model, byBenchmark]) => ({ benchmark, model, error: byBenchmark.get(benchmark) ?? 0 }))
      .filter(({ error }) => error < 0 || error > 1),
  );
  const [first] = outside;
  if (first === undefined) return false;
  return (
    `${outside.length} errors are outside 0 to 1 (${first.error} for "${first.model}" on ` +
    `"${first.benchmark}"). If they are not error rates, use --combine rank to combine the ` +
    'benchmarks by rank; if higher is better, flip the sign.'
  );
}

/** [ours] Domains can be told apart if the estimates differ by more than a typical interval. */
function tooNarrow({ estimates, low, high }: Measured): string | false {
  if (estimates.length < 2 || low.length === 0) return false;
  const width = quantile(high.map((value, domain) => value - (low[domain] ?? 0)).sort(), 0.5);
  const sorted = estimates.slice().sort();
  const [lowest, highest] = [quantile(sorted, 0), quantile(sorted, 1)];
  if (highest - lowest > width) return false;
  return (
    `The estimates range from ${show(lowest)} to ${show(highest)}, less than a typical ` +
    `interval (half are wider than ${show(width)}), so domains can hardly be told apart.`
  );
}

function leaning({ families }: Ground): string | false {
  const [first] = families;
  return (
    first !== undefined &&
    first.moved > movedMuch &&
    `Without the ${first.models} models of family "${first.family}", ` +
      `${formatShare(first.moved, 2)} of the weight moves to other domains.`
  );
}

function unpredicted({ prediction, models }: Ground): string[] {
  if (prediction === null)
    return [
      'Whether the weights predict held-out models was not measured: that requires at least ' +
        `10 models with different errors, and there are ${models}.`,
    ];
  const { rSquared, meanLoss, permutedHigh } = prediction;
  return [
    ...(rSquared <= permutedHigh
      ? [
          'The weights do not predict the order of held-out models better than chance (R² ' +
            `${show(rSquared)}; 5% of permuted errors reach ${show(permutedHigh)}).`,
        ]
      : []),
    ...(rSquared <= meanLoss
      ? [
          'The mean loss over all domains predicts the order of held-out models at least as well ' +
            `as the weights (R² ${show(meanLoss)} against ${show(rSquared)}).`,
        ]
      : []),
  ];
}

function show(value: number): string {
  return value.toFixed(3);
}

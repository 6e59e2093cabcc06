// What a reader of the weights has to know before using them.

import type { DomainSettings } from '../run/domain-settings.ts';
import { quantile, type Measured } from './measure.ts';
import type { FamilyEffect, Prediction } from './sureness.ts';
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

/** [ours] Below, the estimates of unrelated numbers reach ±.44 by chance (1.96/√N for N = 20). */
const fewModels = 20;
const fewResamples = 200;
/** [ours] A family whose absence moves more of the weight than this carries the result. */
const movedMuch = 0.5;

export function listWarnings(ground: Ground): string[] {
  const { models, modelsLeftOut, tokensFrom, resamples, measured } = ground;
  const all = [
    models < fewModels &&
      `Only ${models} models: with fewer than ${fewModels}, estimates far from 0 come about by chance.`,
    modelsLeftOut > 0 &&
      `${modelsLeftOut} models are in one of the tables only, or lack an error on a benchmark of the ` +
        'target, and were left out.',
    ...measured.sameModels.map(
      (names) =>
        `Models ${names.map((name) => `"${name}"`).join(' and ')} have the same losses in every domain; ` +
        `they look like one model that counts ${names.length} times.`,
    ),
    measured.leftOut.count > 0 &&
      `${measured.leftOut.count} domains lack a loss of some model and were left out, ` +
        `"${measured.leftOut.first}" first.`,
    tokensFrom.startsWith('none') &&
      'There are no token counts, so all domains count as equally large. Name a table of them with --tokens.',
    outOfRange(ground),
    tooNarrow(measured),
    resamples > 0 &&
      resamples < fewResamples &&
      `The intervals come from only ${resamples} resamples of the models, as there are many domains; ` +
        '--resamples sets another number.',
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
    `${outside.length} errors are outside 0 to 1 (${first.error} of "${first.model}" on ` +
    `"${first.benchmark}"). If they are no error rates, the ranks of several benchmarks can be ` +
    'combined in place of the errors with --combine rank; if higher is better, turn them round.'
  );
}

/** [ours] Domains differ when the estimates are further apart than each is uncertain. */
function tooNarrow({ estimates, low, high }: Measured): string | false {
  if (estimates.length < 2 || low.length === 0) return false;
  const width = quantile(high.map((value, domain) => value - (low[domain] ?? 0)).sort(), 0.5);
  const sorted = estimates.slice().sort();
  const [lowest, highest] = [quantile(sorted, 0), quantile(sorted, 1)];
  if (highest - lowest > width) return false;
  return (
    `The estimates lie between ${show(lowest)} and ${show(highest)}, closer together than each is ` +
    `certain (half of the intervals are wider than ${show(width)}): domains can hardly be told apart.`
  );
}

function leaning({ families }: Ground): string | false {
  const [first] = families;
  return (
    first !== undefined &&
    first.moved > movedMuch &&
    `Without the ${first.models} models of family "${first.family}", ${(100 * first.moved).toFixed(0)} ` +
      '% of the weight goes to other domains.'
  );
}

function unpredicted({ prediction, models }: Ground): string[] {
  if (prediction === null)
    return [
      'Whether the weights predict held-out models was not measured: that takes at least 10 models with ' +
        `different errors, and there are ${models}.`,
    ];
  const { rSquared, meanLoss, permutedHigh } = prediction;
  return [
    ...(rSquared <= permutedHigh
      ? [
          'The weights do not predict the order of held-out models better than chance ' +
            `(R² ${show(rSquared)}; with permuted errors 5 % reach ${show(permutedHigh)}).`,
        ]
      : []),
    ...(rSquared <= meanLoss
      ? [
          'The mean loss over all domains predicts the order of held-out models at least as well as the ' +
            `weights do (R² ${show(meanLoss)} against ${show(rSquared)}).`,
        ]
      : []),
  ];
}

function show(value: number): string {
  return value.toFixed(3);
}

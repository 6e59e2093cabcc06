// A trial's report as text.

import { formatAmount, formatCount, formatCountOf, formatFlops, formatShare } from '../../../run/amounts.ts';
import { describeMultiplier, signed, spread } from '../../../evaluation/trials/describe.ts';
import type { Gain, ReportAtRate, TrialReport } from '../../../evaluation/trials/report-file.ts';
import { formatDuration, formatTable } from '../../output.ts';

/** Differences come first; single benchmarks are on the page. */
export function describeTrial(report: TrialReport): string {
  const { trial, model, tokens, seeds, parameters, jobs, flops, seconds, learningRates, flips } = report;
  return [
    `Trial "${trial}": ${formatCount(jobs.done)} of ${formatCountOf(jobs.of, 'model')} of size ${model}` +
      `${parameters === null ? '' : ` (${formatAmount(parameters.all)} parameters)`}, ${formatAmount(tokens)} tokens ` +
      `each, ${formatCountOf(seeds.length, 'seed')}; ${formatFlops(flops)} FLOPs, ${formatDuration(seconds)} of ` +
      'training.',
    'Bits per byte of the right answers, lower is better; differences above 0 are better. In brackets: 95% ' +
      `intervals over ${seeds.length > 1 ? 'seeds and items' : 'items'}.`,
    ...learningRates.flatMap((rate) => describeRate(rate, learningRates.length)),
    ...(flips === null
      ? []
      : [
          '',
          flips.pairs === 0
            ? 'No two arms differ at both learning rates, so it is open whether their order depends on it.'
            : `Of ${formatCountOf(flips.pairs, 'pair')} of arms that differ at both learning rates, ` +
              `${formatCount(flips.flipped.length)} change places` +
              `${flips.flipped.length === 0 ? '' : `: ${flips.flipped.map((pair) => pair.join(' and ')).join('; ')}`}.`,
        ]),
    '',
    'Did cheap measures agree with the trained models?',
    ...report.cheapMeasures.map(({ measure, pairs, share, reason }) =>
      share === null
        ? `  ${measure}: ${reason ?? ''}`
        : `  ${measure}: ${formatShare(share.value)} of ${formatCountOf(pairs, 'pair')} ` +
          `(${formatShare(share.low)} to ${formatShare(share.high)})`,
    ),
    ...(report.notes.length === 0 ? [] : ['', ...report.notes.map((note) => `Note: ${note}`)]),
    ...report.problems.map(({ job, problem }) => `No result of ${job}: ${problem}`),
  ].join('\n');
}

function describeRate(
  { learningRate, arms, noise, smallest, benchmarks }: ReportAtRate,
  rates: number,
): string[] {
  const sure = benchmarks.filter(({ accuracy }) => accuracy?.isAboveChance === true);
  return [
    '',
    ...(rates === 1 ? [] : [`Learning rate ${learningRate}:`]),
    formatTable([
      ['arm', 'answers', 'over no filter', 'over random', 'compute', 'other texts', 'seen'],
      ...arms.map((arm) => [
        arm.arm,
        arm.answers === null ? '' : `${arm.answers.value.toFixed(3)} (${spread(arm.answers)})`,
        describeGain(arm.overNoFilter),
        describeGain(arm.overRandom),
        describeMultiplier(arm.multiplier),
        arm.textsOverNoFilter === null ? '' : describeGain(arm.textsOverNoFilter),
        `${Math.max(1, arm.passes).toPrecision(2)} ×`,
      ]),
    ]),
    noise === null || smallest === null
      ? 'The noise of seeds is unknown, because no arm has two.'
      : `Models that differ only in their seed differ by ${noise.deviation.toPrecision(2)} (standard deviation); the ` +
        `smallest difference found four times out of five is ${smallest.toPrecision(2)}.`,
    'Signal to noise (range of the arms over the noise of seeds): ' +
      benchmarks
        .map(
          ({ benchmark, signalToNoise }) =>
            `${benchmark} ${signalToNoise === null ? '–' : signalToNoise.toFixed(1)}`,
        )
        .join(', '),
    sure.length === 0
      ? 'Accuracy: no benchmark is above chance at this size.'
      : `Accuracy, where these models are above chance: ${sure
          .map(({ benchmark, accuracy }) => `${benchmark} ${formatShare(accuracy?.all.value ?? 0)}`)
          .join(', ')}.`,
  ];
}

function describeGain(gain: Gain | null): string {
  if (gain === null) return '';
  return gain.verdict === 'no difference seen'
    ? `${signed(gain.value)} (${spread(gain)}) no difference seen`
    : `${signed(gain.value)} (${spread(gain)}) ${gain.verdict}`;
}

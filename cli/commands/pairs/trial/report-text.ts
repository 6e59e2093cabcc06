// The report of a trial on preference pairs as text.

import type { Interval } from '../../../../data/statistics.ts';
import type { PairTrialReport, ReportedPairArm } from '../../../../evaluation/pair-trials/report-file.ts';
import { signed, spread } from '../../../../evaluation/trials/describe.ts';
import type { Gain } from '../../../../evaluation/trials/report-file.ts';
import { formatCount, formatCountOf, formatFlops, formatShare } from '../../../../run/amounts.ts';
import { formatDuration, formatTable } from '../../../output.ts';

export function describePairTrial(report: PairTrialReport): string {
  const { models, heldOut, seeds, arms, untuned, judge } = report;
  const over = seeds.length > 1 ? 'seeds and' : '';
  return [
    `Trial "${report.trial}" of the pairs "${report.set}": ${formatCount(models.done)} of ` +
      `${formatCountOf(models.of, 'model')} trained from ${report.student}, by the difficulties of ` +
      `${report.measurement}; ${formatFlops(report.flops)} FLOPs, ${formatDuration(report.seconds)} of training.`,
    `In brackets: 95% intervals over ${over}${over === '' ? '' : ' '}held-out prompts or items. A difference above 0 ` +
      'is better.',
    '',
    `Held-out pairs (${formatCount(heldOut.pairs)}, in ${formatCountOf(heldOut.groups, 'group')} of similar prompts):`,
    formatTable([
      ['arm', 'pairs', 'steps', 'accuracy', 'over all pairs', 'over random', 'loss', 'chosen', 'rejected'],
      ...arms.map((arm) => [
        nameOf(arm),
        formatCount(arm.pairs),
        formatCount(Math.round(arm.steps)),
        withSpread(arm.accuracy),
        describeGain(arm.accuracyOverAll),
        describeGain(arm.accuracyOverRandom),
        withSpread(arm.loss),
        perAnswer(arm.chosen),
        perAnswer(arm.rejected),
      ]),
    ]),
    'accuracy: share of pairs whose chosen answer has the larger implicit reward. chosen, rejected: change ' +
      'of the log probability of these answers by training, in nats an answer.',
    ...(untuned.items === null
      ? []
      : [
          '',
          `Price: bits per byte of the right answers of benchmarks (untuned: ${withSpread(untuned.items)}):`,
          formatTable([
            ['arm', 'bits per byte', 'over untuned', 'over all pairs', ...benchmarkNames(arms)],
            ...arms.map((arm) => [
              nameOf(arm),
              arm.items === null ? '' : withSpread(arm.items),
              describeGain(arm.itemsOverUntuned),
              describeGain(arm.itemsOverAll),
              ...arm.benchmarks.map(({ overUntuned }) => describeGain(overUntuned)),
            ]),
          ]),
        ]),
    ...(arms.every(({ answerCharacters }) => answerCharacters === null)
      ? []
      : [
          '',
          judge === null
            ? 'Answers to held-out prompts:'
            : `Answers to held-out prompts, by ${judge.name} (${formatCountOf(judge.prompts, 'prompt')}, both orders):`,
          formatTable([
            ['arm', 'characters', 'win rate', 'length-controlled', 'over all pairs'],
            [
              'untuned',
              untuned.answerCharacters === null ? '' : formatCount(Math.round(untuned.answerCharacters)),
              '',
              '',
              '',
            ],
            ...arms.map((arm) => [
              nameOf(arm),
              arm.answerCharacters === null ? '' : formatCount(Math.round(arm.answerCharacters)),
              arm.winRate === null ? '' : withSpread(arm.winRate),
              arm.lengthControlled === null
                ? ''
                : `${withSpread(arm.lengthControlled)}${againstHalf(arm.lengthControlled)}`,
              describeGain(arm.lengthControlledOverAll),
            ]),
          ]),
        ]),
    ...report.peaks.map(({ budget, runs, capacity, reason }) =>
      capacity === null
        ? `At equal ${budget}, no best share: ${reason ?? ''}`
        : `At equal ${budget}, the win rates peak at ${formatShare(capacity.keep)} (${formatShare(capacity.low)} to ` +
          `${formatShare(capacity.high)}). To keep it: betr pairs select ${report.set} --fit ${runs}`,
    ),
    ...(report.notes.length === 0 ? [] : ['', ...report.notes.map((note) => `Note: ${note}`)]),
    ...report.problems.map(({ job, problem }) => `No result of ${job}: ${problem}`),
  ].join('\n');
}

function nameOf({ arm, keep, budget }: ReportedPairArm): string {
  return budget === 'both' ? arm : `${arm} ${formatShare(keep)}, equal ${budget}`;
}

function benchmarkNames(arms: readonly ReportedPairArm[]): string[] {
  return (arms[0]?.benchmarks ?? []).map(({ benchmark }) => benchmark);
}

function withSpread(interval: Interval): string {
  return `${interval.value.toFixed(3)} (${spread(interval)})`;
}

function perAnswer({ value, low, high }: Interval): string {
  return `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function describeGain(gain: Gain | null): string {
  return gain === null ? '' : `${signed(gain.value)} (${spread(gain)}) ${gain.verdict}`;
}

/** A win rate of one half means no difference to the untuned student. */
function againstHalf({ low, high }: Interval): string {
  return low <= 0.5 && high >= 0.5 ? ' no difference seen' : '';
}

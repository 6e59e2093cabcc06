// What `betr pairs report` prints.

import type { Comparison } from '../../../pairs/compare.ts';
import { type Grouping, groupings, hardShare, type PairsReport } from '../../../pairs/report.ts';
import { formatCount, formatCountOf, formatShare } from '../../../run/amounts.ts';
import { excerptOf, formatTable } from '../../output.ts';
import { describeCheck, describeCoverage } from './measurement-text.ts';

const barCharacters = 40;
const shownPairs = 10;

const headings: Record<Grouping, string> = {
  source: 'source',
  category: 'category',
  language: 'language',
  length: 'prompt and answers',
  longer: 'longer answer',
};

export function describeReport(report: PairsReport): string {
  const { measurement, difficulty } = report;
  const { proxy, beta } = measurement;
  return [
    `${report.set}, measurement "${measurement.name}"${beta === null ? '' : ` (β ${beta})`}:`,
    ...describeCoverage(measurement),
    ...(proxy ? [describeCheck(measurement)] : []),
    ...measurement.notes,
    '',
    `Difficulty: mean ${show(difficulty.mean)}, median ${show(difficulty.median)}, 10% below ` +
      `${show(difficulty.p10)}, 10% above ${show(difficulty.p90)}, at most ${show(difficulty.most)}.`,
    ...(difficulty.spread === null
      ? []
      : [`Standard deviation over the models of a pair, on average: ${show(difficulty.spread)}.`]),
    ...(difficulty.learned === 0
      ? []
      : [`Learned by the last checkpoint: ${formatCountOf(difficulty.learned, 'pair')}.`]),
    '',
    drawHistogram(report.histogram),
    ...groupings.flatMap((by) => describeGroups(report, by)),
  ].join('\n');
}

function drawHistogram(histogram: PairsReport['histogram']): string {
  const most = Math.max(...histogram.map(({ pairs }) => pairs));
  return formatTable([
    ['difficulty', 'pairs', ''],
    ...histogram.map(({ from, to, pairs }, bin) => [
      bin === histogram.length - 1 ? `${show(from)} and above` : `${show(from)} to ${show(to)}`,
      formatCount(pairs),
      '#'.repeat(Math.ceil((barCharacters * pairs) / Math.max(1, most))),
    ]),
  ]);
}

/** Nothing if there is only one group. */
function describeGroups({ groups, others }: PairsReport, by: Grouping): string[] {
  const found = groups[by];
  if (found.length < 2) return [];
  return [
    '',
    formatTable([
      [headings[by], 'pairs', 'median', `in the hardest ${formatShare(hardShare)}`],
      ...found.map(({ group, pairs, median, hard }) => [
        group ?? 'none given',
        formatCount(pairs),
        median === null ? 'unknown' : show(median),
        hard === null ? 'unknown' : formatShare(hard),
      ]),
    ]),
    ...(others[by] === 0 ? [] : [`and ${formatCountOf(others[by], 'pair')} of other groups`]),
  ];
}

export function describeComparison(comparison: Comparison): string {
  const { first, second, pairs, spearman, low, high, both, hardForBoth, hardForFirst } = comparison;
  return [
    spearman === null || low === null || high === null
      ? `"${first}" and "${second}" cannot be compared: they have ${formatCountOf(both, 'pair')} in common, or one ` +
        'of them gives all of these the same difficulty.'
      : `Spearman's correlation of "${first}" and "${second}": ${spearman.toFixed(2)} (95% interval ` +
        `${low.toFixed(2)} to ${high.toFixed(2)}) on ${formatCount(pairs)} pairs.`,
    '',
    `Of ${formatCountOf(both, 'pair')} that both know, hard (the hardest ${formatShare(hardShare)} of each) are:`,
    formatTable([
      ['', 'pairs', ''],
      ['for both', formatCount(hardForBoth.pairs), 'may be mislabeled or ambiguous: label these again'],
      [`for "${first}" only`, formatCount(hardForFirst.pairs), 'may be beyond the capacity of its models'],
      [`for "${second}" only`, formatCount(comparison.hardForSecond.pairs), ''],
    ]),
    ...(hardForBoth.listed.length === 0
      ? []
      : [
          '',
          `To label again, the hardest first (${
            hardForBoth.pairs > shownPairs ? `${shownPairs} of ${formatCount(hardForBoth.pairs)}; ` : ''
          }--json lists up to 1,000):`,
          formatTable([
            ['pair', first, second, 'prompt'],
            ...hardForBoth.listed
              .slice(0, shownPairs)
              .map(({ id, difficulty, other, prompt }) => [
                id,
                show(difficulty),
                show(other),
                excerptOf(prompt).slice(0, 60),
              ]),
          ]),
        ]),
  ].join('\n');
}

function show(value: number): string {
  return value.toFixed(3);
}

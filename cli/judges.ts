// Exams and comparisons of judges as text.

import type { JudgeComparison, JudgePair } from '../evaluation/compare-judges.ts';
import { sumUnknown } from '../indexer/targets/unknown.ts';
import { formatAmount, formatCount, formatCountOf, formatShare } from '../run/amounts.ts';
import { escapeControls } from '../run/escape-controls.ts';
import type { Amount, Exam, ExamPart, ExamSideResult } from '../scoring/exam/exam-result.ts';
import { describeVerdict, formatInterval } from '../scoring/exam/verdict.ts';
import { excerptOf, formatDuration, formatTable } from './output.ts';

/** The exam: a table for each part, what each one tests, speed and cost. */
export function describeExam(exam: Exam): string {
  const { judge, parts, speed, notes } = exam;
  const topic = parts.filter(({ tests }) => tests === 'topic');
  const quality = parts.filter(({ tests }) => tests !== 'topic');
  const { problem, advice } = describeVerdict(exam);
  return [
    `${judge.name}: ${judge.kind}, by the model ${judge.model}`,
    '',
    'Part 1, topic: does the judge tell texts about the subject from other texts?',
    'It does not show whether the judge knows good texts from bad ones.',
    ...topic.flatMap((part) => describePart(part)),
    ...(quality.length === 0
      ? []
      : [
          '',
          'Part 2, quality within a source: does the judge prefer a text to a damaged copy of it?',
          'The topic is the same, so a judge that sees only topics prefers half of the texts (.5).',
          ...quality.flatMap((part) => describePart(part)),
        ]),
    '',
    `Result: ${exam.verdict}. The ` +
      `judge ${exam.verdict === 'passed' ? 'can be used' : 'should not be used'}: ${problem}.`,
    ...(advice === '' ? [] : [`${advice}.`]),
    '',
    ...(speed === null
      ? ['Speed and cost: unknown, because every text was judged before']
      : [
          `Speed: ${speed.documentsPerSecond.toPrecision(3)} documents/s, ` +
            `${formatCount(speed.tokensPerSecond)} tokens/s on this machine ` +
            `(${formatCountOf(speed.documents, 'text')} of ${formatCount(speed.tokensPerDocument)} tokens on average` +
            `${speed.ofCorpus ? '' : "; they are not the corpus's, so the cost is a rough estimate"})`,
        ]),
    ...describeCost(exam),
    ...notes.map((note) => `Note: ${note}`),
  ].join('\n');
}

function describePart(part: ExamPart): string[] {
  return [
    '',
    part.name,
    `  for:     ${describeSide(part.for)}`,
    `  against: ${describeSide(part.against)}`,
    ...formatTable([
      ['', `${part.measure} (95%)`, 'answer mass (median)', 'unknown', 'agreement of spellings'],
      ['judge', formatInterval(part.estimate), '', '', ''],
      ...part.questions.map(({ name, estimate, mass, unknown, spellings }) => [
        name,
        formatInterval(estimate),
        mass === null ? 'none' : mass.toPrecision(2),
        formatShare(unknown),
        spellings === null ? 'none' : spellings.toFixed(3),
      ]),
    ])
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}

function describeSide({ what, texts, unknown }: ExamSideResult): string {
  return `${what}, ${formatCountOf(texts, 'text')}${describeUnknown(unknown)}`;
}

function describeUnknown(unknown: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(unknown).map(([reason, count]) => `${formatCount(count)} ${reason}`);
  return reasons.length === 0 ? '' : ` (without a score: ${reasons.join(', ')})`;
}

function describeCost({ cost }: Exam): string[] {
  if (cost === null) return [];
  const describe = (what: string, { documents, seconds, tokens, money }: Amount): string =>
    `Judging the ${what}: ${formatCountOf(documents, 'document')}, about ${formatDuration(seconds)} and ` +
    `${formatAmount(tokens)} tokens` +
    (money === null ? '' : `, at a price of ${money.toPrecision(3)}`);
  return [describe('sample', cost.sample), describe('whole corpus', cost.corpus)];
}

/** The comparison: each judge, then each pair with the documents that differ most. */
export function describeComparison({ documents, keep, judges, mean, pairs }: JudgeComparison): string {
  return [
    `${formatCountOf(documents, 'document')} of the sample`,
    formatTable([
      ['judge', 'kind', 'model', 'mean score', 'without a score'],
      ...judges.map((judge) => [
        judge.name,
        judge.kind,
        judge.model,
        judge.mean?.toPrecision(3) ?? 'none',
        formatCount(sumUnknown(judge.unknown)),
      ]),
      ['mean of all', '', '', mean.mean?.toPrecision(3) ?? 'none', formatCount(mean.unknown)],
    ]),
    ...pairs.flatMap((pair) => describePair(pair, keep)),
  ].join('\n');
}

function describePair(pair: JudgePair, keep: number): string[] {
  const { first, second, spearman, area, kept, dropped, differences } = pair;
  return [
    '',
    `${first} and ${second}`,
    `  Spearman's correlation ${spearman?.toFixed(3) ?? 'unknown'} over ${formatCountOf(pair.documents, 'document')}`,
    `  ${second}'s scores find the best ${formatShare(keep)} by ${first} with an area under the curve ` +
      `of ${formatInterval(area)}`,
    `  Changing from ${first} to ${second} at ${formatShare(keep)} replaces ${formatCount(dropped)} of ` +
      `${formatCountOf(kept, 'kept document')} (${formatShare(kept === 0 ? 0 : dropped / kept)})`,
    '  They differ most about:',
    ...differences.map(
      ({ document, source, percentiles: [a, b], excerpt }) =>
        `    ${escapeControls(document)}${source === '' ? '' : ` (${escapeControls(source)})`}: ` +
        `percentile ${(100 * a).toFixed(0)} and ${(100 * b).toFixed(0)}: ${escapeControls(excerptOf(excerpt))}`,
    ),
  ];
}

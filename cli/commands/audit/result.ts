// `betr audit result`: what people's answers say about the ranking.

import type { Command } from 'commander';
import type { Interval } from '../../../data/statistics.ts';
import { isSuperseded } from '../../../evaluation/audit/audit.ts';
import { readDecisions } from '../../../evaluation/audit/decisions.ts';
import { leastAbove } from '../../../evaluation/audit/precision-cutoff.ts';
import { type AuditResult, auditResult } from '../../../evaluation/audit/result.ts';
import { type AboveScore, countAbove } from '../../../evaluation/audit/above-score.ts';
import { formatCount, formatCountOf, formatShare, parseShare } from '../../../run/amounts.ts';
import { formatTable, printResult } from '../../output.ts';
import { type AuditOptions, auditOf, openAudit } from './options.ts';

interface ResultOptions extends AuditOptions {
  precision?: string;
}

export function resultCommand(): Command {
  return auditOf(
    'result',
    'precision of the ranking by score band and as a whole, agreement between people, and a cutoff',
  )
    .option('--precision <share>', 'find the cutoff with this precision, such as 90%')
    .action(async (options: ResultOptions) => {
      const wanted =
        options.precision === undefined ? undefined : parseShare('--precision', options.precision);
      const { run, audit } = await openAudit(options);
      const result = auditResult(audit, await readDecisions(run, audit), wanted);
      const superseded = await isSuperseded(run, audit);
      const score = result.cutoff?.score ?? null;
      const above = superseded || score === null ? null : await countAbove(run, audit, score);
      printResult(options.json, { ...result, superseded, above }, describe(result, superseded, above));
    });
}

function describe(result: AuditResult, superseded: boolean, above: AboveScore | null): string {
  const { audit, precision, agreement, notes } = result;
  return [
    `Audit ${audit.id} of the ranking by ${audit.scorer} (generation ${audit.generation}): ${audit.question}`,
    ...(superseded
      ? ['The ranking has changed since this audit was drawn; the result is about the earlier one.']
      : []),
    `${formatCount(result.judged)} of ${formatCountOf(audit.documents, 'document')} judged, ` +
      `${formatCount(result.cannotTell)} marked "can't tell", ${formatCount(result.unanswered)} unanswered; ` +
      `${formatCountOf(result.changedAnswers, 'answer')} changed later.`,
    ...(precision === null ? [] : describePrecision(result, precision)),
    ...(agreement === null || agreement.alpha === null
      ? []
      : [
          `Agreement: Krippendorff's alpha ${agreement.alpha.toFixed(3)}` +
            `${
              agreement.interval === null
                ? ''
                : ` (${agreement.interval.low.toFixed(2)} ` + `to ${agreement.interval.high.toFixed(2)})`
            }, ` +
            `${formatShare(agreement.observed)} of the pairs equal, on ` +
            `${formatCountOf(agreement.documents, 'document')} with two answers.`,
        ]),
    ...describeCutoff(result, above),
    ...result.people.map(
      ({ person, yes, no, cannotTell }) =>
        `${person}: ${formatCount(yes)} yes, ${formatCount(no)} no, ${formatCount(cannotTell)} can't tell`,
    ),
    ...notes.map((note) => `Note: ${note}`),
  ].join('\n');
}

const shownSources = 20;

function describePrecision(
  { slices, sources }: AuditResult,
  precision: NonNullable<AuditResult['precision']>,
): string[] {
  return [
    '',
    `Precision ${formatEstimate(precision)} (95% interval), every slice by its share of the documents` +
      `${precision.covers < 0.9999 ? `; covers ${formatShare(precision.covers)} of them` : ''}.`,
    '',
    formatTable([
      ['scores from', 'share', 'judged', 'mean score', 'precision', '95% interval', "can't tell"],
      ...slices.map((slice) => [
        slice.from === null ? 'the rest' : String(slice.from),
        formatShare(slice.share),
        formatCount(slice.judged),
        slice.meanScore === null ? '' : String(Number(slice.meanScore.toPrecision(4))),
        ...precisionCells(slice.precision),
        formatCount(slice.cannotTell),
      ]),
    ]),
    '',
    formatTable([
      ['source', 'judged', 'precision', '95% interval', "can't tell"],
      ...sources
        .slice(0, shownSources)
        .map(({ source, judged, precision: own, cannotTell }) => [
          source === '' ? '(no source)' : source,
          formatCount(judged),
          ...precisionCells(own),
          formatCount(cannotTell),
        ]),
    ]),
    ...(sources.length > shownSources
      ? [`and ${formatCount(sources.length - shownSources)} more sources (--json)`]
      : []),
    '',
  ];
}

function precisionCells(share: Interval | null): [string, string] {
  return share === null
    ? ['', '']
    : [formatShare(share.value), `${formatShare(share.low)} to ${formatShare(share.high)}`];
}

function formatEstimate({ value, low, high }: Interval): string {
  return `${formatShare(value)}, ${formatShare(low)} to ${formatShare(high)}`;
}

function describeCutoff({ cutoff, audit }: AuditResult, above: AboveScore | null): string[] {
  if (cutoff === null) return [];
  const { wanted, score, chosenOn, measuredOn, verdict } = cutoff;
  if (score === null || chosenOn === null)
    return [
      `No cutoff has a precision of ${formatShare(wanted)} on at least ${leastAbove} judged documents of the half ` +
        'that chooses it.',
    ];
  const kept =
    above === null
      ? ''
      : ` It keeps ${formatCountOf(above.documents, 'document')} ` +
        `(${formatShare(above.documents / above.ofDocuments)}), ` +
        `${formatShare(above.tokens / above.ofTokens)} of the tokens.`;
  return [
    `Cutoff for a precision of ${formatShare(wanted)}: score ${score}, chosen on one half of the answers ` +
      `(${formatShare(chosenOn.precision)} of ${formatCountOf(chosenOn.judged, 'document')}).${kept}`,
    measuredOn === null
      ? 'The other half has no answer above it: unmeasured.'
      : `Measured on the other half: ${formatEstimate(measuredOn)}, on ` +
        `${formatCountOf(measuredOn.judged, 'document')}: ${verdictWords[verdict]}`,
    `To keep what it keeps: betr select --scorer ${audit.scorer} --score ${score}`,
  ];
}

const verdictWords = {
  reached: 'the precision is reached.',
  undecided: 'the interval includes the target precision, so this does not show that it is reached.',
  missed: 'the precision is missed; judge more documents or ask for less.',
  'no cutoff found': '',
} as const;

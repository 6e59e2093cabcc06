// Notes on the result of an audit: why its numbers may say little.

import { formatCountOf } from '../../run/amounts.ts';
import type { Decisions } from './decisions.ts';
import type { AuditResult } from './result.ts';

/** [ours] With fewer, most intervals are too wide to decide anything. */
const fewJudged = 30;

export function listNotes(
  { judged, precision, difference, agreement, slices, cutoff }: Omit<AuditResult, 'notes'>,
  { unreadableLines }: Decisions,
): string[] {
  const empty = slices.filter((slice) => slice.precision === null).length;
  return [
    ...(judged === 0
      ? ['No document has a yes or no yet.']
      : judged < fewJudged
        ? [
            `Only ${formatCountOf(judged, 'document')} with a yes or no: too few to say much, as the intervals show.`,
          ]
        : []),
    ...(precision !== null && empty > 0
      ? [`${empty} of ${slices.length} slices have no yes or no, and no precision includes them.`]
      : []),
    ...(difference !== null && slices.length % 2 === 1
      ? [`The middle one of ${slices.length} slices is in neither half of the scores.`]
      : []),
    ...describeEmpty('chose', cutoff?.chosenOn?.emptySlices ?? 0),
    ...describeEmpty('measures', cutoff?.measuredOn?.emptySlices ?? 0),
    ...(difference !== null && difference.low <= 0 && difference.high >= 0
      ? ['No difference seen between the better and the worse half of the scores.']
      : []),
    ...(difference !== null && difference.high < 0
      ? ['The worse half of the scores has the better documents: the ranking may be inverted.']
      : []),
    ...(agreement === null && judged > 0
      ? ['No document has a yes or no from two people, so their agreement is unknown.']
      : []),
    ...(agreement !== null && agreement.alpha === null
      ? ["All answers to documents with two answers are the same; Krippendorff's alpha is undefined then."]
      : []),
    ...(unreadableLines > 0
      ? [
          `${formatCountOf(unreadableLines, 'line')} of the file of answers cannot be read, so some answers ` +
            'are missing. Import their table again, or give them again.',
        ]
      : []),
  ];
}

function describeEmpty(does: 'chose' | 'measures', slices: number): string[] {
  return slices === 0
    ? []
    : [
        `${formatCountOf(slices, 'slice')} above the cutoff ${slices === 1 ? 'has' : 'have'} no yes or no ` +
          'in the half ' +
          `that ${does} it, whose precision leaves ${slices === 1 ? 'it' : 'them'} out.`,
      ];
}

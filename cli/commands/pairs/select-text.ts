// A selection of pairs as text.

import type { KeepAnswer } from '../../../pairs/answer.ts';
import type { PairsManifest } from '../../../pairs/select.ts';
import { formatCount, formatCountOf, formatShare } from '../../../run/amounts.ts';
import { shortenLine } from '../../../run/shorten.ts';
import { formatTable } from '../../output.ts';

/** What is kept, and what each group loses. */
export function describeKeep(answer: KeepAnswer): string {
  const { summary, caveats, groups, unknown } = answer;
  const reasons = Object.entries(unknown);
  return [
    summary,
    ...(reasons.length === 0
      ? []
      : [
          'Without a known difficulty: ' +
            `${reasons.map(([reason, pairs]) => `${formatCount(pairs)} (${reason})`).join(', ')}.`,
        ]),
    ...groups.map(describeGroups),
    ...(caveats.length === 0 ? [] : ['', ...caveats.map((caveat) => `- ${caveat}`)]),
  ].join('\n');
}

function describeGroups({ by, groups, more }: KeepAnswer['groups'][number]): string {
  const rows = groups.map(({ group, known, kept, lost }) => [
    group === null ? `(no ${by})` : shortenLine(group, 40),
    formatCount(known),
    formatCount(kept),
    lost === null ? '–' : formatShare(lost, 2),
  ]);
  return [
    '',
    formatTable([[by, 'known', 'kept', 'lost'], ...rows]),
    ...(more === 0 ? [] : [`and ${formatCountOf(more, 'smaller group')}`]),
  ].join('\n');
}

/** What was written. */
export function describeWritten(
  { pairs, format, files, leftOut, references }: PairsManifest,
  out: string,
): string {
  const trl = format === 'trl' || format === 'trl-messages';
  return [
    `Wrote ${formatCountOf(pairs, 'pair')} as ${format} to ${out} ` +
      `(${files.map(({ file }) => file).join(', ')}, manifest.json).`,
    ...Object.entries(leftOut).map(
      ([reason, { pairs: count, first }]) =>
        `Left out, as ${format} cannot express them: ${formatCountOf(count, 'pair')} (${reason}; the first ` +
        `is ${first}).`,
    ),
    ...(trl
      ? [
          references
            ? 'The rows have log probabilities of the reference model, so training need not compute them.'
            : 'The rows have no log probabilities of the reference model, so TRL will compute them.',
          ...(format === 'trl'
            ? [
                'The rows are plain strings. For a chat model, --format trl-messages makes them conversations.',
              ]
            : []),
          `Train with: python ${out}/train_dpo.py --model MODEL`,
        ]
      : []),
  ].join('\n');
}

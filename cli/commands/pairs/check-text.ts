// What `betr pairs check` prints.

import type { Checked, PairsCard } from '../../../pairs/card.ts';
import type { FilesChecked } from '../../../pairs/check.ts';
import { formatCount, formatCountOf, formatShare } from '../../../run/amounts.ts';
import { shorten } from '../../../run/shorten.ts';
import { formatTable } from '../../output.ts';

const shownCharacters = 300;
const mostSources = 12;
const mostPassages = 3;
/** Models trained on half of fewer pairs learn next to nothing. */
const fewPairs = 100;
/** A prompt with more of the pairs than this decides what the others are compared with. */
const commonShare = 0.1;

export function describeSet({ name, pairs, checked }: PairsCard): string {
  return [
    ...describe(name, pairs, checked),
    ...(checked.quarantined === 0
      ? []
      : ['', `Rows left out are in pairs/${name}/quarantine.jsonl in the run folder.`]),
    '',
    `Next: betr pairs measure ${name} --by bradley-terry`,
  ].join('\n');
}

export function describeFiles(
  { name, pairs, checked }: FilesChecked,
  paths: readonly string[],
  config: string,
): string {
  return [
    ...describe(name, pairs, checked),
    '',
    `Nothing was written. To go on, add these lines to ${config} and run "betr pairs check":`,
    '',
    'pairs:',
    `  - name: ${name}`,
    `    files: ${JSON.stringify(paths)}`,
  ].join('\n');
}

function describe(name: string, pairs: number, checked: Checked): string[] {
  return [
    `${name}: ${formatCountOf(pairs, 'pair')} from ${formatCountOf(checked.rows, 'row')}`,
    '',
    'Read as',
    ...checked.shapes.map(
      ({ shape, rows, pairs: made }) =>
        `  ${shape}: ${formatCountOf(rows, 'row')}${made === rows ? '' : `, ${formatCountOf(made, 'pair')}`}`,
    ),
    ...(checked.quarantined === 0
      ? []
      : [
          `Left out: ${formatCountOf(checked.quarantined, 'row')}`,
          ...checked.reasons.map(
            ({ reason, rows, first }) => `  ${formatCountOf(rows, 'row')}, first ${first}: ${reason}`,
          ),
        ]),
    ...checked.shown.flatMap(({ id, shape, prompt, chosen, rejected }, at) => [
      '',
      `--- ${at + 1} of ${checked.shown.length}: ${id}, ${shape}`,
      `prompt    ${excerpt(prompt)}`,
      `chosen    ${excerpt(chosen)}`,
      `rejected  ${excerpt(rejected)}`,
    ]),
    '',
    ...describeFaults(pairs, checked),
    '',
    ...describeLengths(checked),
  ];
}

/** On one line, with white space at its ends visible. */
function excerpt(text: string): string {
  return JSON.stringify(shorten(text, shownCharacters));
}

function describeFaults(
  pairs: number,
  { duplicates, contradictions, scored, swapped, prompts, commonPrompt, tests }: Checked,
): string[] {
  const lines = [
    ['Repeat an earlier pair', formatCount(duplicates)],
    ['Same answers, preferred the other way round', formatCount(contradictions)],
    [
      'Rejected answer has the higher score',
      scored === 0 ? 'no scores' : `${formatCount(swapped)} of ${formatCount(scored)} with scores`,
    ],
    ['Different prompts', formatCount(prompts)],
    [
      'Prompt has words of a benchmark test',
      tests === null ? 'no tests in the settings' : formatCount(tests.pairs),
    ],
  ];
  return [
    formatTable(lines),
    ...(tests?.benchmarks ?? [])
      .filter(({ pairs: own }) => own > 0)
      .map(({ benchmark, pairs: own }) => `  ${benchmark}: ${formatCountOf(own, 'pair')}`),
    ...(tests?.first ?? [])
      .slice(0, mostPassages)
      .map(
        ({ id, benchmark, item, passage }) =>
          `  ${id} has words of ${benchmark} ${item}: ${excerpt(passage)}`,
      ),
    ...(commonPrompt !== null && commonPrompt.pairs > Math.max(1, commonShare * pairs)
      ? [
          `Warning: ${formatShare(commonPrompt.pairs / pairs)} of the pairs have one and the same prompt, which a ` +
            `model then learns most about. First ${commonPrompt.id}: ${excerpt(commonPrompt.prompt)}`,
        ]
      : []),
    ...(pairs < fewPairs ? [`Warning: with fewer than ${fewPairs} pairs, difficulty is mostly noise.`] : []),
  ];
}

function describeLengths({ prompt, chosen, rejected, chosenLonger, sources }: Checked): string[] {
  const table = formatTable([
    ['characters', 'median', '90% have at most', 'longest'],
    ...Object.entries({ prompt, chosen, rejected }).map(([side, { median, p90, most }]) => [
      side,
      formatCount(median),
      formatCount(p90),
      formatCount(most),
    ]),
  ]);
  const longer = `The chosen answer is the longer one in ${formatShare(chosenLonger)} of the pairs.`;
  if (sources.length < 2) return [table, longer];
  return [
    table,
    longer,
    '',
    formatTable([
      ['source', 'pairs', 'prompt', 'chosen', 'rejected', 'chosen longer'],
      ...sources
        .slice(0, mostSources)
        .map((one) => [
          shorten(one.source ?? '(none)', 60),
          formatCount(one.pairs),
          formatCount(one.prompt),
          formatCount(one.chosen),
          formatCount(one.rejected),
          formatShare(one.chosenLonger),
        ]),
    ]),
    ...(sources.length > mostSources
      ? [`and ${formatCount(sources.length - mostSources)} more sources`]
      : []),
  ];
}

// `betr select`: writes the documents above a cutoff, as row numbers and scores or in full, with a
// manifest.

import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { fail } from '../../run/errors/errors.ts';
import { readDomains } from '../../domains/result.ts';
import { formatCount, formatCountOf } from '../../run/amounts.ts';
import { readRanking } from '../../ranking/generation.ts';
import type { LeakHandling } from '../../ranking/selection/leak-mask.ts';
import { type DomainColumn, domainColumns } from '../../ranking/selection/quotas.ts';
import { describeUnknown } from '../../ranking/unknown.ts';
import { writeSelection } from '../../ranking/selection/select.ts';
import type { SelectionManifest } from '../../ranking/selection/manifest.ts';
import { parseSlices } from '../../ranking/selection/repeat.ts';
import { caveatLines } from './cutoff.ts';
import { openRanking, rankingCommand, type RankingOptions } from '../options.ts';
import { openProgress, printResult } from '../output.ts';
import { questionOptions, type QuestionOptions, readQuestion } from '../question.ts';
import { isRemote } from '../../run/address.ts';

interface SelectOptions extends RankingOptions, QuestionOptions {
  out: string;
  format: 'rows' | 'documents';
  quotas?: 'domains';
  quotasBy: DomainColumn;
  withoutLeaks?: true;
  cutLeaks?: true;
  keepUnknown: boolean;
  repeat?: string;
}

export function selectCommand(): Command {
  return questionOptions(
    rankingCommand(
      'select',
      'write the documents above the cutoff: selection.parquet (shard, row, document, score), or the ' +
        "documents in the corpus's own format",
    ),
  )
    .requiredOption('--out <dir>', 'folder (or s3:// address) for the selection and its manifest.json')
    .addOption(new Option('--format <kind>', 'what to write').choices(['rows', 'documents']).default('rows'))
    .addOption(
      new Option(
        '--quotas <what>',
        "limit each domain's share of the kept tokens to its weight from betr domains",
      ).choices(['domains']),
    )
    .addOption(
      new Option('--quotas-by <what>', "where a document's domain is read from")
        .choices(domainColumns)
        .default('source'),
    )
    .option('--without-leaks', 'leave out documents that contain benchmark test items (found by betr leaks)')
    .option(
      '--cut-leaks',
      'with --format documents: cut out test items with 200 characters on each side, and keep the rest ' +
        'of the document',
    )
    .option(
      '--keep-unknown',
      'also write the documents that the scorer gave no score (score null); by default, they are left out',
      false,
    )
    .option(
      '--repeat <slices>',
      'how many times to repeat each document, as a column: slices with their epochs, best first, by score ' +
        '(0.75:3,0.6:1) or by share (3%:3,10%:1); the last is the cutoff',
    )
    .action(async (options: SelectOptions) => {
      const leaks = readLeakHandling(options);
      const repeat = options.repeat === undefined ? undefined : parseSlices('--repeat', options.repeat);
      const question = readQuestion(options, { cutoff: repeat === undefined });
      const run = await openRanking(options);
      const out = isRemote(options.out) ? options.out : resolve(options.out);
      const quotas =
        options.quotas === undefined
          ? undefined
          : { weights: (await readDomains(run)).domains, by: options.quotasBy };
      const progress = openProgress();
      const manifest = await writeSelection(
        run,
        await readRanking(run),
        question,
        out,
        { format: options.format, quotas, leaks, keepUnknown: options.keepUnknown, repeat },
        progress.report,
      ).finally(progress.end);
      printResult(
        options.json,
        manifest,
        [
          manifest.answer.summary,
          ...caveatLines(manifest.answer),
          '',
          `Wrote ${formatCount(manifest.documents)} documents to ${out} ` +
            `(${formatCountOf(manifest.files.length, 'file')} and manifest.json)` +
            describeLeaks(manifest.leaks) +
            describeDropped(manifest.unknown) +
            describeRepeat(manifest.repeat),
        ].join('\n'),
      );
    });
}

function readLeakHandling({ withoutLeaks, cutLeaks, format }: SelectOptions): LeakHandling {
  if (cutLeaks === true && (withoutLeaks === true || format !== 'documents'))
    throw fail('USAGE', {
      problem:
        '--cut-leaks cuts passages out of documents: it needs --format documents and replaces ' +
        '--without-leaks.',
    });
  return cutLeaks === true ? 'cut' : withoutLeaks === true ? 'drop' : 'keep';
}

function describeDropped(unknown: SelectionManifest['unknown']): string {
  if (unknown === undefined) return '';
  return `\n${describeUnknown(unknown.reasons)}. They were ${unknown.handling === 'keep' ? 'kept' : 'left out'}`;
}

function describeRepeat(repeat: SelectionManifest['repeat']): string {
  if (repeat === undefined) return '';
  const slices = repeat.slices.map(
    ({ times, documents, tokens }) =>
      `  ${formatCountOf(times, 'time')}: ${formatCount(documents)} documents, ${formatCount(tokens)} tokens`,
  );
  const unique = repeat.slices.reduce((sum, { tokens }) => sum + tokens, 0);
  return [
    '',
    'Repetitions (the column "repeat"):',
    ...slices,
    `  in all: ${formatCount(repeat.tokensSeen)} tokens, ${formatCount(unique)} without repetition`,
  ].join('\n');
}

function describeLeaks(leaks: SelectionManifest['leaks']): string {
  if (leaks === null) return '';
  return (
    `\n${formatCount(leaks.documents)} documents above the cutoff (${formatCount(leaks.tokens)} ` +
    'tokens) contain test ' +
    `items; ${leaks.handling === 'drop' ? 'they were left out' : 'the test items were cut out'}`
  );
}

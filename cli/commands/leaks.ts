// `betr leaks`: finds documents that contain benchmark test items.

import { type Command } from 'commander';
import { defaultRunWords, fewestWords } from '../../leaks/find.ts';
import { findLeaks, type LeaksResult } from '../../leaks/leaks.ts';
import { parseWhole } from '../../run/amounts.ts';
import { stepCommand, type StepOptions, work } from '../options.ts';
import { formatCount } from '../../run/amounts.ts';
import { formatBytes, formatTable, printResult, excerptOf } from '../output.ts';

interface LeaksOptions extends StepOptions {
  tests: string[];
  words: string;
}

export function leaksCommand(): Command {
  return stepCommand(
    'leaks',
    'find documents that contain benchmark test items; "betr select --without-leaks" leaves them out',
  )
    .requiredOption(
      '--tests <files...>',
      'files or globs of test items, in any format that benchmarks may have',
    )
    .option(
      '--words <count>',
      `length of the word runs to look for, ${fewestWords} to ${defaultRunWords}; shorter items must match in full`,
      String(defaultRunWords),
    )
    .action(async (options: LeaksOptions) => {
      const runWords = parseWhole('--words', options.words, fewestWords, defaultRunWords);
      const result = await work(options, (run, report) =>
        findLeaks(run, { tests: options.tests, runWords }, report),
      );
      printResult(options.json, result, describeLeaks(result));
    });
}

/** The result as text. */
export function describeLeaks({
  corpus,
  documents,
  benchmarks,
  inputs,
  testRowsQuarantined,
  scan,
}: LeaksResult): string {
  const lines = [
    `${formatCount(documents)} of ${formatCount(corpus.documents)} documents contain a test item: a run ` +
      `of ${inputs.runWords} words of it, or all of an item of ${inputs.fewestWords} ` +
      `to ${inputs.runWords - 1} words`,
    formatTable([
      ['benchmark', 'test items', 'too short', 'found', 'documents', 'also training examples'],
      ...benchmarks.map((row) => [
        row.benchmark,
        formatCount(row.items),
        formatCount(row.unchecked),
        formatCount(row.touched),
        formatCount(row.documents),
        formatCount(row.identical),
      ]),
    ]),
  ];
  for (const { benchmark, worst } of benchmarks) {
    for (const { document, shard, row, item, words, passage } of worst.slice(0, 3))
      lines.push(
        `${benchmark}: ${item} in ${document} (${shard}, row ${row}), ${words} words: ${excerptOf(passage)}`,
      );
  }
  if (testRowsQuarantined > 0)
    lines.push(
      `${formatCount(testRowsQuarantined)} test rows were rejected; ` +
        'quarantine/leaks-tests.jsonl in the run folder lists them with the reasons',
    );
  if (scan.chunksScanned > 0)
    lines.push(
      `Read ${formatBytes(scan.textBytes)} of text in ${scan.seconds.toFixed(1)} s ` +
        `(${formatBytes(scan.textBytes / scan.seconds)}/s); ${scan.chunksReused} chunks reused`,
    );
  return lines.join('\n');
}

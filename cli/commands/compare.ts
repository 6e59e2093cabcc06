// `betr compare`: compares budgets or model sizes, always with no filter as the last line.

import type { Command } from 'commander';
import { openRun } from '../../run/run.ts';
import { formatCount, formatShare, parseAmount, parseBudget } from '../../run/amounts.ts';
import { sourceOf } from '../../ranking/budget/answer.ts';
import { compareBudgets, type Comparison } from '../../ranking/budget/compare-budgets.ts';
import { comparisonColumns, tabulateComparison } from '../../ranking/budget/comparison-table.ts';
import { readRanking } from '../../ranking/generation.ts';
import { command, type CommonOptions } from '../options.ts';
import { formatTable, printResult } from '../output.ts';
import { knobOptions, type KnobOptions, readKnobs } from '../question.ts';
import { csvLine } from '../../data/rows/write-csv.ts';

interface CompareOptions extends CommonOptions, KnobOptions {
  budgets?: string;
  params?: string;
  csv: boolean;
}

export function compareCommand(): Command {
  const described = command(
    'compare',
    'compare budgets or model sizes: what each keeps, and what changes from one to the next',
  )
    .option('--budgets <list>', 'budgets in FLOPs, such as 1e19,1e20,1e21')
    .option('--params <list>', 'model sizes, such as 0.4B,1B,7B, instead of or in addition to budgets')
    .option('--csv', 'print the table as CSV', false);
  return knobOptions(described).action(async (options: CompareOptions) => {
    const run = await openRun(options.config);
    const ranking = await readRanking(run);
    const sizes = {
      budgets: options.budgets?.split(',').map(parseBudget),
      params: options.params?.split(',').map((text) => parseAmount('--params', text)),
    };
    const comparison = await compareBudgets(run, sourceOf(run, ranking), sizes, readKnobs(options));
    if (options.csv)
      process.stdout.write(
        [
          comparisonColumns,
          ...tabulateComparison(comparison).map((row) => comparisonColumns.map((column) => row[column])),
        ]
          .map(csvLine)
          .join(''),
      );
    else printResult(options.json, comparison, describeComparison(comparison));
  });
}

const changesShown = 5;

/** The comparison as text. */
function describeComparison({ lines, steps, paper }: Comparison): string {
  const share = (value: number | undefined): string => (value === undefined ? '' : formatShare(value));
  const table = lines.map(({ name, keep, cutoff, repetition, paperAccuracy }) => [
    name,
    formatShare(keep.rate),
    formatCount(cutoff.documents),
    formatCount(cutoff.tokens),
    repetition === null ? '' : Number(repetition.epochs.toPrecision(3)).toLocaleString('en'),
    ...[0, 1, 2, 3].map((i) => share(paperAccuracy?.[i]?.accuracy)),
  ]);
  return [
    formatTable([['', 'keep', 'documents', 'tokens', 'epochs', 'paper 3%', '10%', '30%', '100%'], ...table]),
    ...steps.flatMap(({ from, to, jaccard, added, removed, sources, benchmarks }) => [
      '',
      `${from} → ${to}: ${
        added.tokens > 0
          ? `${formatCount(added.tokens)} more tokens`
          : `${formatCount(removed.tokens)} fewer tokens`
      }, overlap ${share(jaccard ?? undefined)}`,
      ...[
        sources.map(({ source, ...change }) => ({ name: source || '(no source)', ...change })),
        benchmarks.map(({ benchmark, ...change }) => ({ name: benchmark, ...change })),
      ].flatMap((changes) =>
        changes.length === 0
          ? []
          : [
              `  ${changes
                .slice(0, changesShown)
                .map(
                  (one) =>
                    `${one.name} ${one.added.tokens > 0 ? '+' : '−'}` +
                    formatCount(one.added.tokens + one.removed.tokens),
                )
                .join(', ')}${changes.length > changesShown ? ', …' : ''}`,
            ],
      ),
    ]),
    '',
    ...(lines.some(({ flags }) => flags.includes('tokens-estimated')) ? ['Token counts are estimated.'] : []),
    paper,
  ].join('\n');
}

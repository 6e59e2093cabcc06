// `betr examples`: shows the texts made from the benchmarks' rows, before anything is embedded.

import { type Command } from 'commander';
import { fail } from '../../run/errors/errors.ts';
import { openRun, type Run } from '../../run/run.ts';
import { ignoredRows } from '../../data/files/quarantine.ts';
import { listBenchmarks, readBenchmark } from '../../indexer/examples/benchmarks.ts';
import { nameRecipe } from '../../indexer/examples/read.ts';
import type { ExampleCounts } from '../../indexer/index-card.ts';
import { command, type CommonOptions } from '../options.ts';
import { printResult } from '../output.ts';
import { formatCount, formatCountOf } from '../../run/amounts.ts';

interface ExamplesOptions extends CommonOptions {
  benchmark?: string[];
}

/** All examples of a benchmark: how many the index uses depends on the other benchmarks. */
type Shown = ExampleCounts[number];

export function examplesCommand(): Command {
  return command(
    'examples',
    'show the texts made from the benchmark rows, before anything is embedded: three examples per ' +
      'benchmark, the recipes that made them, and the rows and fields left out; exit code 1 if a ' +
      'benchmark has no usable row',
  )
    .option('--benchmark <names...>', 'only these benchmarks')
    .action(async ({ config, json, benchmark }: ExamplesOptions) => {
      const benchmarks = await showBenchmarks(await openRun(config), benchmark);
      printResult(json, { benchmarks }, benchmarks.map((one) => describeExamples(one)).join('\n\n'));
      if (benchmarks.some(({ found }) => found === 0)) process.exitCode = 1;
    });
}

/**
 * Reads the benchmarks of the settings, or those in `names`. Errors: OPTION_INVALID, SETTINGS_INVALID, and
 * those of `listBenchmarks` and `readBenchmark`.
 */
async function showBenchmarks(run: Run, names: readonly string[] | undefined): Promise<Shown[]> {
  const known = run.settings.benchmarks.map(({ name }) => name);
  if (known.length === 0)
    throw fail('SETTINGS_INVALID', {
      path: run.settingsPath,
      problems: ['benchmarks: missing, so there are no examples to show'],
    });
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw fail('OPTION_INVALID', {
      option: '--benchmark',
      got: unknown,
      allowed: `a benchmark in the settings: ${known.join(', ')}`,
    });
  const shown: Shown[] = [];
  for (const one of await listBenchmarks(run)) {
    if (names !== undefined && !names.includes(one.benchmark.name)) continue;
    const { benchmark, examples, found, quarantined, report } = await readBenchmark(run, one, ignoredRows);
    shown.push({
      benchmark,
      examples: examples.length,
      found,
      duplicates: found - examples.length,
      quarantined,
      ...report,
    });
  }
  return shown;
}

/** One benchmark as text, with its examples in full. */
function describeExamples(one: Shown): string {
  const { benchmark, examples, found, duplicates, quarantined, shown } = one;
  return [
    `${benchmark}: ${formatCount(found + quarantined)} ` +
      `rows, ${formatCountOf(examples, 'example')}` +
      (duplicates === 0 ? '' : `, ${formatCountOf(duplicates, 'duplicate')}`) +
      (quarantined === 0 ? '' : `, ${formatCount(quarantined)} rejected`),
    ...describeReport(one),
    ...shown.flatMap(({ example, recipe, text }, at) => [
      '',
      `--- ${at + 1} of ${shown.length}: ${example} (${nameRecipe(recipe)})`,
      text,
    ]),
    ...(found === 0
      ? ['  No row is usable. Set a template or a recipe for this benchmark (docs/inputs.md).']
      : []),
  ].join('\n');
}

/** What happened to a benchmark's rows: a line for each recipe, reason and field. */
export function describeReport({
  recipes,
  refused,
  unused,
}: Pick<Shown, 'recipes' | 'refused' | 'unused'>): string[] {
  return [
    ...recipes.map(({ recipe, rows }) => `  made by ${nameRecipe(recipe)}: ${formatCountOf(rows, 'row')}`),
    ...refused.map(
      ({ reason, rows, first }) => `  rejected: ${formatCountOf(rows, 'row')}, first at ${first}: ${reason}`,
    ),
    ...unused.map(({ field, rows }) => `  unused field: "${field}" in ${formatCountOf(rows, 'row')}`),
  ];
}

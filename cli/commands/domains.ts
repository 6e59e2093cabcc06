// `betr domains`: weights domains by other people's models; with --pages it also writes what `betr train`
// needs to score a whole corpus by them.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { fail } from '../../run/errors/errors.ts';
import { openRun } from '../../run/run.ts';
import { type DomainSettings, domainSettingsSchema, maxResamples } from '../../run/domain-settings.ts';
import { estimateDomains, type Found, weighDomains } from '../../domains/domains.ts';
import { combinations } from '../../domains/target.ts';
import { estimators } from '../../domains/estimate.ts';
import { tiePolicies } from '../../domains/sorted.ts';
import type { DomainWeights } from '../../domains/result.ts';
import { projections } from '../../domains/weights.ts';
import { parseAmount, parseShare, parseWhole } from '../../run/amounts.ts';
import { openProgressOf, stepCommand, type StepOptions, work } from '../options.ts';
import { printResult } from '../output.ts';
import { describeDomains } from '../domains-text.ts';

interface DomainOptions extends StepOptions {
  losses?: string;
  errors?: string;
  tokens?: string;
  families?: string;
  raw?: boolean;
  benchmarks?: string[];
  combine?: string;
  estimator?: string;
  ties?: string;
  weights?: string;
  keepRate?: string;
  repeat?: string;
  resamples?: string;
  seed?: string;
  pages?: string[];
}

export function domainsCommand(): Command {
  return stepCommand(
    'domains',
    "weight domains by how well other models' losses on them predict the models' benchmark errors",
  )
    .option(
      '--losses <file>',
      'bits per byte: one column per model, or the columns model, domain, bpb (CSV, TSV, Parquet)',
    )
    .option(
      '--errors <file>',
      'benchmark errors of the same models, lower is better: one column per model, or the columns ' +
        'benchmark, model, error',
    )
    .option('--benchmarks <names...>', 'benchmarks to target (default: all)')
    .addOption(
      new Option(
        '--combine <how>',
        'combine several benchmarks by mean error or by mean rank (default: error)',
      ).choices(combinations),
    )
    .option('--tokens <file>', 'token counts, with the columns domain, tokens')
    .option(
      '--families <file>',
      'model families, with the columns model, family (default: taken from the model names)',
    )
    .option('--raw', 'the losses are nats per token, and the table has the columns tokens and bytes')
    .addOption(
      new Option('--estimator <name>', 'how losses and errors are compared (default: spearman)').choices(
        estimators,
      ),
    )
    .addOption(
      new Option('--ties <policy>', 'how equal values are ranked (default: mid)').choices(tiePolicies),
    )
    .addOption(
      new Option(
        '--weights <kind>',
        'fill the best domains to their caps, or use the weights nearest to the estimates (default: linear)',
      ).choices(projections),
    )
    .option('--keep-rate <share>', 'share of the tokens to keep, which sets the caps (default: 0.1)')
    .option('--repeat <times>', "how many times a domain's tokens may be used (default: 1)")
    .option(
      '--resamples <count>',
      'bootstrap resamples of the models (default: depends on the number of domains)',
    )
    .option('--seed <number>', 'seed for resamples, folds and permutations (default: 1)')
    .option(
      '--pages <files...>',
      'pages of the domains, to train the classifier on; then run betr train and betr rank',
    )
    .action(async (options: DomainOptions) => {
      const result = await runDomains(options);
      printResult(options.json, result, describeDomains(result));
    });
}

/**
 * With a settings file, options override its `domains` and the result goes into the run. Without one, only
 * the options count and nothing is written.
 */
async function runDomains(options: DomainOptions): Promise<DomainWeights | Found> {
  const given = readOptions(options);
  if (existsSync(resolve(options.config)) || options.pages !== undefined || given['losses'] === undefined) {
    const run = await openRun(options.config);
    const settings = checkSettings({ ...run.settings.domains, ...given });
    return work(options, (locked, report) => weighDomains(locked, settings, report));
  }
  const progress = openProgressOf(options);
  return estimateDomains(checkSettings(given), { folder: process.cwd() }, progress.report).finally(() =>
    progress.end(),
  );
}

/** The given options as settings; files are relative to the current folder. */
function readOptions({
  losses,
  errors,
  tokens,
  families,
  raw,
  benchmarks,
  combine,
  estimator,
  ties,
  weights,
  keepRate,
  repeat,
  resamples,
  seed,
  pages,
}: DomainOptions): Record<string, unknown> {
  const file = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(path);
  const all = {
    losses: file(losses),
    errors: file(errors),
    tokens: file(tokens),
    families: file(families),
    raw,
    benchmarks: benchmarks?.flatMap((names) => names.split(',')).filter((name) => name !== ''),
    combine,
    estimator,
    ties,
    weights,
    keepRate: keepRate === undefined ? undefined : parseShare('--keep-rate', keepRate),
    repeat: repeat === undefined ? undefined : parseAmount('--repeat', repeat),
    resamples: resamples === undefined ? undefined : parseWhole('--resamples', resamples, 0, maxResamples),
    seed: seed === undefined ? undefined : parseWhole('--seed', seed, 0, Number.MAX_SAFE_INTEGER),
    pages: pages?.map((path) => resolve(path)),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function checkSettings(values: Record<string, unknown>): DomainSettings {
  const result = domainSettingsSchema.safeParse(values);
  if (result.success) return result.data;
  if (values['losses'] === undefined || values['errors'] === undefined)
    throw fail('USAGE', {
      problem:
        'Give the tables with --losses and --errors, or in the settings: domains: {losses: bpb.csv, ' +
        'errors: error.csv}.',
    });
  throw fail('USAGE', {
    problem: `${result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}.`,
  });
}

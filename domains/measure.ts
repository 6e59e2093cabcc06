// One pass over the losses: each domain's estimate, its interval over resampled models, and a sample of the
// rows for later steps that need the losses again.

import { quantile } from '../data/statistics.ts';
import { fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import type { DomainSettings } from '../run/domain-settings.ts';
import { estimateDraws, leaveOut, resampleModels } from './draws.ts';
import { prepareDraw } from './estimate.ts';
import { openSorted } from './sorted.ts';
import type { LossTable } from './losses.ts';
import { openSample, type RowSample } from './row-sample.ts';
import { openSameModels } from './same-models.ts';

/** Arrays are by domain, in the table's order; domains that lack a model's loss are left out. */
export interface Measured {
  names: string[];
  tokens: Float64Array;
  estimates: Float64Array;
  /** Bounds of the middle 95% of the resamples; empty without resamples. */
  low: Float64Array;
  high: Float64Array;
  /** Estimates under each resample. */
  resampled: Float32Array[];
  leftOut: { count: number; first: string };
  sample: RowSample;
  /** Groups of models whose losses are the same in every domain. */
  sameModels: string[][];
}

/** Budget for resampling, in models × domains × resamples: about ten seconds on one core. */
const resampleBudget = 4e9;
/** sign_sign takes about ten times as long as the others. */
const pairCost = 10;
const fewestResamples = 20;
const maxResamples = 1000;

/** As many resamples as the budget allows for this number of domains. */
export function fitResamples(
  { resamples, estimator }: DomainSettings,
  models: number,
  domains: number,
): number {
  const cost = models * domains * (estimator === 'sign_sign' ? pairCost : 1);
  return resamples ?? Math.max(fewestResamples, Math.min(maxResamples, Math.floor(resampleBudget / cost)));
}

/**
 * Measures all domains. `models` are the models to use and `errors` their errors; `tokenCounts` are by
 * domain, if there is a table of them. Errors: DOMAIN_NO_TOKENS, DOMAINS_NONE, TABLE_INVALID, and those of
 * reading the table.
 */
export async function measureDomains(
  losses: LossTable,
  {
    models,
    errors,
    tokenCounts,
  }: {
    models: readonly string[];
    errors: Float64Array;
    tokenCounts: { path: string; counts: Map<string, number> } | undefined;
  },
  settings: DomainSettings,
  report: Report,
): Promise<Measured> {
  const { estimator, ties, seed } = settings;
  const total = await losses.count();
  const resamples = fitResamples(settings, models.length, total);
  const draws = [leaveOut(models.length, []), ...resampleModels(models.length, resamples, seed)].map(
    (counts) => prepareDraw(estimator, ties, errors, counts),
  );
  const columns = openColumns(total, resamples);
  const sample = openSample(models.length, seed);
  const same = openSameModels(models.length);
  const seen = new Set<string>();
  const sorted = openSorted(models.length);
  const drawn = new Float64Array(draws.length);
  let row = 0;
  const leftOut = { count: 0, first: '' };
  for await (const block of losses.read(models)) {
    for (const [at, domain] of block.domains.entries()) {
      row++;
      if (seen.has(domain))
        throw fail('TABLE_INVALID', {
          path: losses.path,
          problem: `domain "${domain}" appears twice, the second time in row ${row}`,
        });
      seen.add(domain);
      sorted.values.set(block.losses.subarray(at * models.length, (at + 1) * models.length));
      if (!allFinite(sorted.values)) {
        if (leftOut.count++ === 0) leftOut.first = domain;
        continue;
      }
      const tokens =
        tokenCounts === undefined
          ? losses.hasTokens
            ? (block.tokens[at] ?? 0)
            : 1
          : (tokenCounts.counts.get(domain) ?? 0);
      if (!(tokens > 0 && tokens < Infinity))
        throw fail('DOMAIN_NO_TOKENS', {
          path: tokenCounts?.path ?? losses.path,
          domain,
          losses: losses.path,
          row,
        });
      estimateDraws(estimator, ties, sorted, draws, drawn);
      columns.add(domain, tokens, drawn);
      sample.offer(domain, tokens, sorted.values);
      same.add(sorted.values);
    }
    report({ stage: 'domains', done: row, total, unit: 'domains' });
  }
  if (columns.count() === 0) throw fail('DOMAINS_NONE', { path: losses.path, leftOut: leftOut.count });
  return { ...columns.take(), leftOut, sample: sample.take(), sameModels: same.groups(models) };
}

function allFinite(values: Float64Array): boolean {
  // x − x is 0 for every finite x, and NaN otherwise.
  let zero = 0;
  for (let i = 0; i < values.length; i++) zero += (values[i] ?? 0) - (values[i] ?? 0);
  return zero === 0;
}

interface Columns {
  add(name: string, tokens: number, drawn: Float64Array): void;
  count(): number;
  take(): Pick<Measured, 'names' | 'tokens' | 'estimates' | 'low' | 'high' | 'resampled'>;
}

function openColumns(most: number, resamples: number): Columns {
  const names: string[] = [];
  const numbers = (): Float64Array => new Float64Array(most);
  const [tokens, estimates, low, high] = [numbers(), numbers(), numbers(), numbers()];
  const resampled = Array.from({ length: resamples }, () => new Float32Array(most));
  return {
    add(name, count, drawn) {
      const at = names.length;
      names.push(name);
      tokens[at] = count;
      estimates[at] = drawn[0] ?? Number.NaN;
      for (let draw = 0; draw < resamples; draw++) {
        const column = resampled[draw];
        if (column !== undefined) column[at] = drawn[draw + 1] ?? Number.NaN;
      }
      const spread = drawn.subarray(1).sort();
      low[at] = quantile(spread, 0.025);
      high[at] = quantile(spread, 0.975);
    },
    count: () => names.length,
    take() {
      const domains = names.length;
      const spread = resamples === 0 ? 0 : domains;
      return {
        names,
        tokens: tokens.subarray(0, domains),
        estimates: estimates.subarray(0, domains),
        low: low.subarray(0, spread),
        high: high.subarray(0, spread),
        resampled: resampled.map((column) => column.subarray(0, domains)),
      };
    },
  };
}

// Domain weights as text.

import type { Found } from '../domains/domains.ts';
import type { DomainWeights } from '../domains/result.ts';
import { formatCount, formatShare } from '../run/amounts.ts';
import { shorten } from '../run/shorten.ts';
import { formatTable } from './output.ts';

const domainsShown = 20;

/** The result as text. */
export function describeDomains(result: DomainWeights | Found): string {
  const { domains, prediction, families } = result;
  const included = domains.filter(({ include }) => include);
  const tokens = result.tokensFrom.startsWith('none')
    ? ''
    : ` with ${formatCount(included.reduce((sum, domain) => sum + domain.tokens, 0))} tokens`;
  const show = (value: number | null): string => (value === null ? '' : value.toFixed(4));
  const lines = [
    `${formatCount(domains.length)} domains by ${result.estimator} over ${formatCount(result.models)} ` +
      `models; target: ${result.target.join(', ')}`,
    formatTable([
      ['domain', 'estimate', 'low', 'high', 'chosen', 'weight'],
      ...domains
        .slice(0, domainsShown)
        .map(({ domain, estimate, low, high, chosen, weight }) => [
          shorten(domain, 60),
          show(estimate),
          show(low),
          show(high),
          chosen === null ? '' : formatShare(chosen),
          weight.toPrecision(3),
        ]),
    ]),
    ...(domains.length > domainsShown ? [`and ${formatCount(domains.length - domainsShown)} more`] : []),
    `Included: ${formatCount(included.length)} domains${tokens}. Intervals from ` +
      `${formatCount(result.resamples)} resamples of the models`,
  ];
  const [family] = families;
  if (family !== undefined)
    lines.push(
      `Without the most influential family, "${family.family}" (${family.models} models), ` +
        `${formatShare(family.moved)} of the weight moves to other domains`,
    );
  if (prediction !== null)
    lines.push(
      `Rank prediction on held-out models: R² ${prediction.rSquared.toFixed(3)}; from the mean ` +
        `loss alone ${prediction.meanLoss.toFixed(3)}; with permuted ` +
        `errors ${prediction.permutedMean.toFixed(3)} on average, ` +
        `95th percentile ${prediction.permutedHigh.toFixed(3)}`,
    );
  if ('pages' in result && result.pages !== null)
    lines.push(
      `Pages: ${formatCount(result.pages.documents)} in the sample, ` +
        `${formatCount(result.pages.included)} in included domains, ` +
        `${formatCount(result.pages.unmatched)} in no domain, ` +
        `${formatCount(result.pages.duplicates)} duplicates, ` +
        `${formatCount(result.pages.quarantined)} quarantined. Next: betr train`,
    );
  return [...lines, ...result.warnings.map((warning) => `Note: ${warning}`)].join('\n');
}
